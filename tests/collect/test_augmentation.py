"""The plan's augmentation on tensors."""

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform

from foretune.collect.augmentation import Augmentation

IMAGES = torch.rand(6, 3, 12, 16, generator=torch.Generator().manual_seed(0))


def seeded(seed: int = 0) -> torch.Generator:
    """A generator in a known state."""
    return torch.Generator().manual_seed(seed)


def test_the_same_seed_changes_images_alike() -> None:
    """Equal generators give equal images, others give others, and torch's own state stays as it was."""
    before = torch.get_rng_state()
    one, same, other = (Augmentation()(IMAGES, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_images_keep_shape_and_range() -> None:
    """What comes in view is filled by the nearest pixel: nothing is darker or lighter than the image was."""
    changed = Augmentation()(IMAGES, seeded())
    assert changed.shape == IMAGES.shape
    for new, old in zip(changed, IMAGES, strict=True):
        assert old.min() - 1e-5 <= new.min() <= new.max() <= old.max() + 1e-5
    plain = torch.full((4, 1, 8, 8), 0.7)
    torch.testing.assert_close(Augmentation()(plain, seeded()), plain)


def test_no_strength_changes_nothing_but_the_flip() -> None:
    """At strength 0 each image is itself, or with flips its mirror image, about half of the time."""
    torch.testing.assert_close(Augmentation(0.0, flip=False)(IMAGES, seeded()), IMAGES)
    many = IMAGES[:1].expand(400, -1, -1, -1)
    changed = Augmentation(0.0, flip=True)(many, seeded())
    mirrored = torch.tensor([torch.allclose(one, IMAGES[0].flip(-1), atol=1e-5) for one in changed])
    same = torch.tensor([torch.allclose(one, IMAGES[0], atol=1e-5) for one in changed])
    assert torch.equal(mirrored, ~same)
    assert 150 < int(mirrored.sum()) < 250


def test_maps_have_the_reach_of_the_plan() -> None:
    """Over many draws: rotation, shift, shear and zoom fill their ranges, and none goes beyond."""
    maps = Augmentation(flip=False)._matrices(4000, 20, 30, seeded()).numpy()
    centre = np.array([14.5, 9.5, 1.0])
    shift = (maps @ centre - centre[:2]) / np.array([30, 20])
    assert np.abs(shift).max() <= 0.2 + 1e-5
    assert np.abs(shift).max() > 0.19
    area = np.linalg.det(maps[:, :, :2])
    assert 0.64 - 1e-4 <= area.min() < 0.68
    assert 1.38 < area.max() <= 1.44 + 1e-4
    turned = np.degrees(np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))
    assert 19.0 < np.abs(turned).max() < 40.0


def test_a_lower_strength_reaches_less_far() -> None:
    """At a tenth of the strength images are nearer to what they were."""
    weak, full = (Augmentation(strength, flip=False)(IMAGES, seeded()) - IMAGES for strength in (0.1, 1.0))
    assert weak.square().mean() < 0.5 * full.square().mean()


@pytest.mark.parametrize("flip", [True, False])
def test_the_warp_is_scipys(flip: bool) -> None:
    """The image under each map is what scipy interpolates with the nearest fill, inside the borders."""
    augmentation = Augmentation(flip=flip)
    image = IMAGES[:1, :1].expand(20, -1, -1, -1)
    ours = augmentation(image, seeded(3)).numpy()[:, 0]
    for new, matrix in zip(ours, augmentation._matrices(20, 12, 16, seeded(3)).numpy(), strict=True):
        whole = np.vstack([matrix, [0.0, 0.0, 1.0]])[[1, 0, 2]][:, [1, 0, 2]]  # x, y -> row, column
        back = np.linalg.inv(whole)
        wanted = affine_transform(
            IMAGES[0, 0].numpy(), back[:2, :2], back[:2, 2], order=1, mode="nearest", output_shape=(12, 16)
        )
        np.testing.assert_allclose(new, wanted, atol=1e-3)

"""The plan's augmentation: images turned, shifted, sheared, zoomed and mirrored, anew each epoch."""

from dataclasses import dataclass
from math import atan, degrees
from typing import Any, Final

import torch
from kornia.geometry.transform import get_affine_matrix2d, warp_affine

ROTATION: Final = 20.0  # degrees
SHIFT: Final = 0.2  # of the width, and of the height
SHEAR: Final = 0.2  # of the image's height, that is 11.3 degrees
ZOOM: Final = 0.2  # from 1 - 0.2 to 1 + 0.2


@dataclass(frozen=True)
class Augmentation:
    """Random affine changes of images (n, channels, height, width), a single warp each.

    At `strength` 1: a rotation of up to 20 degrees, a shift of up to 0.2 of the width and of the height, a
    shear of up to 0.2, a zoom of each side of up to 0.2, all uniform, and with `flip` a mirror image half of
    the time. What comes into view is filled with the nearest pixel. A lower strength scales all but the flip.
    """

    strength: float = 1.0
    flip: bool = True

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The images changed, of the same shape; the same state of the generator gives the same images."""
        height, width = images.shape[-2:]
        changed: torch.Tensor = warp_affine(
            images,
            self._matrices(len(images), height, width, generator).to(images),
            (height, width),
            padding_mode="border",
        )
        return changed

    def _matrices(self, n: int, height: int, width: int, generator: torch.Generator) -> Any:
        """The affine maps (n, 2, 3) of pixel coordinates."""

        def uniform(reach: float, columns: int = 1) -> torch.Tensor:
            draw = torch.rand(n, columns, generator=generator) * 2.0 - 1.0
            return draw * (reach * self.strength)

        size, shear = torch.tensor([width, height]), degrees(atan(SHEAR * self.strength))
        zoom, shift = 1.0 + uniform(ZOOM, 2), uniform(SHIFT, 2) * size
        angle, slant = (
            uniform(ROTATION)[:, 0],
            torch.deg2rad((torch.rand(n, generator=generator) * 2 - 1) * shear),
        )
        mirrored = torch.rand(n, generator=generator) < (0.5 if self.flip else 0.0)
        centre = ((size - 1) / 2.0).expand(n, 2)
        matrices = get_affine_matrix2d(shift, centre, zoom, angle, sx=slant)
        return (matrices @ _mirrors(mirrored, width))[:, :2]


def _mirrors(mirrored: torch.Tensor, width: int) -> torch.Tensor:
    """The maps (n, 3, 3) that turn left and right, x -> width - 1 - x, where it is so wanted."""
    maps = torch.eye(3).repeat(len(mirrored), 1, 1)
    maps[:, 0, 0] = torch.where(mirrored, -1.0, 1.0)
    maps[:, 0, 2] = torch.where(mirrored, width - 1.0, 0.0)
    return maps

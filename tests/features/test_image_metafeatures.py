"""Meta-features of images against independent computations."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from foretune.data.errors import DatasetError
from foretune.features.images import MEANINGS, RIDGE, describe_images
from foretune.features.metafeatures import IMAGE_METAFEATURES, METAFEATURES, describe

BUNCH = load_digits()
DIGITS = np.rint(BUNCH.images[:300] * 255 / 16).astype(np.uint8)[..., None]
LABELS = BUNCH.target[:300]
NOISE = np.random.default_rng(0).integers(0, 256, (200, 9, 6, 3), dtype=np.uint8)


def found(images: np.ndarray, y: np.ndarray | None = None) -> dict[str, float]:
    """The meta-features of few enough images that all are looked at."""
    return describe_images(images, y, np.random.default_rng(0))


def test_all_have_their_meaning_and_order() -> None:
    """The names come in the documented order; what describe gives holds them after the table's own."""
    assert [*found(DIGITS, LABELS)] == [*MEANINGS]
    whole = describe(pd.DataFrame(DIGITS.reshape(300, -1)), LABELS, image_shape=(8, 8, 1))
    assert [*whole] == [*METAFEATURES["classification"], *IMAGE_METAFEATURES]
    assert not {*IMAGE_METAFEATURES} & {*METAFEATURES["classification"]}
    assert whole["nr_class"] == 10
    assert whole["image_one_nn"] == found(DIGITS, LABELS)["image_one_nn"]


@pytest.mark.parametrize("images", [DIGITS, NOISE])
def test_light_is_what_numpy_says(images: np.ndarray) -> None:
    """Means, spreads and the histogram's entropy, computed the long way."""
    values, pixels = found(images), images / 255
    counts = np.bincount(np.minimum((pixels * 32).astype(int), 31).ravel(), minlength=32)
    wanted = {
        "image_height": images.shape[1],
        "image_width": images.shape[2],
        "image_channels": images.shape[3],
        "image_light.mean": pixels.mean(),
        "image_light.sd": pixels.std(),
        "image_light.between": np.std([one.mean() for one in pixels]),
        "image_contrast": np.mean([one.std() for one in pixels]),
        "image_entropy": entropy(counts, base=2),
        "image_black": np.mean(images == 0),
        "image_colour": np.mean(np.std(pixels, axis=-1)),
    }
    assert {name: values[name] for name in wanted} == pytest.approx(wanted)


def test_edges_are_those_of_each_pixel() -> None:
    """The length of forward differences, pixel by pixel."""
    grey, lengths = NOISE.mean(axis=3) / 255, []
    for image in grey:
        for row in range(9):
            for column in range(6):
                down = image[row + 1, column] - image[row, column] if row < 8 else 0.0
                right = image[row, column + 1] - image[row, column] if column < 5 else 0.0
                lengths.append((down**2 + right**2) ** 0.5)
    values = found(NOISE)
    assert values["image_edge.mean"] == pytest.approx(np.mean(lengths))
    assert values["image_edge.sd"] == pytest.approx(np.std(lengths))
    assert values["image_edge_share"] == pytest.approx(np.mean(np.array(lengths) > 0.1))


def test_neighbours_and_mirror_images_correlate_as_numpy_says() -> None:
    """Both are plain correlations over pairs of pixels."""
    grey = DIGITS[..., 0] / 255
    pairs = [(image[i, j], image[i + 1, j]) for image in grey for i in range(7) for j in range(8)]
    pairs += [(image[i, j], image[i, j + 1]) for image in grey for i in range(8) for j in range(7)]
    mirrored = [(image[i, j], image[i, 7 - j]) for image in grey for i in range(8) for j in range(8)]
    values = found(DIGITS)
    assert values["image_smoothness"] == pytest.approx(np.corrcoef(np.array(pairs).T)[0, 1])
    assert values["image_symmetry"] == pytest.approx(np.corrcoef(np.array(mirrored).T)[0, 1])


def test_the_spectrum_is_scikit_learns() -> None:
    """Shares of variance and counts of components are those of its PCA."""
    shares = PCA().fit(DIGITS.reshape(300, -1)).explained_variance_ratio_
    values = found(DIGITS)
    assert values["image_pca_top"] == pytest.approx(shares[0])
    assert values["image_pca_50"] == np.sum(np.cumsum(shares) < 0.5) + 1
    assert values["image_pca_95"] == np.sum(np.cumsum(shares) < 0.95) + 1


def test_the_nearest_neighbour_is_scikit_learns() -> None:
    """Balanced accuracy of its 1-NN, each image left out in turn."""
    rows = DIGITS.reshape(300, -1) / 255
    said = cross_val_predict(KNeighborsClassifier(1), rows, LABELS, cv=LeaveOneOut())
    assert found(DIGITS, LABELS)["image_one_nn"] == pytest.approx(balanced_accuracy_score(LABELS, said))


def test_the_linear_model_is_a_ridge_left_out_one_by_one() -> None:
    """The closed form says what as many fits of scikit-learn's Ridge say."""
    rows, y = DIGITS[:60].reshape(60, -1) / 255, LABELS[:60]
    columns = np.hstack([rows - rows.mean(axis=0), np.ones((60, 1))])
    model = Ridge(alpha=RIDGE * np.mean(np.sum(columns**2, axis=1)), fit_intercept=False)
    said = cross_val_predict(model, columns, np.eye(10)[y], cv=LeaveOneOut()).argmax(axis=1)
    assert found(DIGITS[:60], y)["image_linear"] == pytest.approx(balanced_accuracy_score(y, said))


def test_the_share_between_classes_is_anovas() -> None:
    """The squared distances of class means from the mean, by all squared distances."""
    rows = DIGITS.reshape(300, -1) / 255
    classes = [rows[np.flatnonzero(np.equal(LABELS, k))] for k in range(10)]
    within = sum(((part - part.mean(axis=0)) ** 2).sum() for part in classes)
    total = ((rows - rows.mean(axis=0)) ** 2).sum()
    assert found(DIGITS, LABELS)["image_class_share"] == pytest.approx(1 - within / total)


def test_edges_tell_what_light_does_not() -> None:
    """Where classes differ in texture only, the linear model on edges sees it and that on pixels does not."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    rough = rng.integers(0, 2, (120, 8, 8, 1)) * 200
    smooth = np.repeat(np.repeat(rng.integers(0, 2, (120, 4, 4, 1)), 2, axis=1), 2, axis=2) * 200
    values = found(np.where(y[:, None, None, None] == 1, rough, smooth).astype(np.uint8), y)
    assert values["image_edge_linear"] > 0.9
    assert values["image_linear"] < 0.75


def test_images_that_do_not_vary_have_no_spectrum() -> None:
    """Constant images give NaN where nothing is defined, and finite numbers elsewhere."""
    values = found(np.full((20, 6, 6, 1), 7, dtype=np.uint8), np.arange(20) % 2)
    undefined = {name for name, value in values.items() if np.isnan(value)}
    assert undefined == {
        "image_smoothness",
        "image_symmetry",
        "image_pca_top",
        "image_pca_50",
        "image_pca_95",
        "image_class_share",
    }


def test_numbers_as_targets_leave_classes_undefined() -> None:
    """Without classes, what tells of them is NaN."""
    names = {name for name, value in found(DIGITS).items() if np.isnan(value)}
    assert names == {"image_class_share", "image_one_nn", "image_linear", "image_edge_linear"}


def test_large_images_and_many_of_them_are_sampled() -> None:
    """Only so many images are looked at, averaged down; the same seed looks at the same ones."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (900, 40, 33, 3), dtype=np.uint8)
    y = rng.integers(0, 3, 900)
    one, same = (describe_images(images, y, np.random.default_rng(5)) for _ in "ab")
    assert one == same
    assert one["image_pca_95"] <= 13 * 16 * 3


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (DIGITS.reshape(300, -1) / 255.0, "no bytes: give whole numbers in 0..255"),
        (DIGITS.reshape(300, -1) - 128.0, "no bytes"),
        (DIGITS.reshape(300, -1).astype(int) * 2, "no bytes"),
        (np.where(DIGITS.reshape(300, -1) == 255, np.nan, 0.0), "no bytes"),
        (DIGITS.reshape(300, -1)[:, 1:], r"63 columns, which are no images of \(8, 8, 1\)"),
    ],
)
def test_pixels_that_are_no_bytes_are_refused(rows: np.ndarray, message: str) -> None:
    """Floats in [0, 1] would all be taken for black, negative ones for bright: both are told."""
    with pytest.raises(DatasetError, match=message):
        describe(rows, LABELS, image_shape=(8, 8, 1))


def test_images_of_one_pixel_have_no_neighbours() -> None:
    """Their smoothness is undefined, without a warning."""
    assert np.isnan(found(DIGITS[:20, :1, :1], LABELS[:20])["image_smoothness"])

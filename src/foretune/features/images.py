"""What images are like, as named numbers: light, edges, spectrum, and what simple models reach."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foretune.data.records import Floats, Mask

SAMPLE: Final = 400  # images, drawn at random
SIDE: Final = 16  # pixels: larger images are averaged down before spectrum and landmarkers
BINS: Final = 32  # of the histogram of intensities
STRONG_EDGE: Final = 0.1  # change of intensity from one pixel to the next
RIDGE: Final = 0.1  # penalty of the linear landmarkers, by the mean squared length of an image

MEANINGS: Final[dict[str, str]] = {
    "image_height": "pixels from top to bottom",
    "image_width": "pixels from left to right",
    "image_channels": "channels: 1 grey, 3 colour",
    "image_light.mean": "mean intensity in [0, 1]",
    "image_light.sd": "sd of the intensity over all pixels",
    "image_light.between": "sd of the images' mean intensities",
    "image_contrast": "mean over the images of the sd of their intensities",
    "image_entropy": f"entropy of the intensities in bits, in {BINS} equal bins",
    "image_black": "share of intensities that are 0",
    "image_colour": "mean over the pixels of the sd of their channels; 0 for grey images",
    "image_edge.mean": "mean length of the gradient of the grey image, by forward differences",
    "image_edge.sd": "sd of that length",
    "image_edge_share": f"share of gradients longer than {STRONG_EDGE}",
    "image_smoothness": "correlation of neighbouring pixels of the grey image; NaN if they do not vary",
    "image_symmetry": "correlation of the grey images with their mirror images; NaN if they do not vary",
    "image_pca_top": "share of the variance on the first principal component; NaN if images do not vary",
    "image_pca_50": "principal components that hold 50 % of the variance; NaN if images do not vary",
    "image_pca_95": "principal components that hold 95 % of the variance; NaN if images do not vary",
    "image_class_share": "share of the variance that lies between the classes' mean images; NaN for numbers, "
    "or if images do not vary",
    "image_one_nn": "balanced accuracy of the nearest other image; NaN for numbers",
    "image_linear": "balanced accuracy of a ridge classifier, each image left out; NaN for numbers",
    "image_edge_linear": "the same on the gradients instead of the pixels: what edges tell; NaN for numbers",
}
"""Each meta-feature of images in order: name -> what it means, and when it is NaN.

All but the sizes rest on at most 400 images; spectrum, classes and landmarkers on images averaged down to at
most 16 pixels a side.
"""


def describe_images(
    images: NDArray[np.uint8], y: ArrayLike | None, rng: np.random.Generator
) -> dict[str, float]:
    """The meta-features of images (n, height, width, channels), bytes, in the order of `MEANINGS`.

    `y` (n,) are classes from 0, or None where the target is a number.
    """
    rows = np.sort(rng.permutation(len(images))[:SAMPLE])
    part = images[rows].astype(np.float64) / 255.0
    grey = part.mean(axis=3)
    small = _averaged(part)
    found = {
        "image_height": images.shape[1],
        "image_width": images.shape[2],
        "image_channels": images.shape[3],
        **_light(part),
        **_edges(grey),
        "image_smoothness": _smoothness(grey),
        "image_symmetry": _correlation(grey, grey[:, :, ::-1]),
        **_spectrum(small.reshape(len(small), -1)),
        **_classes(small, None if y is None else np.asarray(y, dtype=np.intp)[rows]),
    }
    return {name: float(found[name]) for name in MEANINGS}


def _light(part: Floats) -> dict[str, float]:
    shares = np.histogram(part, bins=BINS, range=(0.0, 1.0))[0] / part.size
    shares = shares[shares > 0]
    return {
        "image_light.mean": part.mean(),
        "image_light.sd": part.std(),
        "image_light.between": part.mean(axis=(1, 2, 3)).std(),
        "image_contrast": part.std(axis=(1, 2, 3)).mean(),
        "image_entropy": -np.sum(shares * np.log2(shares)) + 0.0,
        "image_black": np.mean(part == 0.0),
        "image_colour": part.std(axis=3).mean(),
    }


def _gradients(grey: Floats) -> tuple[Floats, Floats]:
    """The change down and to the right of each pixel of images (n, h, w), 0 at the last row and column."""
    down, right = np.zeros_like(grey), np.zeros_like(grey)
    down[:, :-1] = np.diff(grey, axis=1)
    right[:, :, :-1] = np.diff(grey, axis=2)
    return down, right


def _edges(grey: Floats) -> dict[str, float]:
    lengths = np.hypot(*_gradients(grey))
    return {
        "image_edge.mean": lengths.mean(),
        "image_edge.sd": lengths.std(),
        "image_edge_share": np.mean(lengths > STRONG_EDGE),
    }


def _smoothness(grey: Floats) -> float:
    """The correlation over all pairs of pixels that are neighbours, above or beside."""
    first = np.concatenate([grey[:, :-1].ravel(), grey[:, :, :-1].ravel()])
    second = np.concatenate([grey[:, 1:].ravel(), grey[:, :, 1:].ravel()])
    return _correlation(first, second)


def _correlation(a: Floats, b: Floats) -> float:
    if not a.size:  # an image of one pixel has no neighbours
        return np.nan
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    spread = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / spread if spread > 1e-12 * a.size else np.nan


def _averaged(part: Floats) -> Floats:
    """The images with at most 16 pixels a side: the means of blocks, what is left over cut off."""
    n, height, width, channels = part.shape
    down, across = -(-height // SIDE), -(-width // SIDE)
    rows, columns = height // down, width // across
    cut = part[:, : rows * down, : columns * across]
    return np.asarray(cut.reshape(n, rows, down, columns, across, channels).mean(axis=(2, 4)))


def _spectrum(rows: Floats) -> dict[str, float]:
    centred = rows - rows.mean(axis=0)
    gram = centred.T @ centred if rows.shape[1] <= len(rows) else centred @ centred.T
    variances = np.clip(np.linalg.eigvalsh(gram)[::-1], 0.0, None)
    if variances.sum() <= 1e-12:
        return {"image_pca_top": np.nan, "image_pca_50": np.nan, "image_pca_95": np.nan}
    shares = variances / variances.sum()
    held = np.cumsum(shares)
    return {
        "image_pca_top": shares[0],
        "image_pca_50": np.searchsorted(held, 0.5 - 1e-12) + 1,
        "image_pca_95": np.searchsorted(held, 0.95 - 1e-12) + 1,
    }


def _classes(small: Floats, y: NDArray[np.intp] | None) -> dict[str, float]:
    names = ("image_class_share", "image_one_nn", "image_linear", "image_edge_linear")
    if y is None:
        return dict.fromkeys(names, np.nan)
    rows = small.reshape(len(small), -1)
    edges = np.hypot(*_gradients(small.mean(axis=3))).reshape(len(small), -1)
    is_class = np.unique(y)[:, None] == y  # (classes, n)
    found = (
        _between(rows, is_class),
        _balanced(_nearest(rows), is_class),
        _balanced(_ridge(rows, is_class), is_class),
        _balanced(_ridge(edges, is_class), is_class),
    )
    return dict(zip(names, found, strict=True))


def _between(rows: Floats, is_class: Mask) -> float:
    centred = rows - rows.mean(axis=0)
    total = float(np.sum(centred**2))
    means = (is_class @ centred) / is_class.sum(axis=1, keepdims=True)
    between = float(np.sum(is_class.sum(axis=1) * np.sum(means**2, axis=1)))
    return between / total if total > 1e-12 else np.nan


def _nearest(rows: Floats) -> NDArray[np.intp]:
    """The place of each row's nearest other row, (n,)."""
    squares = np.sum(rows**2, axis=1)
    distances = squares[:, None] + squares - 2.0 * rows @ rows.T
    np.fill_diagonal(distances, np.inf)
    return np.asarray(distances.argmin(axis=1))


def _ridge(rows: Floats, is_class: Mask) -> NDArray[np.intp]:
    """A row of the class that a ridge regression, fitted on all other rows, says of each row, (n,).

    Left out one by one in closed form: the residuals are divided by 1 minus the leverage.
    Source: Cook, Weisberg 1982, Residuals and Influence in Regression, 2.2.
    """
    centred = np.hstack([rows - rows.mean(axis=0), np.ones((len(rows), 1))])
    gram = centred @ centred.T
    penalty = RIDGE * max(float(np.trace(gram)) / len(rows), 1e-12)
    hat = np.linalg.solve(gram + penalty * np.eye(len(rows)), gram)
    targets, leverage = is_class.T.astype(np.float64), np.diag(hat)[:, None]
    said = np.argmax((hat @ targets - leverage * targets) / (1.0 - leverage), axis=1)
    return np.asarray(is_class.argmax(axis=1)[said])


def _balanced(neighbours: NDArray[np.intp], is_class: Mask) -> float:
    """The mean over the classes of the share of their rows whose neighbour is of the same class."""
    right = np.sum(is_class & is_class[:, neighbours], axis=1)
    return float(np.mean(right / is_class.sum(axis=1)))

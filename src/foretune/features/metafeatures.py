"""What a dataset is like, as named numbers: the meta-features by which tasks are compared.

Names without a word of their own here are those of pymfe (Alcobaça et al. 2020, JMLR 21(111)), with its
definitions; `.mean`, `.sd` (n - 1), `.min` and `.max` summarise over columns or classes.
"""

from collections.abc import Iterable
from functools import cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from threadpoolctl import ThreadpoolController

from foretune.data.errors import DatasetError
from foretune.data.metrics import Target
from foretune.data.records import Floats
from foretune.features import images, landmarkers
from foretune.features.table import Ints, Table, filled, filled_levels, missing_shares, read, unit_range

MAX_COLUMNS: Final = 1_000
MAX_PIXELS: Final = 200  # of images: neighbouring pixels tell the same, and 3,072 of them took 2 s
STATISTICS_ROWS: Final = 2_000
LANDMARK_ROWS: Final = 500

_SIMPLE: Final[dict[str, str]] = {
    "nr_inst": "rows",
    "log_nr_inst": "natural logarithm of the rows",
    "nr_attr": "columns",
    "log_nr_attr": "natural logarithm of the columns",
    "nr_num": "numeric columns (numbers, dates, durations)",
    "nr_cat": "categorical columns (text, categories, booleans)",
    "nr_bin": "columns with exactly two distinct values",
    "cat_ratio": "share of categorical columns",
    "num_to_cat": "numeric columns by categorical ones; NaN without categorical columns",
    "attr_to_inst": "columns by rows",
    "inst_to_attr": "rows by columns",
    "missing_ratio": "share of missing cells",
    "missing_attr_ratio": "share of columns with missing cells",
    "max_cardinality": "levels of the categorical column that has most; 0 without categorical columns",
}
_STATISTICAL: Final[dict[str, str]] = {
    "constant_ratio": "share of columns with one value only",
    "cor.mean": "mean absolute correlation of two varying numeric columns; NaN with fewer than 2",
    "cor.sd": "sd of the absolute correlations; NaN with fewer than 3 varying numeric columns",
    "nr_cor_attr": "share of those pairs with an absolute correlation of at least 0.5; NaN with fewer than 2",
    "skewness.mean": "mean skewness of varying numeric columns; NaN without one",
    "skewness.sd": "sd of that skewness; NaN with fewer than 2 varying numeric columns",
    "kurtosis.mean": "mean excess kurtosis of varying numeric columns; NaN without one",
    "kurtosis.sd": "sd of that kurtosis; NaN with fewer than 2 varying numeric columns",
    "outlier_ratio": "share of numbers over 1.5 quartile ranges outside the quartiles; NaN if none varies",
    "sparsity.mean": "mean of (rows / distinct values - 1) / (rows - 1): 0 if none repeats, 1 if constant",
    "sparsity.sd": "sd of that sparsity; NaN with one column",
    "pca_95": "share of principal components that hold 95 % of the variance of standardised numeric columns; "
    "NaN without varying ones",
    "pca_top": "share of that variance on the first principal component; NaN without varying numeric columns",
}
_INFORMATION: Final[dict[str, str]] = {
    "attr_ent.mean": "mean entropy of a column in bits, numbers cut into equally filled bins",
    "attr_ent.sd": "sd of that entropy; NaN with one column",
    "joint_ent.mean": "mean joint entropy of a column and the target in bits",
    "mut_inf.mean": "mean mutual information of a column and the target in bits",
    "mut_inf.sd": "sd of that mutual information; NaN with one column",
    "mut_inf.max": "largest mutual information of a column and the target in bits",
    "eq_num_attr": "entropy of the target by the mean mutual information: so many average columns tell all; "
    "NaN where no column informs",
    "ns_ratio": "noise by signal, (entropy - mutual information) / mutual information; NaN if none informs",
}
_CLASSES: Final[dict[str, str]] = {
    "nr_class": "classes",
    "freq_class.mean": "mean share of a class",
    "freq_class.sd": "sd of the classes' shares",
    "freq_class.min": "share of the rarest class",
    "freq_class.max": "share of the most frequent class",
    "class_ent": "entropy of the classes in bits",
    "class_ent_ratio": "entropy of the classes by that of as many equally frequent ones, in (0, 1]",
}
_NUMBERS: Final[dict[str, str]] = {
    "target_skewness": "skewness of the target",
    "target_kurtosis": "excess kurtosis of the target",
    "target_outlier_ratio": "share of targets over 1.5 quartile ranges outside the quartiles",
    "target_distinct_ratio": "distinct values of the target by rows",
    "target_cor.mean": "mean absolute correlation of a numeric column and the target; NaN if none varies",
    "target_cor.max": "largest absolute correlation of a numeric column and the target; NaN if none varies",
}

METAFEATURES: Final[dict[Target, dict[str, str]]] = {
    "classification": _SIMPLE | _CLASSES | _STATISTICAL | _INFORMATION | landmarkers.MEANINGS,
    "regression": _SIMPLE
    | _NUMBERS
    | _STATISTICAL
    | _INFORMATION
    | {name: meaning for name, meaning in landmarkers.MEANINGS.items() if name != "naive_bayes"},
}
"""Each meta-feature in `describe`'s order, by kind of target: name -> what it means, and when it is NaN."""

IMAGE_METAFEATURES: Final[dict[str, str]] = images.MEANINGS
"""Those that images have besides, after the others."""


def describe(
    X: pd.DataFrame | ArrayLike,
    y: ArrayLike,
    *,
    target: Target | None = None,
    seed: int = 0,
    image_shape: tuple[int, int, int] | None = None,
) -> dict[str, float]:
    """The meta-features of a dataset, name -> value, in the order of `METAFEATURES[target]`.

    `X` (n, d) is a DataFrame or a 2-D array; numbers, dates (as seconds) and durations are numeric columns;
    text, categories, booleans and mixed objects are categorical. Infinite numbers count as missing. A missing
    number counts as its column's median, a missing category as the most frequent one. `y` (n,) is complete.

    `target` None is inferred: text, categories, booleans, and whole numbers with at most max(20, sqrt(n))
    distinct values ask for classification, all other numbers for regression.

    Values are finite, or NaN where the definition is undefined, as `METAFEATURES` says for each. The order of
    the columns changes none, nor does the unit of a numeric column or of a numeric target. Sizes, missing
    cells and the target are counted in full; statistics rest on at most 2,000 rows, landmarkers on 500 of
    them, and both on 1,000 columns, drawn by `seed` (every class keeps its first rows).

    Raises `DatasetError` where X is no table with a row and a column, y has another length, misses values or
    holds one value only, or regression is asked for on a target that is not numeric.

    Rows of pixels, bytes, with `image_shape` (height, width, channels) get `IMAGE_METAFEATURES` besides, and
    the statistics of their columns rest on 200 pixels.

    >>> from sklearn.datasets import load_iris
    >>> found = describe(*load_iris(return_X_y=True))
    >>> found["nr_inst"], found["nr_class"], round(found["cor.mean"], 3)
    (150.0, 3.0, 0.594)
    """
    rng = np.random.default_rng(seed)
    table = read(X, y, target)
    found = _simple(table) | (_classes(table) if table.target == "classification" else _numbers(table))
    part = table.columns(MAX_COLUMNS if image_shape is None else MAX_PIXELS, rng)
    part = part.rows(draw(part, STATISTICS_ROWS, rng))
    # BLAS threads gain nothing on matrices this small; on 2 cores at load 5 a solve took 500 ms instead of 2.
    with _thread_pools().limit(limits=1, user_api="blas"):
        found |= _statistical(part) | _information(part)
        found |= landmarkers.landmarks(part.rows(draw(part, LANDMARK_ROWS, rng)), rng)
        looked_at = _images(X, table, image_shape, seed) if image_shape is not None else {}
    return {name: float(found[name]) for name in METAFEATURES[table.target]} | looked_at


def _images(
    X: pd.DataFrame | ArrayLike, table: Table, shape: tuple[int, int, int], seed: int
) -> dict[str, float]:
    rows = np.asarray(X)
    if rows.shape[1] != np.prod(shape):
        raise DatasetError(
            f"X has {rows.shape[1]} columns, which are no images of {shape} pixels: give height x width x "
            "channels columns."
        )
    with np.errstate(invalid="ignore"):  # of what is missing, and refused below
        pixels = rows.astype(np.uint8)
    if (pixels != rows).any():
        raise DatasetError(
            "X holds pixels that are no bytes: give whole numbers in 0..255; make_image_dataset makes "
            "them of floats in [0, 1]."
        )
    classes = table.y if table.target == "classification" else None
    return images.describe_images(pixels.reshape(-1, *shape), classes, np.random.default_rng(seed))


@cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


def draw(table: Table, rows: int, rng: np.random.Generator) -> Ints:
    """At most so many row numbers, rising; each class in proportion, but with 3 rows if it has them."""
    n = len(table)
    if n <= rows:
        return np.arange(n)
    if table.target == "regression":
        return np.sort(rng.choice(n, rows, replace=False))
    classes = table.y.astype(int)
    order = np.lexsort((rng.random(n), classes))
    counts = np.bincount(classes)
    place = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    # A place within the class turns into a share of it, so that equal shares of every class come first.
    urgency = np.where(place < 3, place - 3.0, (place + rng.random(n)) / np.repeat(counts, counts))
    return np.sort(order[np.argsort(urgency, kind="stable")[:rows]])


def _simple(table: Table) -> dict[str, float]:
    n, d = len(table), table.width
    nr_num, nr_cat = table.numbers.shape[1], table.levels.shape[1]
    cardinality = table.levels.max(axis=0, initial=-1) + 1
    missing = missing_shares(table)
    return {
        "nr_inst": n,
        "log_nr_inst": np.log(n),
        "nr_attr": d,
        "log_nr_attr": np.log(d),
        "nr_num": nr_num,
        "nr_cat": nr_cat,
        "nr_bin": _binary_count(table.numbers) + np.sum(cardinality == 2),
        "cat_ratio": nr_cat / d,
        "num_to_cat": nr_num / nr_cat if nr_cat else np.nan,
        "attr_to_inst": d / n,
        "inst_to_attr": n / d,
        "missing_ratio": missing.mean(),
        "missing_attr_ratio": np.mean(missing > 0),
        "max_cardinality": cardinality.max(initial=0),
    }


def _binary_count(numbers: Floats) -> int:
    low, high = np.fmin.reduce(numbers, axis=0), np.fmax.reduce(numbers, axis=0)
    extreme = (numbers == low) | (numbers == high) | np.isnan(numbers)
    return int(np.sum(extreme.all(axis=0) & (low < high)))


def _classes(table: Table) -> dict[str, float]:
    shares = np.bincount(table.y.astype(int)) / len(table)
    entropy = _entropy(table.y)
    return {
        "nr_class": len(shares),
        **_summary("freq_class", shares, ("mean", "sd", "min", "max")),
        "class_ent": entropy,
        "class_ent_ratio": entropy / np.log2(len(shares)),
    }


def _numbers(table: Table) -> dict[str, float]:
    y = unit_range(table.y[:, None])
    skewness, kurtosis = _shape(y)
    return {
        "target_skewness": skewness[0],
        "target_kurtosis": kurtosis[0],
        "target_outlier_ratio": _outlier_ratio(y),
        "target_distinct_ratio": len(np.unique(table.y)) / len(table),
    }


def _statistical(table: Table) -> dict[str, float]:
    numbers = unit_range(filled(table.numbers))
    varying = numbers[:, np.ptp(numbers, axis=0) > 0]
    skewness, kurtosis = _shape(varying)
    distinct = _distinct(numbers, filled_levels(table.levels))
    sparsity = (len(table) / distinct - 1) / (len(table) - 1)
    standard = _standard(varying)
    correlations = _correlations(standard)
    return {
        "constant_ratio": np.mean(distinct == 1),
        **_summary("cor", correlations, ("mean", "sd")),
        "nr_cor_attr": np.mean(correlations >= 0.5) if correlations.size else np.nan,
        **_summary("skewness", skewness, ("mean", "sd")),
        **_summary("kurtosis", kurtosis, ("mean", "sd")),
        "outlier_ratio": _outlier_ratio(varying),
        **_summary("sparsity", sparsity, ("mean", "sd")),
        **_spectrum(standard),
        **(_target_correlations(standard, table.y) if table.target == "regression" else {}),
    }


def _shape(columns: Floats) -> tuple[Floats, Floats]:
    """The skewness m3 / s^3 and excess kurtosis m4 / s^4 - 3 of each varying column, both (p,).

    Source: Joanes, Gill 1998, doi:10.1111/1467-9884.00122, b1 and b2.
    """
    centred = columns - columns.mean(axis=0)
    squares = centred * centred
    s = columns.std(axis=0, ddof=1)
    return np.mean(squares * centred, axis=0) / s**3, np.mean(squares * squares, axis=0) / s**4 - 3.0


def _standard(varying: Floats) -> Floats:
    return np.asarray((varying - varying.mean(axis=0)) / varying.std(axis=0))


def _correlations(standard: Floats) -> Floats:
    """The absolute correlations of all pairs of standardised columns, (p * (p - 1) / 2,)."""
    matrix = standard.T @ standard / len(standard)
    return np.abs(matrix[np.tril_indices(len(matrix), k=-1)])


def _target_correlations(standard: Floats, y: Floats) -> dict[str, float]:
    y = unit_range(y[:, None])
    spread = y.std() or 1.0  # a sample of a target may be constant, and then correlates with nothing
    return _summary(
        "target_cor", np.abs(standard.T @ (y - y.mean()) / (len(y) * spread)).ravel(), ("mean", "max")
    )


def _spectrum(standard: Floats) -> dict[str, float]:
    n, p = standard.shape
    if not p:
        return {"pca_95": np.nan, "pca_top": np.nan}
    gram = standard.T @ standard if p <= n else standard @ standard.T
    variances = np.linalg.eigvalsh(gram)[::-1] / np.trace(gram)
    needed = int(np.searchsorted(np.cumsum(variances), 0.95 - 1e-12)) + 1
    return {"pca_95": needed / p, "pca_top": variances[0]}


def _outlier_ratio(columns: Floats) -> float:
    if not columns.size:
        return np.nan
    low, high = np.percentile(columns, (25, 75), axis=0)
    reach = 1.5 * (high - low)
    # A billionth of the column's range, so that a change of units does not move values over the border.
    return float(np.mean((columns < low - reach - 1e-9) | (columns > high + reach + 1e-9)))


def _distinct(numbers: Floats, levels: Ints) -> Ints:
    """The number of distinct values in each column, numbers first, (d,)."""
    counts = [
        1 + np.count_nonzero(np.diff(np.sort(part, axis=0), axis=0), axis=0) for part in (numbers, levels)
    ]
    return np.concatenate(counts)


def _information(table: Table) -> dict[str, float]:
    labels = table.y if table.target == "classification" else _bins(table.y[:, None])[:, 0]
    labels = np.unique(labels, return_inverse=True)[1]
    columns = np.hstack([filled_levels(table.levels), _bins(unit_range(filled(table.numbers)))]).T
    entropies = np.array([_entropy(column) for column in columns])
    joint = np.array([_entropy(column * (labels.max() + 1) + labels) for column in columns])
    # Rounding alone can take it below 0, and a sum of such dust must not be divided by.
    shared = entropies + _entropy(labels) - joint
    shared = np.where(shared > 1e-9, shared, 0.0)
    signal = shared.sum()
    return {
        **_summary("attr_ent", entropies, ("mean", "sd")),
        **_summary("joint_ent", joint, ("mean",)),
        **_summary("mut_inf", shared, ("mean", "sd", "max")),
        "eq_num_attr": len(columns) * _entropy(labels) / signal if signal else np.nan,
        "ns_ratio": (entropies.sum() - signal) / signal if signal else np.nan,
    }


def _bins(columns: Floats) -> Ints:
    """Codes (n, p) of about cbrt(n) equally filled bins a column, at least two; ties share a bin."""
    n, p = columns.shape
    count = max(2, int(n ** (1 / 3)))
    edges = np.quantile(columns, np.linspace(0, 1, count + 1)[1:], axis=0)
    codes = np.empty((n, p), dtype=np.int64)
    for j in range(p):
        codes[:, j] = np.searchsorted(np.unique(edges[:, j]), columns[:, j])
    return codes


def _entropy(labels: ArrayLike) -> float:
    """Shannon's entropy of the labels (n,), in bits."""
    shares = np.unique(labels, return_counts=True)[1] / np.size(labels)
    return float(-np.sum(shares * np.log2(shares)))


def _summary(name: str, values: Floats, how: Iterable[str]) -> dict[str, float]:
    """The values (k,) summed up; the sd is NaN for fewer than two values, all else for none."""
    ways = {
        "mean": lambda: values.mean() if values.size else np.nan,
        "sd": lambda: values.std(ddof=1) if values.size > 1 else np.nan,
        "min": lambda: values.min() if values.size else np.nan,
        "max": lambda: values.max() if values.size else np.nan,
    }
    return {f"{name}.{way}": float(ways[way]()) for way in how}

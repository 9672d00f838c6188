"""What names a dataset by its content: a digest that shuffled rows and renamed columns do not change."""

from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foretune.collect.images import Pixels

Hashes = NDArray[np.uint64]


def table_digest(X: pd.DataFrame, y: "pd.Series[Any]") -> str:
    """The rows as a bag, each a bag of cells, with its target.

    A cell is known by its column, and a column by which cells it has beside which targets.
    """
    targets = _cells(y)
    rows = targets.copy()
    for k in range(X.shape[1]):
        cells = _cells(X.iloc[:, k])
        column = blake2b(np.sort(_mixed(cells, targets)).tobytes(), digest_size=8).digest()
        rows += _mixed(cells, np.frombuffer(column, dtype=np.uint64))
    shape = str(X.shape).encode()
    return blake2b(shape + np.sort(_mixed(rows, targets)).tobytes(), digest_size=16).hexdigest()


def _cells(column: "pd.Series[Any]") -> Hashes:
    """A number for each cell (n,): the same for the same value, whatever the type of the column."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # -0.0 is 0.0
        return np.asarray(pd.util.hash_array(numbers), dtype=np.uint64)
    cells = column.astype(object)
    if pd.api.types.is_object_dtype(column.dtype):  # it may hold what has no hash, as arrays
        cells = cells.map(str, na_action="ignore")
    codes, names = pd.factorize(cells)
    known = pd.util.hash_array(np.array([*map(str, names), ""], dtype=object), categorize=False)
    return np.asarray(known[codes], dtype=np.uint64)  # what is missing has the code -1


def _mixed(one: Hashes, other: Hashes) -> Hashes:
    """A number for each pair (n,) of numbers.

    Source: Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195 (the finaliser of SplitMix64).
    """
    mixed = one * np.uint64(0x9E3779B97F4A7C15) + other
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def image_digest(pixels: Pixels, y: "pd.Series[Any]") -> str:
    """The images with their labels as a bag."""
    rows = zip(pixels.reshape(len(pixels), -1), y.astype(str), strict=True)
    images = sorted(blake2b(row.tobytes() + label.encode(), digest_size=16).digest() for row, label in rows)
    return blake2b(str(pixels.shape[1:]).encode() + b"".join(images), digest_size=16).hexdigest()

"""A dataset as meta-features see it: numeric columns, categorical columns, a target; read once and checked.

Numbers, dates (counted in seconds) and durations are numeric; text, categories and booleans are categorical.
An object column is whatever pandas infers of its cells; where they are mixed, their text is taken.
Infinite values count as missing. A missing number becomes its column's median, a missing category the most
frequent one: so the models that are tuned meet them after their own preprocessing.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from foretune.data.errors import DatasetError
from foretune.data.metrics import Target
from foretune.data.records import Floats
from foretune.features.columns import as_meant, target_as_meant

Ints = NDArray[np.int64]

FEW_DISTINCT: Final = 20  # whole numbers with no more distinct values are class labels
MISSING: Final = -1  # the code of a missing category, as pandas.factorize writes it


@dataclass(frozen=True, slots=True)
class Table:
    """A dataset of n rows: `numbers` (n, p) and `levels` (n, q), with the target `y` (n,).

    `numbers` may hold NaN, never inf. `levels` are codes from 0, -1 = missing. `y` holds class codes from 0
    (every code occurs) or the numbers to predict (all finite).
    """

    numbers: Floats
    levels: Ints
    y: Floats
    target: Target

    def __len__(self) -> int:
        return len(self.y)

    @property
    def width(self) -> int:
        """The number of columns, the target not counted."""
        return int(self.numbers.shape[1] + self.levels.shape[1])

    def rows(self, index: Ints) -> Self:
        """The table of these rows only; its classes are numbered anew, so that every code occurs."""
        y = self.y[index]
        if self.target == "classification":
            y = np.unique(y, return_inverse=True)[1].astype(float)
        return type(self)(self.numbers[index], self.levels[index], y, self.target)

    def columns(self, most: int, rng: np.random.Generator) -> Self:
        """The table with at most so many columns, drawn at random where it has more."""
        if self.width <= most:
            return self
        kept = np.zeros(self.width, dtype=bool)
        kept[rng.choice(self.width, most, replace=False)] = True
        p = self.numbers.shape[1]
        return type(self)(self.numbers[:, kept[:p]], self.levels[:, kept[p:]], self.y, self.target)


def read(X: pd.DataFrame | ArrayLike, y: ArrayLike, target: Target | None) -> Table:
    """The table of the columns `X` (n, d) and the target `y` (n,); see `target_of` for the kind of target.

    Raises `DatasetError` where X is no table of at least one row and column, where its cells cannot be read,
    where y has another length, misses values, or holds one value only.
    """
    frame = _as_frame(X)
    column = _as_column(y)
    if len(frame) != len(column):
        raise DatasetError(
            f"X has {len(frame)} rows but y has {len(column)} values: give one target value for each row."
        )
    kind = target or target_of(column)
    numbers, levels = _read_columns(frame)
    return Table(numbers, levels, _read_target(column, kind), kind)


def target_of(y: "pd.Series[Any]") -> Target:
    """What such a target asks for.

    Text, categories and booleans ask for classification. So do numbers that are all whole and have at most 20
    distinct values; all other numbers ask for regression.
    """
    values = target_as_meant(y)
    if not _is_numeric(values):
        return "classification"
    numbers = _as_floats(values)[values.notna().to_numpy()]
    whole = bool(np.all(numbers == np.round(numbers)))  # NaN, which stands for an infinite one, is none
    return "classification" if whole and values.nunique() <= FEW_DISTINCT else "regression"


def _as_frame(X: pd.DataFrame | ArrayLike) -> pd.DataFrame:
    if not isinstance(X, pd.DataFrame):
        cells = np.asarray(X, dtype=None if hasattr(X, "dtype") else object)
        if cells.ndim != 2:
            raise DatasetError(
                f"X has {cells.ndim} dimension(s), not 2: give rows x columns; "
                "a single column is X.reshape(-1, 1), or frame[['name']]."
            )
        X = pd.DataFrame(cells)
    if X.shape[0] == 0 or X.shape[1] == 0:
        raise DatasetError(
            f"X has {X.shape[0]} rows and {X.shape[1]} columns: give a table with at least one of each."
        )
    return as_meant(X)


def _as_column(y: ArrayLike) -> "pd.Series[Any]":
    if isinstance(y, pd.DataFrame):
        y = y.to_numpy()
    if isinstance(y, pd.api.extensions.ExtensionArray | pd.Index):
        y = pd.Series(y)
    if not isinstance(y, pd.Series):
        cells = np.asarray(y)
        if cells.ndim == 2 and cells.shape[1] == 1:
            cells = cells[:, 0]
        if cells.ndim != 1:
            raise DatasetError(f"y has shape {cells.shape}: give one column, one target value for each row.")
        y = pd.Series(cells)
    if missing := int(y.isna().sum()):
        raise DatasetError(f"y misses {missing} of its {len(y)} values: drop these rows from X and y.")
    return target_as_meant(y)


def _read_columns(frame: pd.DataFrame) -> tuple[Floats, Ints]:
    if (frame.dtypes == np.uint8).all():  # pixels: thousands of columns, none of them missing
        return frame.to_numpy(dtype=np.float64), np.empty((len(frame), 0), dtype=np.int64)
    # By position: names may occur twice.
    columns = [frame.iloc[:, j] for j in range(frame.shape[1])]
    numeric = [_as_floats(column) for column in columns if _is_numeric(column)]
    levels = [_as_codes(column) for column in columns if not _is_numeric(column)]
    n = len(frame)
    return (
        np.column_stack(numeric) if numeric else np.empty((n, 0)),
        np.column_stack(levels) if levels else np.empty((n, 0), dtype=np.int64),
    )


def _is_numeric(column: "pd.Series[Any]") -> bool:
    kind = column.dtype
    if pd.api.types.is_bool_dtype(kind):
        return False
    return any(
        is_kind(kind)
        for is_kind in (
            pd.api.types.is_numeric_dtype,
            pd.api.types.is_datetime64_any_dtype,
            pd.api.types.is_timedelta64_dtype,
        )
    )


def _as_floats(column: "pd.Series[Any]") -> Floats:
    if pd.api.types.is_complex_dtype(column.dtype):
        raise DatasetError(f"column {column.name!r} holds complex numbers: split it into two real columns.")
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = column - column.min()
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        column = column.dt.total_seconds()
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    numbers[np.isinf(numbers)] = np.nan
    return numbers


def _as_codes(column: "pd.Series[Any]") -> Ints:
    """The column's levels as codes, 0 = the most frequent; equally frequent ones by their text."""
    if pd.api.types.is_object_dtype(column.dtype):
        column = column.map(str, na_action="ignore")
    codes, names = pd.factorize(column)
    counts = np.bincount(codes[codes != MISSING], minlength=len(names))
    order = np.lexsort((np.asarray(names.astype(str), dtype=str), -counts))
    rank = np.empty(len(names) + 1, dtype=np.int64)
    rank[order], rank[MISSING] = np.arange(len(names)), MISSING
    return rank[codes]


def _read_target(y: "pd.Series[Any]", target: Target) -> Floats:
    values = y.infer_objects()
    if target == "classification":
        numbers = _as_codes(values).astype(float)
    elif _is_numeric(values) or pd.api.types.is_bool_dtype(values.dtype):
        numbers = _as_floats(values.astype(float) if pd.api.types.is_bool_dtype(values.dtype) else values)
    else:
        raise DatasetError(
            f"y holds {values.dtype} values such as {values.iloc[0]!r}, but regression needs numbers: "
            "convert y to numbers, or ask for target='classification'."
        )
    if infinite := int(np.isnan(numbers).sum()):
        raise DatasetError(f"y holds {infinite} infinite values: drop these rows from X and y.")
    if np.all(numbers == numbers[0]):
        what = "class" if target == "classification" else "value"
        raise DatasetError(
            f"y holds one {what} only ({y.iloc[0]!r}), so there is nothing to learn: give at least two."
        )
    return numbers


def missing_shares(table: Table) -> Floats:
    """The share of missing cells in each column, (d,): numeric columns first."""
    return np.concatenate([np.isnan(table.numbers).mean(axis=0), (table.levels == MISSING).mean(axis=0)])


def filled(numbers: Floats) -> Floats:
    """The numbers (n, p) with every NaN replaced by its column's median; an all-missing column becomes 0."""
    gaps = np.isnan(numbers)
    numbers = np.where(gaps.all(axis=0), 0.0, numbers)
    spoilt = np.flatnonzero(gaps.any(axis=0) & ~gaps.all(axis=0))
    medians = np.zeros(numbers.shape[1])
    # Halves, because the sum of the two in the middle may be infinite.
    medians[spoilt] = 2 * np.nanmedian(numbers[:, spoilt] / 2, axis=0) if spoilt.size else 0.0
    return np.where(np.isnan(numbers), medians, numbers)


def filled_levels(levels: Ints) -> Ints:
    """The codes (n, q) with every missing one replaced by the most frequent, which is 0."""
    return np.maximum(levels, 0)


def unit_range(numbers: Floats) -> Floats:
    """The numbers (n, p) moved and scaled so that each column runs from 0 to 1; a constant one becomes 0.

    Whatever follows is then free of each column's unit, and safe from overflow.
    """
    low, high = numbers.min(axis=0), numbers.max(axis=0)
    # Halves, because the range of finite numbers may itself be infinite.
    span = high / 2 - low / 2
    return np.asarray((numbers / 2 - low / 2) / np.where(span > 0, span, 1.0))

"""The columns of a table as they are meant: numbers, dates and durations in other guises become numbers."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd

from foretune.data.records import Floats

PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def as_meant(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with every column that means a number as one; the very table where none is in another guise.

    Objects become what pandas infers of their cells, decimals floats, durations seconds, and dates seconds
    since 1970. Booleans, texts and categories stay.
    """
    if not any(_may_be_disguised(kind) for kind in frame.dtypes):
        return frame
    found = frame.infer_objects()
    # By position: names may occur twice.
    columns = [_number(found.iloc[:, k]) for k in range(found.shape[1])]
    return pd.concat(columns, axis=1).set_axis(frame.columns, axis=1)


def target_as_meant(y: "pd.Series[Any]") -> "pd.Series[Any]":
    """The target (n,) as what its cells are, decimals as floats; the very column where it is that already."""
    if not (pd.api.types.is_object_dtype(y.dtype) or isinstance(y.dtype, pd.ArrowDtype)):
        return y
    found = y.infer_objects()
    return _number(found) if _all_are(found, Decimal) else found


def _may_be_disguised(kind: Any) -> bool:
    return isinstance(kind, pd.ArrowDtype) or pd.api.types.is_object_dtype(kind) or _is_time(kind)


def _is_time(kind: Any) -> bool:
    return kind.kind in "Mm"


def _number(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if _is_time(column.dtype) or _all_are(column, date):
        return pd.Series(_seconds(column), column.index, name=column.name)
    if _all_are(column, Decimal):
        numbers, there = np.full(len(column), np.nan), column.notna().to_numpy()
        numbers[there] = [*map(float, column[there])]
        return pd.Series(numbers, column.index, name=column.name)
    return column


def _seconds(column: "pd.Series[Any]") -> Floats:
    """Durations, and dates since 1970, in seconds (n,); in pandas' own unit these may overflow."""
    if isinstance(column.dtype, pd.ArrowDtype):
        values = np.asarray(column.array.__arrow_array__())
    elif pd.api.types.is_object_dtype(column.dtype):
        gone = column.isna()
        values = np.array([None if no else day for day, no in zip(column, gone, strict=True)], dtype="M8[s]")
    else:
        is_local = isinstance(column.dtype, pd.DatetimeTZDtype)
        values = (column.dt.tz_convert(None) if is_local else column).to_numpy()
    unit = np.datetime_data(values.dtype)[0]
    if unit not in PER_SECOND:  # days
        values, unit = values.astype(f"{values.dtype.kind}8[s]"), "s"
    return np.where(np.isnat(values), np.nan, values.astype(np.int64) / PER_SECOND[unit])


def _all_are(column: "pd.Series[Any]", kind: type) -> bool:
    """Whether the cells of a column that may hold any are all of this kind, where they are not missing."""
    if not (pd.api.types.is_object_dtype(column.dtype) or isinstance(column.dtype, pd.ArrowDtype)):
        return False
    cells = column.dropna()
    return bool(len(cells)) and all(isinstance(cell, kind) for cell in cells)

"""The columns of a table as they are meant: numbers, dates and durations in other guises become numbers."""

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd


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


def _may_be_disguised(kind: Any) -> bool:
    if isinstance(kind, pd.ArrowDtype):
        return kind.kind in "OMm"
    is_object, is_date = pd.api.types.is_object_dtype(kind), pd.api.types.is_datetime64_any_dtype(kind)
    return is_object or is_date or kind.kind == "m"


def _number(column: "pd.Series[Any]") -> "pd.Series[Any]":
    may_hold_any = pd.api.types.is_object_dtype(column.dtype)
    if may_hold_any and _all_are(column, date):
        column = pd.to_datetime(column)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = (column.dt.tz_convert(None) if column.dt.tz is not None else column) - pd.Timestamp(0)
    if column.dtype.kind == "m":
        seconds: pd.Series[Any] = column.dt.total_seconds().astype(np.float64)
        return seconds
    if (may_hold_any or isinstance(column.dtype, pd.ArrowDtype)) and _all_are(column, Decimal):
        numbers, there = np.full(len(column), np.nan), column.notna().to_numpy()
        numbers[there] = [*map(float, column[there])]
        return pd.Series(numbers, column.index, name=column.name)
    return column


def _all_are(column: "pd.Series[Any]", kind: type) -> bool:
    """Whether the cells that are there, one at least, are all of this kind."""
    cells = column.dropna()
    return bool(len(cells)) and all(isinstance(cell, kind) for cell in cells)

"""Columns of plain values as a store writes them: what repeats is worked out once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from foretune.data.records import Ints, canonical
from foretune.history.readers.inferred import Tried
from foretune.history.readers.sheet import ABSENT, Sheet

NOTHING: Final = -1  # the code of a cell that holds nothing
MOST_TELLING: Final = 10_000  # distinct numbers that tell a range and its scale


class Numbers(list[float]):
    """Values that are all floats."""


@dataclass(frozen=True)
class Cells:
    """A column: `codes` (n,) are the places of the cells in `values`, -1 where a cell holds nothing."""

    codes: Ints
    values: Sequence[Any]

    @property
    def are_numbers(self) -> bool:
        """Whether the values are known to be numbers, without a look at each."""
        return isinstance(self.values, Numbers)

    def at(self, place: int) -> Any:
        """The value of one cell; ABSENT where it holds nothing."""
        code = self.codes[place]
        return ABSENT if code == NOTHING else self.values[code]

    def named(self, name: str) -> list[str]:
        """Each cell (n,) as an entry of a JSON object, `"name":value,`; empty where it holds nothing.

        Raises `SpaceError` where a value is not plain.
        """
        if self.are_numbers and np.isfinite(self.values).all():
            begin = canonical({name: 0})[1:-2]
            entries = [f"{begin}{value!r}," for value in self.values]
        else:
            entries = [canonical({name: value})[1:-1] + "," for value in self.values]
        return list(np.array([*entries, ""], dtype=object)[self.codes].tolist())

    def tried(self, name: str, places: Ints) -> Tried:
        """What these cells hold of a hyperparameter; of very many numbers some, the outermost among them."""
        tried, codes = Tried(name), pd.unique(self.codes[places])
        values = [self.values[code] for code in codes.tolist() if code != NOTHING]
        if len(values) > MOST_TELLING and (self.are_numbers or {*map(type, values)} == {float}):
            ordered = np.unique(values)
            step = len(ordered) // MOST_TELLING + 1
            values = [*ordered[::step].tolist(), float(ordered[-1])]
        for value in values:
            tried.add(value)
        return tried


def cells_of(sheet: Sheet, column: str) -> Cells:
    """The column's cells as values of a hyperparameter."""
    cells = sheet.frame[sheet.check(column)]
    if isinstance(cells.dtype, pd.StringDtype) or pd.api.types.is_bool_dtype(cells) or _is_whole(cells):
        codes, texts = pd.factorize(cells)
        few = Sheet(pd.DataFrame({column: texts}), sheet.name, sheet.is_text)
        return _of(np.asarray(codes), few.values(column))
    if cells.dtype == np.float64 and cells.notna().all():
        return Cells(np.arange(len(cells)), Numbers(cells.tolist()))
    values = sheet.values(column)
    return _of(np.arange(len(values)), values)


def _is_whole(cells: "pd.Series[Any]") -> bool:
    return pd.api.types.is_integer_dtype(cells)


def _of(codes: Ints, values: list[Any]) -> Cells:
    """The cells of these codes, where some of the values may be none."""
    there = np.array([value is not ABSENT for value in values] + [False])
    places = np.where(there, np.cumsum(there) - 1, NOTHING)
    return Cells(places[codes], [value for value in values if value is not ABSENT])

"""A table of results as columns of plain values, from a file or a frame; nothing in it is trusted."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from foretune.data.bounds import MOST_COLUMNS, MOST_JSON_BYTES, check_count, check_file, content_of, parsed
from foretune.data.csv_dialect import SEPARATORS, separator_of
from foretune.data.errors import HistoryError
from foretune.data.records import Floats
from foretune.history.expansion import check_parquet
from foretune.history.readers.naming import checked, plain_choice
from foretune.history.readers.places import path_at

Source = str | PathLike[str] | pd.DataFrame | Mapping[str, Any]
ABSENT: Final = object()  # what a cell holds that holds nothing
EMPTY: Final = frozenset({"", "nan", "NaN", "NA", "N/A", "<NA>", "NULL", "null"})
WORDS: Final = {"None": None, "True": True, "False": False, "true": True, "false": False}
INTEGER: Final = re.compile(r"[+-]?\d{1,25}", re.ASCII)
DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LIST: Final = re.compile(r"\[.*\]|\(.*\)", re.DOTALL)
COMMA: Final = re.compile(r"([+-]?\d*),(\d+)", re.ASCII)  # a number as much of Europe writes it
# Later versions of pandas read every number exactly, and warn of the option.
EXACT: Final = {"float_precision": "round_trip"} if pd.__version__ < "3.1" else {}
FILE_TYPES: Final = (".csv", ".tsv", ".parquet", ".json")
PICKLED: Final = (".pkl", ".pickle", ".joblib")
PICKLE_BEGIN: Final = b"\x80"
HOW_TO_EXPORT: Final = (
    "a pickle runs whatever code is in it, so foretune opens none: where you trust it, load it yourself "
    "and write `pandas.DataFrame(search.cv_results_).to_csv('results.csv', index=False)`"
)


@dataclass(frozen=True)
class Sheet:
    """The table, called `name`; where it `is_text`, cells are texts whose types are told by their looks.

    In a column of numbers alone that is done already; `spelled` gives its texts, by its place.
    """

    frame: pd.DataFrame
    name: str
    is_text: bool = False
    spelled: Callable[[int], "pd.Series[Any]"] | None = None

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.frame.columns)

    def __len__(self) -> int:
        return len(self.frame)

    def check(self, column: str) -> str:
        """The column itself; a `HistoryError`, naming the nearest, where there is none of this name."""
        if column in self.frame.columns:
            return column
        near = get_close_matches(column, self.columns, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {_some(self.columns)}."
        raise HistoryError(f"{self.name} has no column {column!r}: {hint}")

    def texts(self, column: str) -> list[str | None]:
        """The column's cells as text, (n,); None where there is nothing."""
        cells = self.frame[self.check(column)]
        if self.spelled is not None and pd.api.types.is_numeric_dtype(cells):
            cells = self.spelled(self.columns.index(column))
        known: dict[Any, str | None] = {}
        return list(_each(cells, lambda cell: _text_of(cell, column, known)))

    def numbers(self, column: str) -> Floats:
        """The column's cells as numbers, (n,): NaN where there is nothing; infinite ones stay."""
        cells = self.frame[self.check(column)]
        if pd.api.types.is_float_dtype(cells) or pd.api.types.is_integer_dtype(cells):
            return np.asarray(cells.to_numpy(dtype=np.float64, na_value=np.nan))
        return _each(cells, lambda cell: _number(cell, column)).astype(np.float64)

    def values(self, column: str) -> list[Any]:
        """The column's cells as plain values of hyperparameters, (n,); ABSENT where there is nothing.

        Whole numbers among fractions become floats, and a frame's whole floats become integers where cells
        are missing, as it is the gaps that made them floats.
        """
        cells = self.frame[self.check(column)]
        if self.is_text and not pd.api.types.is_numeric_dtype(cells):
            known: dict[Any, Any] = {}
            return alike([_parsed(cell, column, known) for cell in cells.tolist()])
        if pd.api.types.is_float_dtype(cells) and cells.isna().any():
            return _without_gaps(cells)
        if pd.api.types.is_integer_dtype(cells) and not cells.isna().any():
            return cells.tolist()
        return alike([_plain(cell, column) for cell in cells.tolist()])


def columns_of(path: Path) -> list[str]:
    """The names of the columns of a CSV, TSV, Parquet or JSON file."""
    return [str(label) for label in _read(path, rows=1).columns]


def sheet_of(source: Source | bytes) -> Sheet:
    """The table of a frame, of a mapping of columns, or of a CSV, TSV, Parquet or JSON file.

    Raises `HistoryError` where it cannot be read, is empty, names a column twice, or is pickled.
    """
    if isinstance(source, bytes):
        raise HistoryError(f"bytes are given, not a table: {HOW_TO_EXPORT}.")
    if isinstance(source, pd.DataFrame):
        return _checked(source, "the table")
    if isinstance(source, Mapping):
        return _checked(_frame_of(source), "the table")
    if not isinstance(source, str | PathLike):
        raise HistoryError(f"a {type(source).__name__} is no table: give a frame, or the path of a file.")
    path = path_at(source)
    if path.suffix.lower() not in SEPARATORS:
        return _checked(_read(path), path.name)
    spelled = partial(_spelled, path)
    return _checked(_read(path), path.name, is_text=True, spelled=spelled)


def _checked(
    frame: pd.DataFrame,
    name: str,
    *,
    is_text: bool = False,
    spelled: Callable[[int], "pd.Series[Any]"] | None = None,
) -> Sheet:
    check_count(frame.shape[1], MOST_COLUMNS, f"columns in {name}")
    labels = [checked(str(label), f"a column of {name}") for label in frame.columns]
    if frame.empty:
        raise HistoryError(f"{name} is empty: it holds no rows.")
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise HistoryError(f"{name} has several columns {twice!r}: rename all but one.")
    return Sheet(frame.set_axis(labels, axis=1), name, is_text, spelled)


def _read(path: Path, rows: int | None = None) -> pd.DataFrame:
    if not path.is_file():
        raise HistoryError(f"there is no file {str(path)[:200]!r}: give a {', '.join(FILE_TYPES)} file.")
    check_file(path)
    with path.open("rb") as file:
        pickled = file.read(1) == PICKLE_BEGIN or path.suffix.lower() in PICKLED
    if pickled:
        raise HistoryError(f"{path.name} is pickled: {HOW_TO_EXPORT}.")
    try:
        return _reader(path, rows)
    except HistoryError:
        raise
    except Exception as error:  # each reader has its own errors; all of them mean the file is not readable
        line = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise HistoryError(f"{path.name} cannot be read as {path.suffix[1:].upper()}: {line}.") from None


def _reader(path: Path, rows: int | None) -> pd.DataFrame:
    suffix = path.suffix.lower()
    if suffix in SEPARATORS:
        return _read_csv(path) if rows is None else _csv(path, dtype="str", nrows=rows)
    if suffix == ".parquet":
        check_parquet(path, error=HistoryError)
        return pd.read_parquet(path)
    if suffix == ".json":
        return _frame_of(parsed(content_of(path, most=MOST_JSON_BYTES), path.name))
    raise HistoryError(f"{path.name}: foretune reads {', '.join(FILE_TYPES)} files.")


def _read_csv(path: Path) -> pd.DataFrame:
    """The file, its columns of numbers alone as numbers, which is quicker, all others as texts."""
    told = _csv(path, low_memory=False, **EXACT)
    odd = [k for k in range(told.shape[1]) if not _is_told(told.iloc[:, k])]
    columns = {k: _spelled(path, k) if k in odd else told.iloc[:, k] for k in range(told.shape[1])}
    return pd.DataFrame(columns).set_axis(told.columns, axis=1)


def _is_told(column: "pd.Series[Any]") -> bool:
    """Whether pandas cannot have taken for numbers what is none, or whole numbers for fractions."""
    if column.dtype == np.float64:
        there = column[column.notna()].to_numpy()
        return bool(np.isfinite(there).all() and (there % 1).any())
    return column.dtype == np.int64 or isinstance(column.dtype, pd.StringDtype)


def _spelled(path: Path, place: int) -> "pd.Series[Any]":
    """The texts of one column of the file, decimal commas as points."""
    texts = _csv(path, dtype="str", usecols=[place]).iloc[:, 0]
    if separator_of(path) != ";":
        return texts
    return texts.map(lambda text: COMMA.sub(r"\1.\2", text) if COMMA.fullmatch(text) else text, "ignore")


def _csv(path: Path, **options: Any) -> pd.DataFrame:
    separator = separator_of(path)
    if separator == ";":
        options = {"decimal": ",", **options}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            # Without index_col=False the first column becomes an index where rows have a cell more.
            frame: pd.DataFrame = pd.read_csv(
                path,
                sep=separator,
                skipinitialspace=True,
                keep_default_na=False,
                na_values=[""],
                index_col=False,
                **options,
            )
        except pd.errors.ParserWarning:
            raise HistoryError(
                f"{path.name} has rows of more cells than its header: give each column a name, also that of "
                "the row names."
            ) from None
    return frame


def _frame_of(content: Any) -> pd.DataFrame:
    """The frame of columns or records, as `DataFrame.to_json` writes them; masked cells are missing."""
    if isinstance(content, list) and all(isinstance(record, dict) for record in content):
        return pd.DataFrame(content)
    if not isinstance(content, Mapping):
        raise HistoryError("it holds no table: give an object of columns, or a list of records.")
    columns = {name: _cells(column, str(name)) for name, column in content.items()}
    if len({len(cells) for cells in columns.values()}) > 1:
        raise HistoryError("the columns are not of one length: give every column a value for each row.")
    # As objects, so that an integer stays one beside a missing cell, and None stays itself.
    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})


def _cells(column: Any, name: str) -> list[Any]:
    if isinstance(column, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(column).tolist()
        return [np.nan if gone else cell for cell, gone in zip(column.data.tolist(), hidden, strict=True)]
    if isinstance(column, Mapping):  # row number -> cell
        return list(column.values())
    if isinstance(column, str | bytes) or not isinstance(column, Sequence | np.ndarray | pd.Series):
        raise HistoryError(f"column {name[:60]!r} is no list of cells: give one value for each row.")
    return column.tolist() if isinstance(column, np.ndarray | pd.Series) else list(column)


def _each(cells: "pd.Series[Any]", told: Callable[[Any], Any]) -> np.ndarray[Any, Any]:
    """What each cell (n,) tells; equal texts are asked once."""
    if not isinstance(cells.dtype, pd.StringDtype):
        return np.array([*map(told, cells.tolist()), None], dtype=object)[:-1]
    codes, texts = pd.factorize(cells)
    return np.array([*map(told, texts), told(None)], dtype=object)[codes]


def _is_missing(cell: Any) -> bool:
    return cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and cell != cell)  # noqa: PLR0124


def _text_of(cell: Any, column: str, known: dict[Any, str | None]) -> str | None:
    if type(cell) is str:
        if cell not in known:
            known[cell] = None if cell in EMPTY else checked(cell, f"a cell of {column!r}")
        return known[cell]
    if cell is None or _is_missing(cell):
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return checked(str(cell), f"a cell of {column!r}")


def _number(cell: Any, column: str) -> float:
    if cell is None or _is_missing(cell) or (isinstance(cell, str) and cell in EMPTY | {"None"}):
        return np.nan
    try:
        if isinstance(cell, bool | np.bool_ | bytes):
            raise TypeError
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        raise HistoryError(
            f"column {column!r} holds {str(cell)[:40]!r}, which is no number: "
            "mend it, or name another column."
        ) from None


def _parsed(text: Any, column: str, known: dict[Any, Any]) -> Any:
    """The value that a text looks like."""
    if not isinstance(text, str) or text in EMPTY:
        return ABSENT
    if text not in known:
        known[text] = parsed_text(checked(text, f"a cell of {column!r}"))
    return known[text]


def parsed_text(text: str) -> Any:
    """The number, truth value, None or list of numbers that a text looks like; else the text itself.

    >>> parsed_text("7"), parsed_text("1e-3"), parsed_text("None"), parsed_text("(64, 32)")
    (7, 0.001, None, [64, 32])
    """
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text) and np.isfinite(float(text)):
        return float(text)
    if LIST.fullmatch(text):
        parts = [part.strip() for part in text[1:-1].rstrip(", ").split(",")]
        if all(INTEGER.fullmatch(part) or DECIMAL.fullmatch(part) for part in parts):
            return [parsed_text(part) for part in parts]
    return text


def _plain(cell: Any, column: str) -> Any:
    kind = type(cell)
    if kind is int or kind is bool or cell is None:
        return cell
    if _is_missing(cell) or (kind is str and not cell):
        return ABSENT
    if kind is str:
        return checked(cell, f"a cell of {column!r}")
    value = plain_choice(cell.tolist() if isinstance(cell, np.ndarray) else cell)
    return checked(value, f"a cell of {column!r}") if isinstance(value, str) else value


def _without_gaps(cells: "pd.Series[Any]") -> list[Any]:
    numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan).tolist()
    there = [number for number in numbers if number == number]  # noqa: PLR0124 - NaN is not itself
    whole = all(number.is_integer() for number in there)
    kind = int if whole else float
    return [kind(number) if number == number else ABSENT for number in numbers]  # noqa: PLR0124


def alike(values: list[Any]) -> list[Any]:
    """The column's values, whole numbers as floats where there are fractions too: it is of one kind."""
    kinds = {type(value) for value in values}
    if not {int, float} <= kinds:
        return values
    return [float(value) if type(value) is int else value for value in values]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")

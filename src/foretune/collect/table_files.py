"""Tables from files: CSV, TSV, Parquet and ARFF, each as it was meant."""

import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from foretune.data.bounds import check_file
from foretune.data.csv_dialect import separator_of
from foretune.data.errors import DatasetError

FILE_TYPES: Final = (".csv", ".tsv", ".parquet", ".arff", ".npz")  # the last one of images
NO_GAP: Final = "None"  # what pandas takes for a gap, and is a class in a target of words


def read_table(path: Path) -> pd.DataFrame:
    """The table of a file, by its suffix; `DatasetError` where it cannot be read."""
    readers = {
        ".csv": _read_csv,
        ".tsv": _read_csv,
        ".parquet": _read_parquet,
        ".arff": _read_arff,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DatasetError(f"{path.name}: foretune reads {', '.join(FILE_TYPES)} files.")
    try:
        check_file(path, error=DatasetError)
        return reader(path)
    except DatasetError:
        raise
    except UnicodeDecodeError:
        raise DatasetError(f"{path.name} is not in UTF-8: save it in that encoding.") from None
    except pd.errors.EmptyDataError:
        raise DatasetError(f"{path.name} is empty.") from None
    except Exception as error:  # each reader has its own errors; all of them mean the file is not readable
        raise DatasetError(
            f"{path.name} cannot be read as {path.suffix[1:].upper()}: {_line(error)}"
        ) from error


def without_row_numbers(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table without a first column that has no name and counts the rows: pandas writes such an index."""
    first = table.columns[0]
    if str(first) != "Unnamed: 0" or not pd.api.types.is_integer_dtype(table[first]):
        return table
    counts = table[first].to_numpy() - np.arange(len(table))
    if not len(counts) or (counts != counts[0]).any() or counts[0] not in (0, 1):
        return table
    warnings.warn(f"{name}: its first column numbers the rows, and is left out.", stacklevel=3)
    return table.drop(columns=first)


def with_classes_named_none(table: pd.DataFrame, target_column: str, path: Path) -> pd.DataFrame:
    """The table in which None is a class of a target of words; what else stands for a gap there is told.

    pandas takes None for one, as it does NA or null: but a class is called so where no disease or award is.
    """
    labels = table[target_column]
    if not labels.isna().any() or not all(isinstance(one, str) for one in labels.dropna()):
        return table
    written = _cells(path, sep=separator_of(path), index_col=False, keep_default_na=False, dtype=str)
    table = table.assign(**{target_column: labels.mask(written[target_column] == NO_GAP, NO_GAP)})
    gaps = written[target_column][table[target_column].isna()]
    if words := sorted({*gaps} - {""}):
        told = f"a {target_column!r} of {', '.join(words)} stands for a missing one"
        warnings.warn(f"{path.stem}: {told}: name the class otherwise where it is one.", stacklevel=3)
    return table


def _cells(path: Path, **options: Any) -> pd.DataFrame:
    """The table of a text file; a blank behind a comma is part of no name and no class."""
    table: pd.DataFrame = pd.read_csv(path, skipinitialspace=True, **options)
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    """The table; pandas would rename a column that comes twice, a second target say, to a feature."""
    sep = separator_of(path)
    named = _cells(path, sep=sep, header=None, nrows=1, dtype=str).iloc[0].dropna()
    if not named.is_unique:
        raise DatasetError(named_twice(path.name, named[named.duplicated()].iloc[0]))
    # Without index_col=False the first column becomes an index where every row ends with a separator.
    table = _cells(path, sep=sep, index_col=False)
    with_commas = _cells(path, sep=sep, decimal=",", index_col=False) if sep == ";" else table
    return max(table, with_commas, key=lambda one: one.select_dtypes("number").shape[1])


def named_twice(name: str, column: object) -> str:
    """What to say of a table in which a column's name comes twice."""
    return f"{name} has several columns {str(column)[:60]!r}: rename all but one."


def _read_parquet(path: Path) -> pd.DataFrame:
    from foretune.history.expansion import check_parquet  # noqa: PLC0415 - only this branch needs pyarrow

    check_parquet(path, error=DatasetError)
    return pd.read_parquet(path)


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


def _read_arff(path: Path) -> pd.DataFrame:
    from scipy.io import arff  # noqa: PLC0415

    try:
        with path.open(encoding="utf-8") as file:
            rows, _ = arff.loadarff(file)
    except NotImplementedError:
        raise DatasetError(
            f"{path.name} holds text or dates: turn them into nominal attributes, or save it as CSV."
        ) from None
    table = pd.DataFrame(rows)
    for name in table.select_dtypes(include=[object, "str"]).columns:
        text = table[name].map(lambda value: value.decode() if isinstance(value, bytes) else value)
        table[name] = text.mask(text == "?")
    return table

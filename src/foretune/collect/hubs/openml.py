"""Datasets of OpenML, by number or name, as its REST interface describes them."""

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pandas as pd

from foretune.collect.datasets import Dataset
from foretune.collect.hubs.parquet_files import table_at
from foretune.data.cache_folder import cache_folder
from foretune.data.downloads import Progress, Remote, fetch
from foretune.data.errors import DatasetError
from foretune.data.metrics import Target
from foretune.data.openml_client import address_of, ask, entries, read_arff, server_folder
from foretune.features.table import target_of

TOLD: Final = ("version", "licence", "citation", "format", "status")  # of a dataset, beside its name


def load_openml(
    name: str,
    *,
    target_column: str | None = None,
    target: Target | None = None,
    on_progress: Progress | None = None,
) -> Dataset:
    """The dataset of that number (61) or name (iris, credit-g@1 for a version): the default target, if one.

    Row identifiers and columns that OpenML says to ignore are left out. A nominal target asks for classes,
    numbers for a regression. The data come as Parquet, else as ARFF, whose MD5 is checked. `provenance` holds
    id, version, licence, citation and target.

    Raises `DatasetError` for an unknown one, for a name of several, for a file that is damaged or cannot be
    had, and where there is no target or more than one and `target_column` does not choose.
    """
    number = name if name.isdecimal() else _number_of(name)
    about = _about(number)
    title = str(about.get("oml:name") or f"openml:{number}")
    table = _table(number, title, about, on_progress)
    targets = _listed(about.get("oml:default_target_attribute"))
    column = _target_column(title, targets, target_column, table)
    table = _labelled(table, column, title)
    left_out = {
        column,
        *targets,
        *_listed(about.get("oml:ignore_attribute")),
        *_listed(about.get("oml:row_id_attribute")),
    }
    X = table[[one for one in table.columns if one not in left_out]]
    y = _plain(table[column])
    told = {one: str(about[f"oml:{one}"]) for one in TOLD if about.get(f"oml:{one}")}
    return Dataset(
        title,
        X.loc[:, X.notna().any()],
        y,
        target or _kind(table[column]),
        f"openml:{number}",
        provenance={"hub": "openml", "id": number, "target": column, **told},
    )


def _number_of(name: str) -> str:
    """The number of the one active dataset of that name, and version where one is given."""
    plain, _, version = name.partition("@")
    which = f"data_version/{quote(version, safe='')}" if version else "status/active"
    answer = ask(f"data/list/data_name/{quote(plain, safe='')}/{which}")
    found = entries(answer or {}, "oml:data", "oml:dataset")
    if not found:
        raise DatasetError(_unknown(name))
    if len(found) > 1:
        told = ", ".join(
            f"openml:{one.get('oml:did')} (version {one.get('oml:version')})" for one in found[:10]
        )
        raise DatasetError(f"OpenML has {len(found)} datasets {plain!r}: give one of {told}.")
    return str(found[0].get("oml:did"))


def _about(number: str) -> Mapping[str, Any]:
    """What OpenML says of a dataset."""
    answer = ask(f"data/{number}")
    about = None if answer is None else answer.get("oml:data_set_description")
    if not isinstance(about, Mapping):
        raise DatasetError(_unknown(number))
    return about


def _unknown(name: str) -> str:
    return f"OpenML has no active dataset {name!r}: look for it at https://www.openml.org."


def _table(number: str, title: str, about: Mapping[str, Any], on_progress: Progress | None) -> pd.DataFrame:
    """The rows: from Parquet, where OpenML has it so, else from ARFF; from then on from the same file."""
    folder = (server_folder() / "data" / number).relative_to(cache_folder()).as_posix()
    url = str(about.get("oml:url") or address_of(f"data/{number}"))
    arff = Remote(url, f"{folder}/data.arff")
    if about.get("oml:parquet_url") and not arff.path.is_file():
        parquet = Remote(str(about["oml:parquet_url"]), f"{folder}/data.pq")
        with suppress(DatasetError) if not parquet.path.is_file() else nullcontext():
            fetch(parquet, on_progress=on_progress)  # not all that OpenML names are there
        if parquet.path.is_file():
            return table_at(parquet.path, title)
    file = fetch(arff, on_progress=on_progress)
    wanted = about.get("oml:md5_checksum")
    if wanted and _md5(file) != wanted:
        raise DatasetError(f"{file} is not what OpenML says: its MD5 is not {wanted}: delete it, try again.")
    return read_arff(file)


def _md5(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _listed(told: Any) -> list[str]:
    """The names in an attribute of the description, which may be one text, several with commas, or a list."""
    texts = told if isinstance(told, list) else [told] if told else []
    return [name.strip() for text in texts for name in str(text).split(",") if name.strip()]


def _target_column(title: str, targets: Sequence[str], wanted: str | None, table: pd.DataFrame) -> str:
    columns = [str(column) for column in table.columns]
    known = [one for one in targets if one in columns]
    if wanted is not None:
        if wanted not in columns:
            raise DatasetError(f"{title} has no column {wanted!r} to predict: it has {_some(columns)}.")
        return wanted
    if len(known) != 1:
        what = f"has {len(known)} targets" if known else "names no target"
        raise DatasetError(
            f"{title} {what}: say which column to predict (--target, target_column=): "
            f"{_some(known or columns)}."
        )
    return known[0]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def _labelled(table: pd.DataFrame, column: str, title: str) -> pd.DataFrame:
    missing = int(table[column].isna().sum())
    if missing and missing < len(table):
        warnings.warn(f"{title}: {missing} rows without {column!r} are left out.", stacklevel=4)
        return table[table[column].notna()].reset_index(drop=True)
    return table


def _plain(y: "pd.Series[Any]") -> "pd.Series[Any]":
    """Categories as the values that they stand for."""
    return y.astype(y.cat.categories.dtype) if isinstance(y.dtype, pd.CategoricalDtype) else y


def _kind(y: "pd.Series[Any]") -> Target:
    """What OpenML's types say: numbers are for a regression, all else are classes."""
    is_number = pd.api.types.is_numeric_dtype(y) and not pd.api.types.is_bool_dtype(y)
    return "regression" if is_number else target_of(y.astype(str))

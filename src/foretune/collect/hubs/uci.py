"""Datasets of the UCI Machine Learning Repository, by number or name, as its public API gives them."""

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pandas as pd

from foretune.collect.datasets import Dataset
from foretune.data.downloads import Progress, Remote, fetch
from foretune.data.errors import DatasetError
from foretune.data.metrics import Target
from foretune.features.table import target_of

ADDRESS = "https://archive.ics.uci.edu"
LARGEST_ANSWER: Final = 2**24
ROLES: Final = ("Feature", "Target")  # what is an ID or something other is left out
KINDS: Final[Mapping[str, Target]] = {
    "Binary": "classification",
    "Categorical": "classification",
    "Continuous": "regression",
}
TASKS: Final[Mapping[str, Target]] = {"Classification": "classification", "Regression": "regression"}


def load_uci(
    name: str,
    *,
    target_column: str | None = None,
    target: Target | None = None,
    on_progress: Progress | None = None,
) -> Dataset:
    """The dataset of that number (53) or name (iris): what the repository calls features, and one target.

    Raises `DatasetError` for an unknown one, for a name of several, for one that the repository has not as a
    table, and where there is no target or more than one and `target_column` does not choose.
    """
    number = name if name.isdecimal() else _number_of(name)
    about = _about(number)
    title = str(about.get("name") or f"uci:{number}")
    if not about.get("data_url"):
        raise DatasetError(
            f"{title} (uci:{number}) is in the repository, but not as a table: download it from "
            f"{ADDRESS}/dataset/{number}, make a CSV of it, and give that."
        )
    file = fetch(Remote(str(about["data_url"]), f"uci/{number}/data.csv"), on_progress=on_progress)
    table = _table(file, title)
    kinds = {each["name"]: each.get("type") for each in about["variables"] if each["name"] in table.columns}
    roles = {each["name"]: each.get("role") for each in about["variables"] if each["name"] in table.columns}
    column = _target_column(title, roles, target_column, table)
    table = _labelled(table, column, title)
    y = table[column]
    X = table[[one for one, role in roles.items() if role == "Feature" and one != column]]
    X = _typed(X.loc[:, X.notna().any()], kinds)
    tasks = about.get("tasks") or () if roles[column] == "Target" else ()
    told = {"hub": "uci", "id": number, "target": column}
    if about.get("dataset_doi"):
        told["doi"] = str(about["dataset_doi"])
    kind = target or _kind(kinds.get(column), tasks, y)
    return Dataset(title, X, y, kind, f"uci:{number}", provenance=told)


def _number_of(name: str) -> str:
    """The number of the one dataset of that name, or with that in its name."""
    place = f"uci/names/{re.sub(r'[^a-z0-9]+', '-', name.lower())}.json"
    url = f"{ADDRESS}/api/datasets/list?filter=python&search={quote(name)}"
    by_hand = f"give its number, as in uci:53, or fetch {url} and put it at {Remote(url, place).path}"
    answer = _answer(Remote(url, place, LARGEST_ANSWER), absent=_unknown(name), by_hand=by_hand) or []
    if not _are_named(answer):
        raise _damaged(Remote(url, place).path)
    found = {str(each.get("id")): str(each["name"]) for each in answer}
    exact = {number: title for number, title in found.items() if title.lower() == name.lower()}
    matching = exact or {number: title for number, title in found.items() if name.lower() in title.lower()}
    if not matching:
        raise DatasetError(_unknown(name))
    if len(matching) > 1:
        told = ", ".join(f"uci:{number} ({title})" for number, title in sorted(matching.items())[:10])
        raise DatasetError(
            f"the UCI repository has {len(matching)} datasets for {name!r}: give one of {told}."
        )
    return next(iter(matching))


def _about(number: str) -> dict[str, Any]:
    """What the repository says of a dataset: name, data_url, tasks, variables."""
    place, url = f"uci/{number}/dataset.json", f"{ADDRESS}/api/dataset?id={number}"
    remote = Remote(url, place, LARGEST_ANSWER)
    by_hand = (
        f"fetch {url} and put it at {remote.path}, and {ADDRESS}/static/public/{number}/data.csv "
        f"and put it at {remote.path.with_name('data.csv')}"
    )
    about = _answer(remote, absent=_unknown(number), by_hand=by_hand)
    if not (
        isinstance(about, dict)
        and _are_named(about.get("variables"))
        and isinstance(about.get("tasks"), list | None)
    ):
        raise _damaged(remote.path)
    return dict(about)


def _are_named(listed: Any) -> bool:
    return isinstance(listed, list) and all(
        isinstance(each, dict) and isinstance(each.get("name"), str) for each in listed
    )


def _answer(remote: Remote, *, absent: str, by_hand: str) -> Any:
    """What the API's answer holds; one that says that there is nothing is not kept."""
    file = fetch(remote, absent=absent, by_hand=by_hand)
    try:
        answer = json.loads(file.read_text(encoding="utf-8"))
        status, data = answer["status"], answer.get("data")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _damaged(file) from None
    if status != 200:
        file.unlink()
        file.with_name(f"{file.name}.sha256").unlink(missing_ok=True)
        raise DatasetError(absent)
    return data


def _damaged(file: Path) -> DatasetError:
    return DatasetError(f"{file} is no answer of the UCI repository: delete it and try again.")


def _unknown(name: str) -> str:
    return f"the UCI repository has no dataset {name!r} as a table: look for it at {ADDRESS}/datasets."


def _table(file: Path, title: str) -> pd.DataFrame:
    try:
        return pd.read_csv(file, na_values=["?"], low_memory=False)
    except (ValueError, pd.errors.ParserError) as error:
        line = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(f"{title}: {file} cannot be read as CSV: {line}") from error


def _target_column(title: str, roles: Mapping[str, Any], wanted: str | None, table: pd.DataFrame) -> str:
    targets = [name for name, role in roles.items() if role == "Target"]
    if wanted is not None:
        if roles.get(wanted) not in ROLES:
            raise DatasetError(f"{title} has no column {wanted!r} to predict: it has {_some(roles)}.")
        return wanted
    if not targets:
        raise DatasetError(
            f"{title} names no target: say which column to predict (--target, target_column=): "
            f"{_some(roles)}."
        )
    if len(targets) > 1:
        raise DatasetError(
            f"{title} has {len(targets)} targets: say which to predict (--target, target_column=): "
            f"{_some(targets)}."
        )
    return targets[0]


def _some(names: Any) -> str:
    names = list(map(str, names))
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def _labelled(table: pd.DataFrame, column: str, title: str) -> pd.DataFrame:
    missing = int(table[column].isna().sum())
    if missing and missing < len(table):
        warnings.warn(f"{title}: {missing} rows without {column!r} are left out.", stacklevel=4)
        return table[table[column].notna()].reset_index(drop=True)
    return table


def _typed(X: pd.DataFrame, kinds: Mapping[str, Any]) -> pd.DataFrame:
    """Numbers that the repository calls categories are categories: their text."""
    numbers = [one for one in X.select_dtypes("number").columns if kinds.get(one) == "Categorical"]
    return X.assign(**{one: X[one].map(_as_text, na_action="ignore") for one in numbers})


def _as_text(number: float) -> str:
    """1 and 1.0 alike: a gap in a column of whole numbers makes them floats."""
    return str(int(number)) if float(number).is_integer() else str(number)


def _kind(kind: Any, tasks: Iterable[Any], y: "pd.Series[Any]") -> Target:
    """Text is classes; else the dataset's only task says it, else the column's type, else its values."""
    if not pd.api.types.is_numeric_dtype(y):
        return "classification"
    meant = {TASKS[task] for task in map(str, tasks) if task in TASKS}
    return meant.pop() if len(meant) == 1 else KINDS.get(str(kind)) or target_of(y)

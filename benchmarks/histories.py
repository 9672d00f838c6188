"""Published tuning histories as tasks: a folder of trials.parquet, tasks.parquet, space.json, card.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ConfigSpace import ConfigurationSpace, UniformIntegerHyperparameter

from foretune.data.metrics import to_loss
from foretune.data.records import Task, Trial

NOT_HYPERPARAMETERS = {"task", "score", "seconds", "fidelity"}


def read_history(folder: Path, *, in_part: bool = False) -> list[Task]:
    """The tasks of one history, without those that its card calls flat or suspect.

    Configs are plain Python and hold active hyperparameters only; a score becomes a loss. Where trials have a
    budget, only those of the full one are read, or with `in_part` the others too, each with its fidelity.
    Tasks on the same data form one group.
    """
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    space = ConfigurationSpace.from_json(folder / "space.json")
    rows = pd.read_parquet(folder / "trials.parquet", dtype_backend="numpy_nullable")
    table = _with_fidelity(rows, card) if in_part else _full_budget(rows, card)
    left_out = {*card.get("flat_tasks", ()), *card.get("suspect_tasks", ())}
    table = table[~table["task"].isin(left_out)]
    described = _metafeatures(pd.read_parquet(folder / "tasks.parquet"))
    groups = {name: "=".join(alike) for alike in card.get("same_data_tasks", ()) for name in alike}
    metric = metric_of(card["metric"])
    return [
        Task(
            str(name),
            card["family"],
            space,
            metric=metric,
            dataset=str(name),
            group=groups.get(str(name)),
            metafeatures=described.get(str(name), {}),
            trials=trials,
            provenance={"history": card["name"], "kind": card["kind"]},
        )
        for name, trials in _trials(table, space, metric).items()
    ]


def metric_of(description: str) -> str:
    """The metric's plain name from a card's description of it.

    >>> metric_of("balanced accuracy (surrogate prediction)"), metric_of("accuracy (1 - stored value)")
    ('balanced_accuracy', 'accuracy')
    """
    return "balanced_accuracy" if "balanced" in description else "accuracy"


def _full_budget(table: pd.DataFrame, card: Mapping[str, Any]) -> pd.DataFrame:
    if "budget" not in card:
        return table
    column, full = card["budget"]["column"], max(card["budget"]["values"])
    kept: pd.DataFrame = table[table[column] == full].drop(columns=column)
    return kept


def full_budget(folder: Path) -> float:
    """The largest budget of a history's trials: the fidelity of a whole training."""
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return float(max(card["budget"]["values"]))


def _with_fidelity(table: pd.DataFrame, card: Mapping[str, Any]) -> pd.DataFrame:
    """The budget as a column `fidelity`, missing where it is the full one."""
    column, full = card["budget"]["column"], max(card["budget"]["values"])
    budget = table[column].astype("Float64")
    told: pd.DataFrame = table.drop(columns=column).assign(fidelity=budget.mask(budget == full))
    return told


def _trials(table: pd.DataFrame, space: ConfigurationSpace, metric: str) -> dict[str, tuple[Trial, ...]]:
    """The trials of each task, by columns: a history has up to 50,000 rows."""
    names = [name for name in table.columns if name not in NOT_HYPERPARAMETERS]
    columns = [
        _plain(table[name], whole=isinstance(space[name], UniformIntegerHyperparameter)) for name in names
    ]
    seconds = _plain(table["seconds"], whole=False)
    none = [None] * len(table)
    fidelity = _plain(table["fidelity"], whole=False) if "fidelity" in table else none
    found: dict[str, list[Trial]] = {}
    rows = zip(table["task"], table["score"], seconds, fidelity, *columns, strict=True)
    for task, score, took, until, *values in rows:
        config = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        found.setdefault(str(task), []).append(
            Trial(config, to_loss(metric, float(score)), seconds=took, fidelity=until)
        )
    return {name: tuple(trials) for name, trials in found.items()}


def _plain(column: pd.Series, *, whole: bool) -> list[Any]:
    """The column's values as Python knows them; None where there is none."""
    values = column.astype(object).where(column.notna(), None).tolist()
    if whole:
        return [None if value is None else int(value) for value in values]
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _metafeatures(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """By task: what is known of it."""
    names = [name for name in table.columns if name != "task"]
    rows = table[names].to_numpy(dtype=np.float64, na_value=np.nan)
    return {
        str(task): {name: float(x) for name, x in zip(names, row, strict=True) if np.isfinite(x)}
        for task, row in zip(table["task"], rows, strict=True)
    }

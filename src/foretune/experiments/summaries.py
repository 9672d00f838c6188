"""The cases of an experiment as rows for a report, and the means over them."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from foretune.data.metrics import HAS_UNITS
from foretune.data.records import Floats
from foretune.experiments.judging import forecast_accuracy
from foretune.experiments.versus_grid import Case


def summary(cases: Sequence[Case], metric: str) -> list[dict[str, Any]]:
    """One row for each family: gaps to the full grid, scores, costs, and what was saved.

    Errors in the units of several targets have no mean; the gaps by them are shares.
    """
    names = dict.fromkeys(case.family for case in cases)
    return [_summary(name, [case for case in cases if case.family == name], metric) for name in names]


def overall(cases: Sequence[Case], metric: str) -> dict[str, Any]:
    """The row over all cases, with the keys of `summary`; empty without cases."""
    return _summary("all", cases, metric) if cases else {}


def _summary(family: str, cases: Sequence[Case], metric: str) -> dict[str, Any]:
    row: dict[str, Any] = {"family": family, "cases": len(cases)}
    gaps = {name: np.array([case.gap(name, metric) for case in cases]) for name in cases[0].searches}
    for name, gap in gaps.items():
        of_search = [case.searches[name] for case in cases]
        row[f"gap_{name}"] = float(gap.mean())
        row[f"within_001_{name}"] = float(np.mean(gap <= 0.01))
        for kind in sorted(set.intersection(*(set(search.scores) for search in of_search))):
            key = f"{kind.removesuffix('_macro')}_{name}"
            alike = kind not in HAS_UNITS or len({case.dataset for case in cases}) == 1
            row[key] = float(np.mean([search.scores[kind] for search in of_search])) if alike else math.nan
        for cost, attribute in (("fits", "fits"), ("seconds", "seconds"), ("cpu", "cpu_seconds")):
            row[f"{cost}_{name}"] = float(np.mean([getattr(search, attribute) for search in of_search]))
        peaks = [search.peak_bytes for search in of_search if search.peak_bytes is not None]
        row[f"peak_{name}"] = float(np.mean(peaks)) if peaks else None
    row["within_001"] = row["within_001_recommended"]
    row["gap_error"] = _standard_error(gaps["recommended"])
    overhead = float(np.mean([case.searches["recommended"].overhead_seconds for case in cases]))
    row["overhead_recommended"] = overhead + _learning_seconds(cases)
    for cost in ("seconds", "cpu"):
        spent = row[f"{cost}_recommended"] + row["overhead_recommended"]
        row[f"{cost}_saved"] = 1 - spent / row[f"{cost}_grid"]
    row["fits_saved"] = 1 - row["fits_recommended"] / row["fits_grid"]
    difference = gaps["recommended"] - gaps["fixed"]
    row["gap_difference_to_fixed"] = float(difference.mean())
    row["gap_difference_error"] = _standard_error(difference)
    return row


def _standard_error(values: Floats) -> float:
    """The standard error of the mean of values (n,); 0 for one value."""
    return float(values.std() / max(len(values) - 1, 1) ** 0.5)


def _learning_seconds(cases: Sequence[Case]) -> float:
    """What learning from the past cost, per case.

    A history is learned from once a family; leaving out one dataset after the other learns anew each time,
    but only for the experiment's sake, so the mean counts once.
    """
    learning = [case.learning_seconds for case in cases if case.learning_seconds]
    families = len({case.family for case in cases})
    return float(np.mean(learning)) * families / len(cases) if learning else 0.0


def prediction_accuracy(cases: Sequence[Case], learner: str, metric: str) -> list[dict[str, Any]]:
    """For each family: how well the scores of the grid's cells were forecast."""
    rows = []
    for family in dict.fromkeys(case.family for case in cases):
        mine = [case for case in cases if case.family == family]
        pairs = [(np.array(case.predicted), np.array(case.measured)) for case in mine]
        found = forecast_accuracy(pairs, in_units=metric in HAS_UNITS)
        rows.append({"family": family, "learner": learner, **found})
    return rows


def as_rows(cases: Sequence[Case], metric: str) -> list[dict[str, Any]]:
    """The cases as plain data for a report; without forecasts that are in the units of past targets."""
    rows = []
    for case in cases:
        row = asdict(case if metric not in HAS_UNITS else replace(case, predicted=[]))
        row["searches"] = {name: _flat(search) for name, search in row["searches"].items()}
        rows.append(row)
    return rows


def _flat(search: dict[str, Any]) -> dict[str, Any]:
    return {**{key: value for key, value in search.items() if key != "scores"}, **search["scores"]}

"""What scikit-learn's searches leave behind, `cv_results_`, as tasks."""

import ast
import math
import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from foretune.data.errors import HistoryError, MetricError
from foretune.data.metrics import LOWER_IS_BETTER, metric_of_scorer
from foretune.data.records import Config, Floats, Task
from foretune.history.readers.inferred import inferred_space
from foretune.history.readers.literals import SCALAR
from foretune.history.readers.naming import LONGEST_TEXT, called_by, checked, plain_choice
from foretune.history.readers.sheet import ABSENT, Sheet, sheet_of
from foretune.history.readers.table import NEVER
from foretune.history.readers.told import Row, at_fidelity, fidelities_of, trials_of
from foretune.history.rows import INFERRED

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

SOURCE: Final = "cv_results"  # in a task's provenance
MEAN: Final = "mean_test_"
PARAM: Final = "param_"
NESTED: Final = frozenset({"estimator", "base_estimator"})  # what models call a model within them
LONGEST_PARAMS: Final = 10 * LONGEST_TEXT  # characters of the text that holds a config


def read_cv_results(
    results: str | PathLike[str] | pd.DataFrame | Mapping[str, Any],
    *,
    task: str,
    family: str | None = None,
    metric: str | None = None,
    dataset: str | None = None,
    space: "ConfigurationSpace | None" = None,
    log: Sequence[str] | None = None,
    step: str | None = None,
) -> list[Task]:
    """One task for each metric of a search's `cv_results_`: a dict, a frame, or a CSV, JSON or Parquet file.

    `task` is its name, by which it is known unless `dataset` says what identifies the data. `metric` is
    what the search was scored by, "score" by default; of several metrics, the one to read. scikit-learn turns
    the signs of errors: "neg_log_loss", and "log_loss" too, stand for such scores, and become log_loss.

    Names such as svc__C lose the step where all have the same; of several steps they lose `step`, the
    model's, so that C is compared with every other C (a warning asks for it). Each fold's score is kept;
    seconds are those of fitting and scoring over all folds; of a halving search, the rows at most resources
    are the full trials. For `family`, `space` and `log` see `read_table`. Raises `HistoryError` where these
    are no cv_results_, or are pickled.
    """
    sheet = sheet_of(results)
    if not is_cv_results(sheet.columns):
        raise HistoryError(
            f"{sheet.name} is no cv_results_ of scikit-learn: it needs the columns mean_test_..., "
            "mean_fit_time and params or param_...."
        )
    configs = _without_step(_configs(sheet), step)
    names = {name for config in configs for name in config}
    called = checked(family or called_by(names), "the family")
    inferred = {} if space is not None else {"space": INFERRED}
    space = space or inferred_space(configs, name=called, log=log)
    tasks = []
    for column, scorer in _scorers(sheet, metric).items():
        ours, folds, rows = _rows(sheet, column, scorer, configs)
        tasks.append(
            Task(
                checked(task, "the task"),
                called,
                space,
                metric=ours,
                dataset=dataset,
                trials=tuple(trials_of(rows, ours)),
                provenance=at_fidelity(
                    {"source": SOURCE, "scorer": scorer, "protocol": {"folds": folds}, **inferred},
                    fidelities_of(rows),
                ),
            )
        )
    return tasks


def is_cv_results(columns: Collection[str]) -> bool:
    """Whether a table with these columns looks like a search's `cv_results_`."""
    has_params = "params" in columns or any(name.startswith(PARAM) for name in columns)
    return has_params and "mean_fit_time" in columns and any(name.startswith(MEAN) for name in columns)


def _scorers(sheet: Sheet, metric: str | None) -> dict[str, str]:
    """What each column of mean scores is called in other columns, and the scorer behind it."""
    columns = [name.removeprefix(MEAN) for name in sheet.columns if name.startswith(MEAN)]
    if columns == ["score"]:
        return {"score": metric or "score"}
    wanted = [one for one in columns if metric in (None, one, metric_of_scorer(one))]
    if not wanted:
        raise MetricError(f"the search measured no {metric!r}: it has {', '.join(columns[:8])}.")
    return {one: one for one in wanted}


def _rows(sheet: Sheet, column: str, scorer: str, configs: Sequence[Config]) -> tuple[str, int, list[Row]]:
    """The metric in foretune's words, the number of folds, and the rows in its own direction."""
    metric = checked(metric_of_scorer(scorer), "the metric")
    pattern = re.compile(rf"split\d+_test_{re.escape(column)}")
    splits = [name for name in sheet.columns if pattern.fullmatch(name)]
    means = _pointing(sheet.numbers(MEAN + column), metric)
    folds = np.array([_pointing(sheet.numbers(name), metric) for name in splits]).reshape(-1, len(sheet)).T
    seconds = _seconds(sheet) * max(len(splits), 1)
    fidelities = sheet.numbers("n_resources") if "n_resources" in sheet.columns else [math.nan] * len(sheet)
    rows = [
        Row(config, float(mean), float(spent), float(budget), folds=tuple(map(float, one)), noise=_noise(one))
        for config, mean, spent, budget, one in zip(configs, means, seconds, fidelities, folds, strict=True)
    ]
    return metric, len(splits), rows


def _pointing(scores: Floats, metric: str) -> Floats:
    """The scores in the metric's own direction: scikit-learn turns the signs of errors."""
    if metric not in LOWER_IS_BETTER:
        return scores
    if (scores[np.isfinite(scores)] > 0).any():
        raise MetricError(
            f"the scores of {metric!r} are above 0, where scikit-learn has them negative, as "
            f"neg_{metric}: give the metric another name if greater is better, or turn the signs."
        )
    return -scores + 0.0


def _seconds(sheet: Sheet) -> Floats:
    """The seconds of one fold, fitting and scoring."""
    fit = sheet.numbers("mean_fit_time")
    return fit + sheet.numbers("mean_score_time") if "mean_score_time" in sheet.columns else fit


def _noise(folds: Floats) -> float | None:
    """The standard error of the mean over the folds; None where there are less than two."""
    if len(folds) < 2 or not np.isfinite(folds).all():
        return None
    return float(folds.std(ddof=1) / len(folds) ** 0.5)


def _configs(sheet: Sheet) -> list[dict[str, Any]]:
    """Each row's config: from its `params`, which tell None from absent, else from the columns."""
    told = [_told(cell) for cell in sheet.frame["params"].tolist()] if "params" in sheet.columns else []
    names = [name for name in sheet.columns if name.startswith(PARAM)]
    if told and not any(one is None for one in told):
        configs = [{str(name): plain_choice(value) for name, value in (one or {}).items()} for one in told]
    else:
        cells = zip(*(sheet.values(name) for name in names), strict=True)
        labels = [name.removeprefix(PARAM) for name in names]
        configs = [dict(zip(labels, row, strict=True)) for row in cells]
    if not configs or not any(configs):
        raise HistoryError(f"{sheet.name} names no hyperparameter: it needs the column params or param_....")
    return [_kept(config) for config in configs]


def _told(cell: Any) -> Mapping[str, Any] | None:
    """The config in a cell of `params`; None where its text holds more than plain values.

    A literal is parsed here and never run; the text is short, so that no parser is overwhelmed.
    """
    if isinstance(cell, Mapping):
        return cell
    if not isinstance(cell, str) or len(cell) > LONGEST_PARAMS:
        return None
    try:
        config = ast.literal_eval(SCALAR.sub(r"\1", cell))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return config if isinstance(config, dict) else None


def _kept(config: Mapping[str, Any]) -> dict[str, Any]:
    """What is a hyperparameter and is there; its name and text of a length that a store keeps."""
    return {
        checked(name, "a hyperparameter"): checked(value, name) if isinstance(value, str) else value
        for name, value in config.items()
        if value is not ABSENT and name.rpartition("__")[2] not in NEVER
    }


def _is_pipeline(configs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether names are of several steps, or of one and swapped ones; a model within another is no step."""
    names = {name for config in configs for name in config}
    steps = {name.partition("__")[0] for name in names if "__" in name} - NESTED
    whole = {name for name in names if "__" not in name}
    swapped = all(isinstance(one.get(name, ""), str) for name in whole for one in configs)
    return len(steps) > 1 or (bool(steps and whole) and swapped)


def _without_step(configs: Sequence[Mapping[str, Any]], step: str | None) -> list[dict[str, Any]]:
    """The configs without that step of a pipeline; where none is said, without one that all names have."""
    names = {name for config in configs for name in config}
    steps = {name.rpartition("__")[0] for name in names}
    known = ", ".join(sorted(filter(None, steps))) or "none"
    if step is not None and step not in steps:
        raise HistoryError(f"no hyperparameter is of a step {step!r}: the steps are {known}.")
    if step is None and _is_pipeline(configs):
        warnings.warn(
            f"names keep their steps ({known}), and teach nothing of names without: say which step is the "
            "model (--step, in Python step=).",
            stacklevel=3,
        )
    if step is None and len(steps) == 1:
        step = steps.pop()
    without = {name: name.removeprefix(f"{step}__") if step else name for name in names}
    for name, short in without.items():
        if short != name and short in names:
            raise HistoryError(f"{name!r} cannot lose its step: {short!r} is there, too.")
    return [{without[name]: value for name, value in config.items()} for config in configs]

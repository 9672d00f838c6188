"""Runs of OpenML's flows as tasks: their setups are configs, the datasets' qualities meta-features."""

import json
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from foretune.data.errors import DatasetError, HistoryError
from foretune.data.openml_client import ask, entries, pages
from foretune.data.records import Task
from foretune.history.readers.naming import ADDRESS, LONGEST_TEXT
from foretune.history.readers.runs import Run, number_of, tasks_of_runs

SOURCE: Final = "openml"  # in a task's provenance
PLACE: Final = re.compile(r"openml:flow/(\d+(?:,\d+)*)(?:/task/(\d+(?:,\d+)*))?")
MOST_RUNS = 10_000  # that are read by default
MOST_SETUPS: Final = 100  # asked for at once: their numbers stand in the address
# OpenML's measures by foretune's names of the same; other measures are called as OpenML calls them.
MEASURES: Final[Mapping[str, str]] = {
    "accuracy": "predictive_accuracy",
    "roc_auc": "area_under_roc_curve",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
}
SECONDS: Final = "usercpu_time_millis"
# OpenML's qualities that are meta-features of `foretune.describe`, under another name.
QUALITIES: Final[Mapping[str, str]] = {
    "NumberOfInstances": "nr_inst",
    "NumberOfFeatures": "nr_attr",
    "NumberOfNumericFeatures": "nr_num",
    "NumberOfSymbolicFeatures": "nr_cat",
    "NumberOfClasses": "nr_class",
    "ClassEntropy": "class_ent",
}
WITH_TARGET: Final = ("NumberOfFeatures",)  # it counts the target, which describe does not
WORDS: Final[Mapping[str, Any]] = {"TRUE": True, "FALSE": False, "None": None, "NULL": None}


def read_openml(
    source: str,
    *,
    metric: str = "accuracy",
    direction: str | None = None,
    family: str | None = None,
    hyperparameters: Sequence[str] | None = None,
    log: Sequence[str] | None = None,
    limit: int = MOST_RUNS,
) -> list[Task]:
    """One task for each OpenML task that a flow was run on: "openml:flow/7707", "openml:flow/7707/task/3,31".

    `metric` is accuracy, roc_auc, rmse or mae, or a measure of OpenML's, whose `direction` is needed then. A
    run is a trial: its setup's parameters are the config (a component that is no plain value is none), its
    measure the score, its CPU time the seconds. Runs that ended in an error are failed trials; those that
    OpenML has not evaluated, and those after the first `limit`, are left out with a warning.

    A dataset is known by its OpenML number; its qualities are the meta-features, with foretune's names beside
    OpenML's where they mean the same. The estimation procedure (the OpenML task) is the protocol. For
    `family`, `hyperparameters` and `log` see `read_table`.

    Answers are kept in the cache folder, so that an import that was cut short goes on where it was. Raises
    `HistoryError` where there are no such runs, or OpenML cannot be reached.
    """
    match = PLACE.fullmatch(source.strip())
    if match is None:
        raise HistoryError(
            f"{source[:60]!r} names no runs: give openml:flow/ID, or openml:flow/ID/task/ID,ID."
        )
    try:
        told = _Told(match[1], match[2], MEASURES.get(metric, metric), limit)
        runs = list(told.runs(metric))
    except DatasetError as error:
        raise HistoryError(str(error)) from None
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise HistoryError(
            f"OpenML's answers on {source} lack what they should hold "
            f"({type(error).__name__}: {error!s:.80}): try again later."
        ) from None
    if not runs:
        raise HistoryError(f"OpenML has no runs for {source}: look at https://www.openml.org/f/{match[1]}.")
    tasks = tasks_of_runs(
        runs,
        source=SOURCE,
        place=source,
        metric=metric,
        direction=direction,
        family=family,
        hyperparameters=hyperparameters,
        log=log,
    )
    return [told.placed(task) for task in tasks]


class _Told:
    """What OpenML says of the runs of some flows."""

    def __init__(self, flows: str, tasks: str | None, measure: str, limit: int) -> None:
        self._limit = limit
        self._where = f"flow/{flows}" + (f"/task/{tasks}" if tasks else "")
        self._measures = {one["oml:run_id"]: one for one in self._evaluations(measure)}
        self._millis = {one["oml:run_id"]: one.get("oml:value") for one in self._evaluations(SECONDS)}
        self._about: dict[str, dict[str, Any]] = {}

    def _evaluations(self, measure: str) -> Iterator[Mapping[str, Any]]:
        where = f"evaluation/list/function/{measure}/{self._where}"
        return pages(where, "oml:evaluations", "oml:evaluation", limit=self._limit)

    def runs(self, metric: str) -> Iterator[Run]:
        """The runs, with their configs."""
        where = f"run/list/{self._where}/show_errors/true"
        found = list(pages(where, "oml:runs", "oml:run", limit=self._limit))
        if len(found) == self._limit:
            warnings.warn(
                f"only the first {self._limit:,} runs are read: raise `limit` for more.", stacklevel=3
            )
        configs = _configs(sorted({str(one["oml:setup_id"]) for one in found}, key=int))
        for one in found:
            yield self._run(one, configs.get(str(one["oml:setup_id"]), {}), metric)

    def _run(self, one: Mapping[str, Any], config: Mapping[str, Any], metric: str) -> Run:
        number, measured, task = (
            one["oml:run_id"],
            self._measures.get(one["oml:run_id"]),
            str(one["oml:task_id"]),
        )
        error = str(one.get("oml:error_message") or "")
        data = self._dataset(task)
        return Run(
            data["name"],
            config,
            {} if measured is None else {metric: number_of(measured.get("oml:value"))},
            status="failed" if error else "done",
            reason=error,
            seconds=number_of(self._millis.get(number)) / 1000.0,
            ended=number_of(number),
            dataset=f"openml-task:{task}",
            group=data["dataset"],
            metafeatures=data["metafeatures"],
        )

    def _dataset(self, task: str) -> dict[str, Any]:
        """What is known of the task's dataset: asked for once a task."""
        if task not in self._about:
            self._about[task] = _dataset_of(task)
        return self._about[task]

    def placed(self, task: Task) -> Task:
        """The task, known by its dataset and its estimation procedure."""
        number = str(task.dataset).rpartition(":")[2]
        about = self._dataset(number)
        told = {"protocol": {"openml_task": int(number)}, "openml": about["told"]}
        return replace(task, dataset=about["dataset"], provenance={**task.provenance, **told})


def _dataset_of(task: str) -> dict[str, Any]:
    answer = ask(f"task/{task}") or {}
    about = answer.get("oml:task")
    inputs = about.get("oml:input", []) if isinstance(about, Mapping) else []
    sets = [one["oml:data_set"] for one in inputs if isinstance(one, Mapping) and "oml:data_set" in one]
    if not sets or not str(sets[0].get("oml:data_set_id", "")).isdecimal():
        raise HistoryError(f"OpenML's task {task} has no dataset: leave it out, by naming the others.")
    number = str(sets[0]["oml:data_set_id"])
    description = (ask(f"data/{number}") or {}).get("oml:data_set_description", {})
    told = {
        one: str(description[f"oml:{one}"]) for one in ("version", "licence") if description.get(f"oml:{one}")
    }
    return {
        "name": str(description.get("oml:name") or f"openml:{number}"),
        "dataset": f"openml:{number}",
        "metafeatures": _qualities(number),
        "told": {"dataset": int(number), "task": int(task), **told},
    }


def _qualities(number: str) -> dict[str, float]:
    """The dataset's qualities; NaN where OpenML has no value."""
    answer = ask(f"data/qualities/{number}")
    found: dict[str, float] = {}
    for one in entries(answer or {}, "oml:data_qualities", "oml:quality"):
        name, value = str(one.get("oml:name", ""))[:LONGEST_TEXT], number_of(one.get("oml:value"))
        found[name] = value
        if name in QUALITIES:
            found[QUALITIES[name]] = value - (name in WITH_TARGET)
    return {name: value if math.isfinite(value) else math.nan for name, value in found.items()}


def _configs(setups: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Each setup's config."""
    found = {}
    for start in range(0, len(setups), MOST_SETUPS):
        some = ",".join(setups[start : start + MOST_SETUPS])
        answer = ask(f"setup/list/setup/{some}/limit/{MOST_SETUPS}/offset/0") or {}
        for one in entries(answer, "oml:setups", "oml:setup"):
            found[str(one.get("oml:setup_id"))] = _config(one.get("oml:parameter") or ())
    return found


def _config(parameters: Iterable[Any]) -> dict[str, Any]:
    """The parameters by their names; where two components share one, by the component's too."""
    told = [one for one in parameters if isinstance(one, Mapping)]
    names = [str(one.get("oml:parameter_name")) for one in told]
    config = {}
    for name, one in zip(names, told, strict=True):
        value, is_plain = _value(one.get("oml:value"))
        if is_plain:
            config[name if names.count(name) == 1 else f"{_component(one)}__{name}"] = value
    return config


def _component(parameter: Mapping[str, Any]) -> str:
    """The class of the parameter's component: SVC of sklearn.svm.classes.SVC."""
    return str(parameter.get("oml:flow_name")).partition("(")[0].rpartition(".")[2]


def _value(text: Any) -> tuple[Any, bool]:
    """The value that a setup's text stands for, and whether it is a plain one.

    scikit-learn's flows write JSON, R's and Weka's plain words. What JSON says is a mapping, or a list of
    such, is a component.
    """
    if not isinstance(text, str):
        return None, text is None
    if len(text) > LONGEST_TEXT:
        return None, False
    if text in WORDS:
        return WORDS[text], True
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ADDRESS.sub("", text), True
    parts = value if isinstance(value, list) else [value]
    return value, not any(isinstance(part, dict | list) for part in parts)

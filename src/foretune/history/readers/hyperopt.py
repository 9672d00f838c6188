"""Hyperopt's trials, dumped as JSON, as tasks; hyperopt is not needed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

from foretune.data.errors import HistoryError
from foretune.data.records import Task
from foretune.history.readers.naming import LONGEST_TEXT, nearest
from foretune.history.readers.places import path_at
from foretune.history.readers.runs import Run, number_of, tasks_of_runs
from foretune.history.readers.sheet import parsed_text
from foretune.history.readers.untrusted import json_at

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

SOURCE: Final = "hyperopt"  # in a task's provenance
STATES: Final = ("running", "running", "done", "failed", "killed")  # Hyperopt's JOB_STATEs, by number
RESULTS: Final = {"ok": "done", "fail": "failed", "new": "running", "suspended": "running"}
NO_METRICS: Final = frozenset({"status", "loss_variance", "true_loss_variance"})
LOSS: Final = "loss"  # what Hyperopt minimises


def read_hyperopt(
    source: str | PathLike[str] | Sequence[Mapping[str, Any]],
    *,
    task: str,
    study: str | Sequence[str] | None = None,
    metric: str = LOSS,
    direction: str | None = None,
    choices: Mapping[str, Sequence[Any]] | None = None,
    family: str | None = None,
    hyperparameters: Sequence[str] | None = None,
    space: "ConfigurationSpace | None" = None,
    log: Sequence[str] | None = None,
) -> list[Task]:
    """One task of Hyperopt's trials, or one for each `exp_key` where they have these.

    `source`: a file that `json.dump(trials.trials, file, default=str)` wrote, or that list itself.
    `trials._dynamic_trials` in its place also holds those that failed. `task` is its name, to which an
    exp_key is added; `study` names exp_keys. `metric` is Hyperopt's loss, or another number of the results.

    A config holds what was drawn, by the labels of the space. Of an `hp.choice` that is the place of the
    option: `choices` maps its label to the options, in their order; without them the place stays. What
    `hp.quniform` drew are fractions such as 3.0, also where the space makes integers of them. Labels that a
    trial did not draw are absent. See `tasks_of_runs` for the rest. Raises `HistoryError` where this is no
    such list, and where a place is beyond the options.
    """
    content = json_at(path_at(source)) if isinstance(source, str | PathLike) else source
    name = path_at(source).name if isinstance(source, str | PathLike) else "the list"
    if not is_hyperopt(content):
        raise HistoryError(
            f"{name} holds no trials of Hyperopt's: write json.dump(trials.trials, file, default=str)."
        )
    documents = _of_studies(list(content), study)
    return tasks_of_runs(
        [_run(one, task, choices or {}) for one in documents],
        source=SOURCE,
        place=name,
        metric=metric,
        direction=direction,
        family=family,
        hyperparameters=hyperparameters,
        space=space,
        log=log,
    )


def is_hyperopt(content: Any) -> bool:
    """Whether this is a list of Hyperopt's trials."""
    return (
        isinstance(content, Sequence)
        and not isinstance(content, str)
        and len(content) > 0
        and all(isinstance(one, Mapping) and {"misc", "result", "state"} <= one.keys() for one in content)
    )


def _of_studies(
    documents: list[Mapping[str, Any]], study: str | Sequence[str] | None
) -> list[Mapping[str, Any]]:
    if study is None:
        return documents
    known = {str(one.get("exp_key")) for one in documents}
    for name in (names := [study] if isinstance(study, str) else study):
        if name not in known:
            raise HistoryError(f"there is no exp_key {name[:60]!r}: {nearest(name, sorted(known))}")
    return [one for one in documents if str(one.get("exp_key")) in names]


def _run(document: Mapping[str, Any], task: str, choices: Mapping[str, Sequence[Any]]) -> Run:
    misc, result = _mapping(document, "misc"), _mapping(document, "result")
    started, ended = _when(document.get("book_time")), _when(document.get("refresh_time"))
    key = document.get("exp_key")
    return Run(
        task if key is None else f"{task}: {key}",
        dict(_config(_mapping(misc, "vals"), choices)),
        {LOSS: math.nan, **dict(_scores(result))} if result.get("status") == "ok" else {},
        status=_status(document, result),
        reason=_reason(misc, result),
        seconds=ended - started,
        ended=0.0 if math.isnan(ended) else ended,
    )


def _mapping(within: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = within.get(name)
    if not isinstance(found, Mapping):
        raise HistoryError(f"a trial of Hyperopt's has no {name!r}: dump trials.trials as they are.")
    return found


def _status(document: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """The status, of a trial that is done that of its result."""
    state = number_of(document.get("state"))
    if state not in range(len(STATES)):
        raise HistoryError(
            f"a trial of Hyperopt's has the state {str(document.get('state'))[:40]!r}: 0 to 4."
        )
    status = STATES[int(state)]
    return RESULTS.get(str(result.get("status")), "running") if status == "done" else status


def _reason(misc: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Why the trial failed: its exception, or what the function called it."""
    error = misc.get("error")
    told = ": ".join(map(str, error)) if isinstance(error, list | tuple) else ""
    return (told or str(result.get("failure") or ""))[:LONGEST_TEXT]


def _scores(result: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers of a result, by name."""
    for name, value in result.items():
        number = number_of(value)
        is_number = isinstance(value, int | float) or (isinstance(value, str) and not math.isnan(number))
        if name not in NO_METRICS and is_number and not isinstance(value, bool):
            yield name, number


def _config(drawn: Mapping[str, Any], choices: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, Any]]:
    """The values by label; a numpy integer that was dumped as text is a number again."""
    for label, values in drawn.items():
        value = values[0] if isinstance(values, list | tuple) and values else None
        if value is None:
            continue
        value = parsed_text(value) if isinstance(value, str) and len(value) <= LONGEST_TEXT else value
        yield label, _option(label, value, choices[label]) if label in choices else value


def _option(label: str, place: Any, options: Sequence[Any]) -> Any:
    if not isinstance(place, int) or not 0 <= place < len(options):
        raise HistoryError(f"{label[:60]!r} was drawn as {str(place)[:40]}, but has {len(options)} options.")
    return options[place]


def _when(told: Any) -> float:
    """Seconds since 1970 of a time as `str` or MongoDB's JSON has it; NaN where there is none."""
    told = told.get("$date") if isinstance(told, Mapping) else told
    if isinstance(told, datetime):
        return told.replace(tzinfo=told.tzinfo or UTC).timestamp()
    if isinstance(told, int | float):
        return number_of(told) / 1000
    try:
        moment = datetime.fromisoformat(str(told)[:40])
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return math.nan

"""Weights & Biases' runs, exported as a table, as tasks; wandb is not needed."""

import math
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from foretune.data.errors import HistoryError
from foretune.data.records import Task
from foretune.history.readers.literals import mapping_in
from foretune.history.readers.measured import metric_among, seems_measured
from foretune.history.readers.naming import nearest
from foretune.history.readers.places import path_at
from foretune.history.readers.runs import Run, flattened, number_of, tasks_of_runs
from foretune.history.readers.sheet import ABSENT, Sheet, sheet_of
from foretune.history.readers.table import DONE_WORDS, FAILED_WORDS, OPEN_WORDS

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

SOURCE: Final = "wandb"  # in a task's provenance
ABOUT: Final = frozenset(
    re.split(
        " *, *",
        "name, state, notes, user, tags, created, runtime, sweep, id, group, job type, description, host, "
        "hostname, project, entity, commit, agent, end time, updated, relative runtime, heartbeat at, "
        "github, gpu count, gpu type, cpu count, os, python version",
    )
)  # lower-case columns that tell of the run, not of what it tried
OPEN: Final = OPEN_WORDS | {"preempting", "preempted", ""}
DURATION: Final = re.compile(r"(?:(\d+)d)? ?(?:(\d+)h)? ?(?:(\d+)m)? ?(?:(\d+(?:\.\d+)?)s)?")


def read_wandb(
    source: str | PathLike[str] | pd.DataFrame,
    *,
    metric: str | None = None,
    direction: str | None = None,
    study: str | Sequence[str] | None = None,
    task: str | None = None,
    family: str | None = None,
    hyperparameters: Sequence[str] | None = None,
    space: "ConfigurationSpace | None" = None,
    log: Sequence[str] | None = None,
) -> list[Task]:
    """The tasks of a table of Weights & Biases' runs: one for each sweep, and one for those in none.

    `source`: the CSV that a project's page exports, or one that the API's example writes, whose columns
    `config` and `summary` hold mappings, or such a frame. `study` names sweeps; `task` is a column, or a key
    of the config, that names the task instead.

    The page's CSV does not tell config from metrics: `hyperparameters` does. Without them columns that begin
    with an underscore, or are called as metrics are, are taken for metrics, and a warning tells which.
    Crashed, failed and killed runs are failed trials; running ones are left out. See `tasks_of_runs` for the
    rest, and for the errors.
    """
    sheet = sheet_of(source)
    if not is_wandb(sheet.columns):
        raise HistoryError(
            f"{sheet.name} is no export of Weights & Biases': it needs the columns Name and State, "
            "or config and summary."
        )
    name = "wandb" if isinstance(source, pd.DataFrame) else path_at(source).stem
    told = list(_told(sheet)) if _has_mappings(sheet.columns) else list(_rows(sheet, metric, hyperparameters))
    measured = metric_among([one.summary for one in told if one.status not in OPEN], metric)
    runs = [_run(one, name, task) for one in _of_sweeps(told, study)]
    if nameless := sum(not run.task for run in runs):
        warnings.warn(f"runs left out: {nameless} without {task!r}.", stacklevel=2)
    return tasks_of_runs(
        [run for run in runs if run.task],
        source=SOURCE,
        place=sheet.name,
        metric=measured,
        direction=direction,
        family=family,
        hyperparameters=hyperparameters,
        space=space,
        log=log,
    )


def is_wandb(columns: Sequence[str]) -> bool:
    """Whether a table with these columns looks like an export of Weights & Biases'."""
    return {"Name", "State", "Runtime"} <= set(columns) or _has_mappings(columns)


def _has_mappings(columns: Sequence[str]) -> bool:
    return {"config", "summary"} <= set(columns)


@dataclass(frozen=True, slots=True)
class _Told:
    """A run as the table tells it."""

    about: Mapping[str, Any]  # by lower-case name: state, sweep, created, runtime
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    row: Mapping[str, Any]

    @property
    def status(self) -> str:
        """The state; runs of a table without one are finished."""
        return str(self.about.get("state", "finished")).lower()


def _told(sheet: Sheet) -> Iterator[_Told]:
    """The runs of a table whose cells hold mappings."""
    others = [column for column in sheet.columns if column not in ("config", "summary")]
    about = {column: sheet.frame[column].tolist() for column in others}
    cells = zip(sheet.frame["config"].tolist(), sheet.frame["summary"].tolist(), strict=True)
    for place, (config, summary) in enumerate(cells):
        tried, measured = mapping_in(config), mapping_in(summary)
        if tried is None:
            raise HistoryError(f"{sheet.name}, row {place + 1}: its config is no mapping that can be read.")
        row = {column: values[place] for column, values in about.items()}
        known = {name.lower(): value for name, value in row.items()}
        measured = measured or {}
        runtime = measured.get("_runtime")
        known.setdefault("runtime", runtime.get("_wandb") if isinstance(runtime, Mapping) else runtime)
        known.setdefault("created", measured.get("_timestamp"))
        yield _Told(known, flattened(_unwrapped(tried)), flattened(measured), row)


def _unwrapped(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config without what Weights & Biases keeps beside values, and without its own entries."""
    return {
        name: value["value"]
        if isinstance(value, Mapping) and value.keys() <= {"value", "desc"} and value
        else value
        for name, value in config.items()
        if not name.startswith("_") and not (isinstance(value, Mapping) and value.keys() == {"desc"})
    }


def _rows(sheet: Sheet, metric: str | None, hyperparameters: Sequence[str] | None) -> Iterator[_Told]:
    """The runs of the page's CSV: columns of config and of metrics are told apart by their names."""
    about = [column for column in sheet.columns if column.lower() in ABOUT]
    about = [column for column in about if column not in (hyperparameters or ())]
    others = [column for column in sheet.columns if column not in about]
    if metric is not None:
        sheet.check(metric)
    metrics = [one for one in others if one not in (hyperparameters or ()) and _is_metric(one, metric)]
    config = [one for one in others if one not in metrics]
    if (further := [one for one in metrics if one != metric]) and hyperparameters is None:
        listed = ", ".join(map(repr, further[:20]))
        warnings.warn(f"taken for metrics, not for hyperparameters: {listed}.", stacklevel=3)
    values = {column: sheet.values(column) for column in sheet.columns}
    # A sweep may be called 1e5.
    values |= {column: [ABSENT if cell is None else cell for cell in sheet.texts(column)] for column in about}
    values |= {column: [_measured(cell) for cell in sheet.frame[column].tolist()] for column in metrics}
    for place in range(len(sheet)):
        row = {column: cells[place] for column, cells in values.items() if cells[place] is not ABSENT}
        yield _Told(
            {column.lower(): row.get(column, "") for column in about},
            {column: row[column] for column in config if column in row},
            {column: row[column] for column in metrics if column in row},
            row,
        )


def _measured(cell: Any) -> Any:
    """A metric's value; of a text NaN too, which is no gap here."""
    if isinstance(cell, str):
        return cell if cell else ABSENT
    return ABSENT if cell is None or cell is pd.NA or cell != cell else cell  # noqa: PLR0124


def _is_metric(column: str, metric: str | None) -> bool:
    return column == metric or column.startswith("_") or seems_measured(column)


def _of_sweeps(told: list[_Told], study: str | Sequence[str] | None) -> list[_Told]:
    if study is None:
        return told
    known = Counter(str(one.about.get("sweep", "")) for one in told)
    for name in (names := [study] if isinstance(study, str) else study):
        if name not in known:
            raise HistoryError(f"there is no sweep {name[:60]!r}: {nearest(name, [*known])}")
    return [one for one in told if str(one.about.get("sweep", "")) in names]


def _run(told: _Told, name: str, task: str | None) -> Run:
    status = told.status
    if status not in OPEN | DONE_WORDS | FAILED_WORDS:
        raise HistoryError(f"a run has the state {status[:40]!r}, which is none of Weights & Biases'.")
    seconds, created = _seconds(told.about.get("runtime")), _when(told.about.get("created"))
    sweep = told.about.get("sweep", "")
    named = (told.row | told.config).get(task, "") if task else sweep if _is_text(sweep) else name  # type: ignore[operator]
    return Run(
        "" if pd.api.types.is_scalar(named) and pd.isna(named) else str(named),
        {key: value for key, value in told.config.items() if key != task},
        {key: number_of(value) for key, value in told.summary.items() if _is_number(value)},
        status="running" if status in OPEN else status,
        seconds=seconds,
        ended=sum(x for x in (created, seconds) if math.isfinite(x)),
    )


def _is_text(cell: Any) -> bool:
    return isinstance(cell, str) and cell != ""


def _is_number(value: Any) -> bool:
    """Whether a metric's value is one; None stands for NaN."""
    if isinstance(value, str):
        return value.lower() in ("nan", "none") or not math.isnan(number_of(value))
    return value is None or isinstance(value, int | float)


def _seconds(told: Any) -> float:
    """The seconds of a number, or of a text such as "1h 2m 3s"; NaN where it is neither."""
    if not isinstance(told, str):
        return number_of(told)
    match = DURATION.fullmatch(told.strip())
    if match is None or not told.strip():
        return number_of(told)
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _when(told: Any) -> float:
    """Seconds since 1970; NaN where it is no time."""
    if not isinstance(told, str):
        return number_of(told)
    try:
        moment = datetime.fromisoformat(told[:40])
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return number_of(told)

"""Syne Tune's result folders as tasks; tuner.dill, a pickle, is never opened."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final

from foretune.data.errors import HistoryError
from foretune.data.records import Task
from foretune.history.readers.archives import text_in
from foretune.history.readers.domains import held_by, space_told
from foretune.history.readers.folders import folder_at, folders_in, named
from foretune.history.readers.runs import Run, number_of, parsed_config, tasks_of_runs
from foretune.history.readers.untrusted import json_at, json_of, text_at

SOURCE: Final = "syne_tune"  # in a task's provenance
CONFIG: Final = "config_"
RESOURCES: Final = ("epoch", "epochs", "training_iteration", "iteration", "step", "resource", "hp_epoch")
ENDINGS: Final[Mapping[str, str]] = {"Failed": "failed"}  # a trial that was stopped has what it reported
LONGEST_CELL: Final = 2**20


def read_syne_tune(
    folder: str | PathLike[str],
    *,
    study: str | Sequence[str] | None = None,
    metric: str | None = None,
    direction: str | None = None,
    task: str | None = None,
    family: str | None = None,
    fidelity: str | None = None,
    log: Sequence[str] | None = None,
) -> list[Task]:
    """The task of a tuner's result folder, or one task for each in a folder of such (`~/syne-tune`).

    Read are metadata.json and results.csv.zip (or results.csv). A trial's score is the last that it reported,
    its curve all of them; `fidelity` names the column of its resource, which is told where it is called epoch
    or as metadata.json says: the highest of a tuner counts as full. Trials that reported nothing are not
    in Syne Tune's results at all.

    The space is the one in metadata.json, and inferred where there is none, from all config_ columns. The
    metric and its direction are the tuner's first; `metric`, `direction` name others. `study` names the
    tuners to read. Raises `HistoryError` where there are no results, or a file is damaged.
    """
    place = folder_at(folder)
    found = [_Tuner(one) for one in named(folders_in(place, "results.csv*"), study)]
    if not found:
        raise HistoryError(
            f"{place} holds no results.csv.zip of Syne Tune's: give the folder that the tuner wrote."
        )
    alike: dict[str, list[_Tuner]] = {}
    for one in found:
        alike.setdefault(one.content, []).append(one)
    tasks = []
    for members in alike.values():
        read = metric or members[0].metric
        tasks += tasks_of_runs(
            [run for one in members for run in one.runs(task or one.folder.name, fidelity)],
            source=SOURCE,
            place=str(place),
            metric=read,
            direction=direction or members[0].direction(read),
            family=family,
            space=members[0].space,
            log=log,
        )
    return tasks


class _Tuner:
    """One tuner's results and what it says of itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / "metadata.json"
        told = json_at(file) if file.is_file() else {}
        if not isinstance(told, dict):
            raise HistoryError(f"{file} is no mapping: take it from its source again.")
        self._told: Mapping[str, Any] = told
        domains = told.get("config_space")
        domains = json_of(domains, file.name) if isinstance(domains, str) else domains
        self.domains = domains if isinstance(domains, dict) else {}
        self.space = space_told(self.domains)

    @property
    def content(self) -> str:
        """What tuners have in common whose tasks are of one family."""
        return f"{sorted(self.domains.items(), key=str)}{self._names}"

    @property
    def _names(self) -> list[str]:
        names = self._told.get("metric_names")
        return [str(name) for name in names] if isinstance(names, list) else []

    @property
    def metric(self) -> str | None:
        """The metric that the tuner went by: the first."""
        return self._names[0] if self._names else None

    def direction(self, metric: str | None) -> str | None:
        """Which way the metric points, in Optuna's words; None where the tuner does not tell."""
        modes = self._told.get("metric_mode")
        modes = modes if isinstance(modes, list) else [modes] * len(self._names)
        mode = dict(zip(self._names, modes, strict=False)).get(metric or "")
        return {"min": "minimize", "max": "maximize"}.get(str(mode))

    def runs(self, task: str, fidelity: str | None) -> Iterator[Run]:
        """The trials, in order of their first report."""
        trials: dict[str, list[Mapping[str, str]]] = {}
        for row in self._rows():
            trials.setdefault(row.get("trial_id") or "", []).append(row)
        for rows in trials.values():
            yield self._run(rows, task, fidelity or self._resource(rows[0]))

    def _rows(self) -> Iterator[Mapping[str, str]]:
        """The lines of results.csv by column, those without a trial left out."""
        packed, file = self.folder / "results.csv.zip", self.folder / "results.csv"
        text = text_in(packed, file.name) if packed.is_file() else text_at(file)
        before = csv.field_size_limit(LONGEST_CELL)
        try:
            for row in csv.DictReader(io.StringIO(text), restkey="", restval=""):
                if row.get("trial_id"):
                    yield {str(name): value for name, value in row.items() if isinstance(value, str)}
        except csv.Error as error:
            raise HistoryError(
                f"{file.name} in {self.folder} is no CSV ({error}): take it from its source."
            ) from None
        finally:
            csv.field_size_limit(before)

    def _resource(self, row: Mapping[str, str]) -> str | None:
        """The column of the resource."""
        kwargs = self._told.get("scheduler_kwargs")
        kwargs = kwargs if isinstance(kwargs, dict) else {}
        told = [str(kwargs.get(word)) for word in ("time_attr", "resource_attr")]
        return next((name for name in (*told, *RESOURCES) if name in row), None)

    def _run(self, rows: Sequence[Mapping[str, str]], task: str, resource: str | None) -> Run:
        last = rows[-1]
        texts = {name.removeprefix(CONFIG): text for name, text in last.items() if name.startswith(CONFIG)}
        config = parsed_config(texts)
        names = [name for name in last if _is_metric(name, resource)]
        curves = {name: [number_of(row.get(name)) for row in rows] for name in names}
        return Run(
            task,
            held_by(self.space, config, self.domains) if self.space is not None else config,
            {name: curve[-1] for name, curve in curves.items() if last[name] != ""},
            status=ENDINGS.get(last.get("st_status", ""), "done"),
            seconds=number_of(last.get("st_worker_time")),
            fidelity=math.nan if resource is None else number_of(last.get(resource)),
            ended=_known(number_of(last.get("st_worker_timestamp"))),
            started=number_of(self._told.get("st_tuner_creation_timestamp")),
            curves=curves,
        )


def _is_metric(name: str, resource: str | None) -> bool:
    return not name.startswith((CONFIG, "st_")) and name not in ("trial_id", resource)


def _known(number: float) -> float:
    return 0.0 if math.isnan(number) else number

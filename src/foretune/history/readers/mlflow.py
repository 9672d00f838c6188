"""MLflow's runs as tasks, from its files, its database or its tracking server; mlflow is not needed."""

import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, Literal

from foretune.data.errors import HistoryError
from foretune.data.records import Task
from foretune.history.history import without_password
from foretune.history.readers.measured import metric_among, points_down
from foretune.history.readers.naming import nearest
from foretune.history.readers.places import path_at
from foretune.history.readers.runs import Run, parsed_config, tasks_of_runs
from foretune.history.readers.tracking.database import Database
from foretune.history.readers.tracking.files import Files
from foretune.history.readers.tracking.record import Experiment, Point, Recorded, Store, in_order
from foretune.history.readers.tracking.server import Server

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

SOURCE: Final = "mlflow"  # in a task's provenance
OPEN: Final = ("RUNNING", "SCHEDULED")
LONGEST_CURVE: Final = 1000  # points of a curve that is kept
Which = Literal["last", "best"]


def read_mlflow(
    source: str | PathLike[str],
    *,
    study: str | Sequence[str] | None = None,
    metric: str | None = None,
    direction: str | None = None,
    value: Which = "last",
    task: str | None = None,
    family: str | None = None,
    hyperparameters: Sequence[str] | None = None,
    space: "ConfigurationSpace | None" = None,
    log: Sequence[str] | None = None,
) -> list[Task]:
    """The tasks of MLflow's experiments: one each, and one for each dataset where its runs name several.

    `source`: a folder `mlruns`, or one experiment's in it; a database ("sqlite:///mlflow.db", PostgreSQL,
    MySQL); a tracking server ("http://host:5000"), whose user or token MLflow's environment variables tell.
    `study` names experiments, all by default. `task` is a tag or parameter that names the task instead.

    `metric` is needed where the runs measured several; `value` says whether its last or its best value
    counts. All its values are the trial's curve. Parameters are read by their looks: "0.1" is a number. Runs
    that failed or were killed are failed trials. Running and deleted ones are left out, and so is a run in
    which those with parameters are nested. See `tasks_of_runs` for the rest, and for the errors.
    """
    if value not in ("last", "best"):
        raise HistoryError(f"{str(value)[:40]!r} is no value that counts: give 'last' or 'best'.")
    store, called = store_at(source), without_password(str(source))[:200]
    found = _Found(store, _chosen(list(store.experiments()), study, called), task)
    measured = metric_among(found.measured, metric) if any(found.measured) else metric
    if measured is None:
        raise HistoryError(f"{called} holds no run that ended and measured anything.")
    best = (min if points_down(measured, direction) else max) if value == "best" else None
    return tasks_of_runs(
        list(found.runs(measured, best)),
        source=SOURCE,
        place=called,
        metric=measured,
        direction=direction,
        family=family,
        hyperparameters=hyperparameters,
        space=space,
        log=log,
    )


def store_at(source: str | PathLike[str]) -> Store:
    """What keeps the runs at a url or path; `HistoryError` where nothing does."""
    place = str(source)
    if place.startswith(("http://", "https://")):
        return Server(place)
    if "://" in place and not place.startswith(("file://", "sqlite")):
        return Database(place)
    path = path_at(source)
    if path.is_dir():
        return Files(path)
    if path.is_file():
        return Database(path)
    raise HistoryError(f"there is nothing at {place[:200]!r}: give a folder mlruns, a database or a server.")


def _chosen(
    experiments: Sequence[Experiment], study: str | Sequence[str] | None, place: str
) -> list[Experiment]:
    if not experiments:
        raise HistoryError(
            f"{place[:200]} holds no experiment of MLflow's: give its folder mlruns or its url."
        )
    if study is None:
        return list(experiments)
    by_name = {one.name: one for one in experiments}
    for name in (names := [study] if isinstance(study, str) else study):
        if name not in by_name:
            raise HistoryError(f"there is no experiment {name[:60]!r}: {nearest(name, by_name)}")
    return [by_name[name] for name in dict.fromkeys(names)]


@dataclass(frozen=True)
class _Named:
    """A run that may be a trial, and its task."""

    run: Recorded
    task: str
    dataset: str | None
    group: str | None


class _Found:
    """The runs of the experiments that may be trials."""

    def __init__(self, store: Store, experiments: Sequence[Experiment], task: str | None) -> None:
        self._store, self._by, left_out = store, task, Counter[str]()
        self._members = {one: _trials(list(store.runs(one)), left_out) for one in experiments}
        for why, count in left_out.items():
            warnings.warn(f"runs left out: {count} {why}.", stacklevel=4)

    @property
    def measured(self) -> list[Mapping[str, float]]:
        """What each run measured that ended."""
        runs = (run for members in self._members.values() for run in members)
        return [run.latest for run in runs if run.status not in OPEN]

    def runs(self, metric: str, best: Any) -> Iterator[Run]:
        """The runs with this metric's last value, or the one that `best` takes of all."""
        for experiment, members in self._members.items():
            with_it = [run for run in members if metric in run.latest and run.status not in OPEN]
            curves = self._store.curves(experiment, with_it, metric)
            for named in self._named(experiment, members):
                yield _run(named, metric, in_order(curves.get(named.run.key, ())), best, self._by)

    def _named(self, experiment: Experiment, members: Sequence[Recorded]) -> Iterator[_Named]:
        datasets = {run.dataset for run in members if run.dataset}
        # In an experiment on one dataset, runs that name none are on it too.
        several, only = len(datasets) > 1, next(iter(datasets)) if len(datasets) == 1 else None
        nameless = 0
        for run in members:
            name = (run.tags | run.params).get(self._by) if self._by else experiment.name  # type: ignore[operator]
            if name is None:
                nameless += 1
            elif self._by or (data := run.dataset or only) is None:
                yield _Named(run, name, None, None)
            else:
                known = f"mlflow {experiment.name} {data.name} {data.digest}"
                yield _Named(run, f"{name}: {data.name}" if several else name, known, f"mlflow {data.digest}")
        if nameless:
            warnings.warn(f"runs left out: {nameless} without {self._by!r}.", stacklevel=6)


def _trials(runs: Sequence[Recorded], left_out: Counter[str]) -> list[Recorded]:
    """The runs that may be trials: not deleted, and no parent of such."""
    there = [run for run in runs if not run.is_deleted]
    parents = {run.parent for run in there if run.params}
    trials = [run for run in there if run.key not in parents]
    left_out["deleted"] += len(runs) - len(there)
    left_out["in which others are nested"] += len(there) - len(trials)
    for why in [why for why, count in left_out.items() if not count]:
        del left_out[why]
    return trials


def _run(named: _Named, metric: str, points: Sequence[Point], best: Any, task: str | None) -> Run:
    run, scores = named.run, dict(named.run.latest)
    values = [point.value for point in points]
    finite = [value for value in values if math.isfinite(value)]
    if best is not None and finite:
        scores[metric] = best(finite)
    return Run(
        named.task,
        parsed_config({name: text for name, text in run.params.items() if name != task}),
        scores,
        status=run.status.lower(),
        seconds=(run.end - run.start) / 1000,
        ended=0.0 if math.isnan(run.end) else run.end,
        curves={metric: values} if 1 < len(values) <= LONGEST_CURVE else {},
        dataset=named.dataset,
        group=named.group,
    )

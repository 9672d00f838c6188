"""The sweep: datasets x families x configs, every finished trial in the history at once."""

import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from foretune.collect.backends import Backend, joblib_backend
from foretune.collect.datasets import Dataset
from foretune.collect.evaluation import Measurement, PreparedData, Protocol, measure
from foretune.collect.families import Family
from foretune.collect.family import line_of
from foretune.collect.guard import CallFailedError, Guard, end_with, may_end_otherwise
from foretune.data.errors import DatasetError, FamilyError
from foretune.data.metrics import LOWER_IS_BETTER, metrics_for, to_loss
from foretune.data.records import FAILED, Config, Task, Trial
from foretune.data.spaces import complete, sobol_configs
from foretune.history.history import History


@dataclass(frozen=True)
class Plan:
    """What to try: the grid, the library default and `wide` Sobol configs of every family on every dataset.

    `timeout` is seconds for one config: all its folds, without their preprocessing. `groups` names near
    copies, dataset name -> group.
    """

    families: Sequence[Family]
    wide: int = 30
    protocol: Protocol = field(default_factory=Protocol)
    timeout: float | None = None
    groups: Mapping[str, str] = field(default_factory=dict)

    def configs(self, family: Family, dataset: Dataset) -> list[dict[str, Any]]:
        """The configs to try, completed and without repeats: the same list for every dataset of a kind."""
        space = family.wide_space(dataset.target)
        wanted = [{}, *family.cells_on(dataset), *sobol_configs(space, self.wide)]
        unique = {Trial(config, 0.0).key: config for config in (complete(space, one) for one in wanted)}
        return list(unique.values())

    def task(self, family: Family, dataset: Dataset, metric: str) -> Task:
        """The task that a trial of this dataset, family and metric belongs to, without meta-features."""
        return Task(
            dataset.name,
            family.name,
            family.wide_space(dataset.target),
            metric=metric,
            dataset=dataset.fingerprint,
            group=self.groups.get(dataset.name),
            provenance={
                "protocol": self.protocol.provenance(dataset.target, whole=family.sees_whole(dataset)),
                "direction": "minimize" if metric in LOWER_IS_BETTER else "maximize",
                "target": dataset.target,
                "rows": len(dataset.X),
                "source": Path(dataset.source).name,
                "versions": _versions(family.extra),
                "date": datetime.now(UTC).date().isoformat(),
            },
        )


@dataclass(frozen=True)
class Job:
    """One config to be measured on one dataset, wherever the worker runs."""

    dataset: Dataset
    family: Family
    config: Config
    protocol: Protocol
    timeout: float | None


@dataclass(frozen=True)
class Progress:
    """How far a sweep is: trials done and planned, seconds so far, and the latest trial and its place."""

    done: int
    planned: int
    seconds: float
    trial: Trial
    dataset: str
    family: str

    @property
    def seconds_left(self) -> float:
        """The time left if the rest goes on at the pace so far."""
        return self.seconds / self.done * (self.planned - self.done)


def collect(
    history: History,
    datasets: Iterable[Dataset],
    plan: Plan,
    *,
    jobs: int = -1,
    backend: Backend = "loky",
    on_trial: Callable[[Progress], None] = lambda _: None,
) -> int:
    """The number of trials that this call made, each of which is in the history.

    Each trial is written, for all its metrics in one transaction, as soon as it is finished: a sweep that
    was stopped or killed goes on where it was, losing no finished trial and repeating none but those that
    may end otherwise: for want of time where there is more now, or because their process died. Tasks that
    the history holds without a group get the plan's. `jobs` counts processes (-1 = all cores). Raises
    `MissingExtraError` where the backend is not installed, `DatasetError` where a dataset is too small for
    the folds.
    """
    known = list(dict.fromkeys(datasets))
    work = remaining_jobs(history, known, plan)
    _add_groups(history, known, plan)
    start = time.perf_counter()
    for done, (job, outcome) in enumerate(run_jobs(work, jobs=jobs, backend=backend), start=1):
        data = job.dataset
        trials = trials_of(job, outcome)
        history.add(
            *(
                replace(
                    plan.task(job.family, data, metric),
                    metafeatures=_described(data),
                    trials=(trial,),
                )
                for metric, trial in trials.items()
            )
        )
        latest = next(iter(trials.values()))
        on_trial(Progress(done, len(work), time.perf_counter() - start, latest, data.name, job.family.name))
    return len(work)


def remaining_jobs(history: History, datasets: Sequence[Dataset], plan: Plan) -> list[Job]:
    """What of the plan is not yet in the history: families in the given order, small datasets first."""
    for data in datasets:
        plan.protocol.check_splits(data)
    jobs = []
    for family in plan.families:
        known = {task.key: _settled(task, plan.timeout) for task in history.tasks(family.name)}
        for data in sorted(datasets, key=lambda data: data.X.size):
            if not family.serves(data):
                continue
            done = known.get(plan.task(family, data, metrics_for(data.target)[0]).key, set())
            left = [
                Job(data, family, config, plan.protocol, plan.timeout)
                for config in plan.configs(family, data)
                if Trial(config, 0.0, seed=plan.protocol.seed).key not in done
            ]
            if left:
                family.check_builds(data.target)
            jobs += left
    if not any(family.serves(data) for family in plan.families for data in datasets):
        raise FamilyError(
            "no family of the plan serves any of the datasets: their targets do not fit, or it takes images "
            "only and they are tables."
        )
    return jobs


def _settled(task: Task, timeout: float | None) -> set[str]:
    """The keys of the trials that are not to be repeated: all but failures that more time may mend, say."""
    return {
        trial.key
        for trial in task.trials
        if trial.status is not FAILED or not may_end_otherwise(trial.reason, timeout)
    }


def other_groups(history: History, datasets: Iterable[Dataset], plan: Plan) -> dict[str, str]:
    """The group, by name, of each dataset that the history holds in another one than the plan's."""
    held = {task.dataset: task.group for task in history.tasks(trials=False) if task.group is not None}
    kept = {data.name: held[data.fingerprint] for data in datasets if data.fingerprint in held}
    return {name: group for name, group in kept.items() if plan.groups.get(name, group) != group}


def _add_groups(history: History, datasets: Sequence[Dataset], plan: Plan) -> None:
    """Gives the plan's groups to those of its tasks that the history holds without one."""
    grouped = [data for data in datasets if data.name in plan.groups]
    if not grouped:
        return
    lacking = {task.key for task in history.tasks(trials=False) if task.group is None}
    tasks = (
        plan.task(family, data, metric)
        for family in plan.families
        for data in grouped
        if family.serves(data)
        for metric in metrics_for(data.target)
    )
    history.add(*(task for task in tasks if task.key in lacking))


def trials_of(job: Job, outcome: Measurement | str) -> dict[str, Trial]:
    """One trial for each metric; a reason instead of a measurement makes FAILED ones."""
    metrics = measured_metrics(job.family, job.dataset)
    if isinstance(outcome, str):
        return {metric: _failed(job, outcome) for metric in metrics}
    return {metric: _trial(job, metric, outcome) for metric in metrics}


def measured_metrics(family: Family, dataset: Dataset) -> list[str]:
    """The metrics that such a model can be judged by: log loss only with predict_proba."""
    model = family.build(family.default(dataset.target), dataset.target)
    has = {"log_loss": hasattr(model, "predict_proba")}
    has["roc_auc"] = has["log_loss"] or hasattr(model, "decision_function")
    return [metric for metric in metrics_for(dataset.target) if has.get(metric, True)]


def _trial(job: Job, metric: str, outcome: Measurement) -> Trial:
    folds = [round(value, 6) for value in outcome.scores.get(metric, ())]
    finite = [value for value in folds if np.isfinite(value)]
    undefined = not finite or (len(finite) < len(folds) and metric != "roc_auc")
    if undefined:
        return _failed(job, f"{metric} is not a number")
    return Trial(
        job.config,
        to_loss(metric, float(np.mean(finite))),
        seconds=round(outcome.costs["fit_seconds"] + outcome.costs["predict_seconds"], 6),
        scores={metric: finite},
        curve=tuple(to_loss(metric, value) for value in outcome.curves.get(metric, ())),
        costs={name: round(value, 6) for name, value in outcome.costs.items()},
        noise=float(np.std(finite, ddof=1) / np.sqrt(len(finite))) if len(finite) > 1 else None,
        seed=job.protocol.seed,
    )


def _failed(job: Job, reason: str) -> Trial:
    return Trial(job.config, status=FAILED, seed=job.protocol.seed, reason=reason)


@lru_cache(maxsize=16)
def _versions(extra: str) -> dict[str, str]:
    packages = ["foretune", "scikit-learn", "numpy", "scipy", *_distributions(extra)]
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def _distributions(extra: str) -> Sequence[str]:
    """What pip calls an extra, which a family of one's own may name as it is imported ("sklearn")."""
    if not extra:
        return []
    try:
        version(extra)
    except PackageNotFoundError:
        return packages_distributions().get(extra, [])
    return [extra]


@lru_cache(maxsize=256)
def _described(data: Dataset) -> Mapping[str, float]:
    """The dataset's meta-features: once for all the families and sweeps of this process."""
    try:
        return data.describe()
    except Exception as error:  # whatever a table of any kind makes it stumble on
        raise DatasetError(
            f"{data.name} cannot be described ({line_of(error)}): mend it, or leave it out."
        ) from error


def run_jobs(
    work: Sequence[Job], *, jobs: int, backend: Backend = "loky"
) -> Iterator[tuple[Job, Measurement | str]]:
    """Each job with its outcome, as they finish; ray cannot stream, so there batch by batch."""
    parent = os.getpid() if backend in {"loky", "threads"} else None
    with joblib_backend(backend, jobs) as workers:
        calls = (delayed(_attempt)(i, job, parent) for i, job in enumerate(work))
        if backend == "ray":
            while batch := list(islice(calls, 2 * workers)):
                yield from ((work[i], outcome) for i, outcome in Parallel()(batch))
        else:
            results = Parallel(return_as="generator_unordered")(calls)
            yield from ((work[i], outcome) for i, outcome in results)


_GUARDS: dict[int, list[Guard]] = {}  # of each process those that wait for a call


def _attempt(index: int, job: Job, parent: int | None) -> tuple[int, Measurement | str]:
    """The measurement of one job, or the reason why there is none; runs in a worker process."""
    pid = os.getpid()
    if pid not in _GUARDS:
        known = {None, *multiprocessing.get_all_start_methods()}
        if pid != parent or multiprocessing.get_start_method(allow_none=True) not in known:
            # loky's workers announce a start method that a plain child process does not know.
            multiprocessing.set_start_method("spawn", force=True)
            if parent is not None and parent != pid:
                end_with(parent)
    waiting = _GUARDS.setdefault(pid, [])
    guard = waiting.pop() if waiting else Guard()
    try:
        return index, guard.run(_measure, job, timeout=job.timeout, prepare=_prepare)
    except CallFailedError as error:
        return index, str(error)
    finally:
        waiting.append(guard)


def _prepare(job: Job) -> None:
    """Splits and preprocesses the dataset, which is no part of what a config costs."""
    _prepared(job.dataset, job.protocol).folds_for(job.family)


def _measure(job: Job) -> Measurement:
    return measure(job.family, job.config, _prepared(job.dataset, job.protocol))


@lru_cache(maxsize=2)
def _prepared(dataset: Dataset, protocol: Protocol) -> PreparedData:
    return PreparedData(dataset, protocol)

"""Tunes a family on a table: asks the recommender, trains for real, tells it, until the search may stop."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from foretune.collect.datasets import Dataset
from foretune.collect.evaluation import Protocol
from foretune.collect.families import Family
from foretune.collect.sweep import Job, Plan, run_jobs, trials_of
from foretune.data.errors import LearningError, MetricError
from foretune.data.metrics import HAS_UNITS, check_metric, lowest_loss, metrics_for
from foretune.data.records import DONE, Recommendation, Task, Trial
from foretune.history.history import History
from foretune.recommender.beside import taught_beside
from foretune.recommender.explanation import Explanation
from foretune.recommender.past import nothing_on
from foretune.recommender.recommender import DEFAULT_LEARNER, Recommender
from foretune.recommender.stopping import Outlook, check_tolerance
from foretune.recommender.stretching import Stretching

TOLERANCE = 0.01  # of the outlook where none is given
ALL_MADE = "all trials were made"
INTERRUPTED = "it was interrupted"


@dataclass(frozen=True)
class Limits:
    """When a search ends: after so many `trials`, or `seconds`, or when it is 95 % sure to be near the best.

    Near means within `tolerance`, in units of the metric. A trial that was begun is finished. With
    `per_second` each trial is the one of the most expected gain for its seconds.
    """

    trials: int = 10
    seconds: float | None = None
    tolerance: float | None = None
    per_second: bool = False

    def __post_init__(self) -> None:
        if self.tolerance is not None:
            check_tolerance(self.tolerance)


@dataclass(frozen=True)
class Tuned:
    """A search that has ended: all its trials, why it ended, what is left to gain, why its best config.

    The `outlook` is None where the trials do not show yet how large differences of the metric are.
    """

    task: Task
    ended: str
    outlook: Outlook | None
    explanation: Explanation


@dataclass(frozen=True)
class Bench:
    """Where configs are tried: a family and a table, `jobs` processes, a history that keeps each trial."""

    family: Family
    data: Dataset
    protocol: Protocol = field(default_factory=Protocol)
    timeout: float | None = None
    jobs: int = 1
    history: History | None = None

    def task(self, metric: str) -> Task:
        """The task by this metric, with the trials that the history holds of it."""
        metafeatures = self.data.describe()
        task = replace(self._empty(metric), metafeatures=metafeatures)
        if self.history is None:
            return task
        known = (one for one in self.history.tasks(self.family.name, metric=metric) if one.key == task.key)
        # What failed may do better now: more time, say.
        return task.plus(*(trial for one in known for trial in one.trials if trial.status is DONE))

    def tried(self, task: Task, found: Sequence[Recommendation]) -> Iterator[Trial]:
        """A trial of each recommended config as they finish, written to the history for all metrics."""
        work = [Job(self.data, self.family, one.config, self.protocol, self.timeout) for one in found]
        for job, outcome in run_jobs(work, jobs=self.jobs):
            trials = trials_of(job, outcome)
            if task.metric not in trials:
                known = ", ".join(trials)
                raise MetricError(
                    f"{self.family.name} cannot be judged by {task.metric}: use one of {known}."
                )
            if self.history is not None:
                tasks = (replace(self._empty(metric), trials=(trial,)) for metric, trial in trials.items())
                self.history.add(*(replace(one, metafeatures=task.metafeatures) for one in tasks))
            yield trials[task.metric]

    def _empty(self, metric: str) -> Task:
        return Plan([self.family], protocol=self.protocol).task(self.family, self.data, metric)


def tune(
    bench: Bench,
    past: Iterable[Task],
    limits: Limits,
    *,
    metric: str | None = None,
    learner: str = DEFAULT_LEARNER,
    shipped: Sequence[Task] = (),
    on_trial: Callable[[Trial, Task], None] = lambda _trial, _task: None,
) -> Tuned:
    """The search of the family's wide space on the table, taught by past tasks.

    A search that the bench's history knows goes on where it was stopped: its trials count. `shipped` are
    those past tasks that come from the experience, where there are others. `on_trial` hears of each new
    trial, and of the task with it. Who interrupts it (Ctrl-C) is told what was found so far.

    Raises `KeyboardInterrupt` where that is nothing, `MetricError` where the metric does not fit,
    `DatasetError` where the table is too small for the folds, `LearningError` where the past holds nothing on
    this family, or every trial failed.
    """
    metric = check_metric(metric or metrics_for(bench.data.target)[0], bench.data.target)
    bench.protocol.check_splits(bench.data)
    task = bench.task(metric)
    others = [one for one in past if one.key != task.key]
    if not others:
        raise nothing_on([task.family], metric)
    recommender = taught_beside(others, [one for one in shipped if one.key != task.key], learner)
    stretching = Stretching.to(others) if metric in HAS_UNITS else Stretching()
    ended = ALL_MADE
    try:
        for now, why in _steps(bench, recommender, stretching, task, limits):
            task, ended = now, why
            if ended == ALL_MADE:
                on_trial(task.trials[-1], task)
    except KeyboardInterrupt:
        if not task.done:
            raise
        ended = INTERRUPTED
    tolerance = TOLERANCE if limits.tolerance is None else limits.tolerance
    return _told(recommender, stretching, task, ended, tolerance)


def _steps(
    bench: Bench, recommender: Recommender, stretching: Stretching, task: Task, limits: Limits
) -> Iterator[tuple[Task, str]]:
    """The task after each trial, and at the end why there are no more, if not all were made."""
    start = time.monotonic()
    while (left := limits.trials - len(task.trials)) > 0:
        now = stretching.stretched(task)
        found = recommender.recommend(now, min(bench.jobs, left), per_second=limits.per_second)
        if not found:
            yield task, "every candidate was tried"
            return
        for trial in bench.tried(task, found):
            task = task.plus(trial)
            yield task, ALL_MADE
        if limits.seconds is not None and time.monotonic() - start >= limits.seconds:
            yield task, "its time was up"
            return
        if limits.tolerance is not None and task.done:
            outlook = _outlook(recommender, stretching, task, limits.tolerance)
            if outlook is not None and outlook.stop:
                yield task, f"it is 95 % sure to be within {limits.tolerance:g} of the best"
                return


def _outlook(
    recommender: Recommender, stretching: Stretching, task: Task, tolerance: float
) -> Outlook | None:
    """What a longer search would still bring, in units of the metric; None where that cannot be told yet."""
    factor = stretching.factor(task)
    if factor is None:
        return None
    lowest = lowest_loss(task.metric) * factor
    found = recommender.outlook(stretching.stretched(task), tolerance=tolerance * factor, lowest=lowest)
    return Outlook(found.gain / factor, found.probability, tolerance)


def _told(
    recommender: Recommender, stretching: Stretching, task: Task, ended: str, tolerance: float
) -> Tuned:
    best = task.best
    if best is None or best.loss is None:
        reasons = "; ".join(dict.fromkeys(trial.reason for trial in task.trials))
        raise LearningError(
            f"all {len(task.trials)} trials failed ({reasons}): allow more time, or mend the data."
        )
    found = Recommendation(best.config, best.loss, best.noise or 0.0, (), task.family, task.metric)
    now, factor = stretching.stretched(task), stretching.factor(task)
    if upcoming := recommender.recommend(now):
        latest = upcoming[0]
        found = replace(found, because=latest.because, history_weight=latest.history_weight)
    by = 1.0 if factor is None else factor
    why = recommender.explain(now, replace(found, loss=found.loss * by, std=found.std * by))
    why = replace(why, recommendation=found, gain=stretching.gain(why.gain, task))
    return Tuned(task, ended, _outlook(recommender, stretching, task, tolerance), why)

"""Early stopping: which config to train on, and until when, so that few epochs find a good one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from ConfigSpace import ConfigurationSpace

from foretune.data.errors import LearningError, SpaceError
from foretune.data.records import (
    DONE,
    FAILED,
    RUNNING,
    Config,
    Floats,
    Mask,
    Recommendation,
    Status,
    Task,
    Trial,
    canonical,
)
from foretune.learners.curves import Curves, Prospects
from foretune.learners.readings import curves_of
from foretune.recommender.recommender import Recommender

CONTENDERS: Final = 60  # configs that are looked at for the best; the others are too far behind
DRAWS: Final = 512  # of what all contenders may end with
CANDIDATES: Final = 256  # configs of a wide space that are weighed, those of the lowest forecast
THRIFT: Final = 0.5  # a config's gain is divided by the epochs of its next step to this power


@dataclass(frozen=True, slots=True)
class Step:
    """Train this config on from `since` until so many epochs (or other units of fidelity).

    `loss` and `std` are what it is expected to end with, were it trained to the end.
    """

    config: Config
    until: float
    since: float
    loss: float
    std: float


class EarlyStopping:
    """A search that pays by the epoch: it goes on with a promising config, or begins another one.

    Each step is of the config that is expected to gain most on the best one begun, for what the step costs,
    as past tasks teach how curves go. The first config is what a `Recommender` would recommend.
    `full` is the fidelity of a whole training; with a `budget`, in the same units, the search ends with the
    best config trained to its end. The task is the only state: a config trained in part is a trial with a
    fidelity.

    Source: Swersky, Snoek, Adams 2014, arXiv:1406.3896 (freeze-thaw); Qin, Klabjan, Russo 2017,
    arXiv:1705.10033 (why the best is read as often as its challenger).
    """

    def __init__(
        self, full: float, *, budget: float | None = None, learner: str = "gaussian_process"
    ) -> None:
        self.curves = Curves(full)
        self.budget, self._recommender = budget, Recommender(learner)
        if budget is not None and not budget >= full:
            raise SpaceError(f"a budget of {budget} is less than one whole training: give at least {full}.")

    @property
    def full(self) -> float:
        """The fidelity of a whole training."""
        return self.curves.full

    def fit(self, tasks: Iterable[Task]) -> Self:
        """The search itself, having learned from these tasks; `LearningError` where none has curves."""
        past = [*tasks]
        self._recommender.fit(past)
        self._space: ConfigurationSpace | None = None
        self._latest: tuple[Task, list[Config], Prospects] | None = None
        self._turn_to(Task("any", self._recommender.family, None, metric=past[0].metric))
        return self

    def _turn_to(self, task: Task) -> None:
        """Learns curves anew where the task's space holds more than what was learned in.

        Raises `LearningError` for a task of another family or metric than the past.
        """
        past = self._recommender.past_for(task)
        if task.metric != past[0].metric:
            raise LearningError(
                f"the search was taught by {past[0].metric}, and is asked about a task of {task.metric}: "
                "teach another one with past tasks of that metric, or give the task's own, metric=... ."
            )
        if past[0].space is not self._space:
            self._space = past[0].space
            self._pools: dict[str, list[Config]] = {}
            self.curves = Curves(self.full).fit(past)

    def ask(self, task: Task, *, candidates: Sequence[Config] | None = None) -> Step | None:
        """The next step on this task; None where the budget is spent or nothing is left to train.

        `candidates`: only these may be begun. What is RUNNING or has FAILED is passed over; a RUNNING trial
        counts as its fidelity, `step.until`, against the budget, and a worker gets no step where too little
        would be left to finish one of those under way.
        """
        self._turn_to(task)
        if not any(trial.status is DONE for trial in task.trials):
            first = self.curves.steps[0]
            if self.budget is not None and first + self._rest(task, first) > self._left(task, self.budget):
                return None
            found = self._recommender.recommend(task, candidates=candidates)
            return Step(found[0].config, first, 0.0, found[0].loss, found[0].std) if found else None
        configs = self._configs(task, candidates)
        prospects = self._prospects(task, configs)
        worth = expected_gains(prospects) / self._epochs(prospects) ** THRIFT
        worth[self._closed(task, configs, prospects)] = -np.inf
        chosen = int(np.lexsort((prospects.mean, -worth))[0])
        if worth[chosen] == -np.inf:
            return None
        step = self._step(prospects, configs, chosen, self.curves.steps[prospects.reached[chosen]])
        return step if self.budget is None else self._within(self.budget, task, step, prospects, configs)

    def tell(
        self,
        task: Task,
        step: Step,
        loss: float | None,
        *,
        curve: Sequence[float] = (),
        seconds: float | None = None,
    ) -> Task:
        """The task with what a step showed: the loss at its end, None where the training failed.

        `curve` may hold the losses on the way there from the very beginning, equally far apart. A trial of
        the config that is RUNNING gives way to it.
        """
        fidelity = None if step.until >= self.full else step.until
        status, key = FAILED if loss is None else DONE, self.curves.encoder.key
        ours = key(step.config)
        ended = [one for one in task.trials if one.status is not RUNNING or key(one.config) != ours]
        return replace(task, trials=tuple(ended)).plus(
            Trial(step.config, loss, status=status, fidelity=fidelity, curve=tuple(curve), seconds=seconds)
        )

    def best(self, task: Task, *, candidates: Sequence[Config] | None = None) -> Recommendation:
        """The config to take now: of those begun the one with the lowest final loss, measured or forecast.

        `candidates` are those that `ask` was given. Raises `LearningError` where no config was begun, or was
        read at none of the steps.
        """
        if not any(trial.status is DONE for trial in task.trials):
            raise LearningError("no config was begun yet: train the first step that `ask` gives.")
        self._turn_to(task)
        configs = self._configs(task, candidates)
        prospects = self._prospects(task, configs)
        mean, std = self._finals(task, configs, prospects)
        begun = prospects.reached > 0
        if not begun.any():
            steps = ", ".join(f"{step:g}" for step in self.curves.steps)
            raise LearningError(f"no config was read after {steps}: train the first step that `ask` gives.")
        sound = begun & ~self._barred(task, configs, FAILED)
        chosen = int(np.argmin(np.where(sound if sound.any() else begun, mean, np.inf)))
        loss, doubt = float(mean[chosen]), float(std[chosen])
        return Recommendation(configs[chosen], loss, doubt, (), task.family, task.metric)

    def _prospects(self, task: Task, configs: list[Config]) -> Prospects:
        """The prospects of these configs; `ask` and `best` about one task are answered by one calculation."""
        if self._latest is None or self._latest[0] is not task or self._latest[1] != configs:
            self._latest = (task, configs, self.curves.prospects(task, configs))
        return self._latest[2]

    def _within(
        self, budget: float, task: Task, step: Step, prospects: Prospects, configs: Sequence[Config]
    ) -> Step | None:
        """The step, where the best config can be finished after it; else the last step of the best that can.

        Where all that can are under way, only a step that leaves enough for one of them.
        """
        left, cost = self._left(task, budget), step.until - step.since
        mean, _ = self._finals(task, configs, prospects)
        begun = (prospects.reached > 0) & ~self._barred(task, configs, RUNNING, FAILED)
        rest = self.full - prospects.since
        if begun.any():
            best = int(np.argmin(np.where(begun, mean, np.inf)))
            if rest[best] == 0:
                return step if cost <= left else None
            if cost + rest[best] <= left or (step.config is configs[best] and rest[best] <= left):
                return step
        if (possible := begun & (rest > 0) & (rest <= left)).any():
            return self._step(prospects, configs, int(np.argmin(np.where(possible, mean, np.inf))), self.full)
        return step if cost + self._rest(task, step.until) <= left else None

    def _left(self, task: Task, budget: float) -> float:
        """The epochs of the budget that no trial has taken."""
        return budget - spent(task, self.full, self.curves.encoder.key)

    def _rest(self, task: Task, until: float) -> float:
        """The epochs that one config still needs to be finished, the one that needs fewest.

        Of those begun or under way, and of one more that is trained `until` then.
        """
        key = self.curves.encoder.key
        failed = {key(trial.config) for trial in task.trials if trial.status is FAILED}
        sound = [trial for trial in task.trials if key(trial.config) not in failed]
        under_way = (trial.fidelity or 1.0 for trial in sound if trial.status is RUNNING)
        done = (trial.fidelity or self.full for trial in sound if trial.status is DONE)
        return self.full - max((until, *under_way, *done))

    def _finals(self, task: Task, configs: Sequence[Config], prospects: Prospects) -> tuple[Floats, Floats]:
        """Final losses and their doubts (n,): as measured where a config is finished, else as forecast."""
        curves = curves_of(task, self.full, self.curves.encoder.key)
        mean, std = prospects.mean.copy(), prospects.std.copy()
        for k in np.flatnonzero(prospects.reached == len(self.curves.steps)).tolist():
            mean[k], std[k] = curves[self.curves.encoder.key(configs[k])][1][self.full], 0.0
        return mean, std

    def _epochs(self, prospects: Prospects) -> Floats:
        """What the next step of each config costs (n,), in epochs."""
        return np.asarray(np.array([*self.curves.steps, np.inf])[prospects.reached] - prospects.since)

    def _step(self, prospects: Prospects, configs: Sequence[Config], k: int, until: float) -> Step:
        since, mean, std = (float(one[k]) for one in (prospects.since, prospects.mean, prospects.std))
        return Step(configs[k], until, since, mean, std)

    def _closed(self, task: Task, configs: Sequence[Config], prospects: Prospects) -> Mask:
        """Which configs are finished, under way or have failed (n,)."""
        closed = self._barred(task, configs, RUNNING, FAILED)
        return np.asarray(closed | (prospects.reached == len(self.curves.steps)))

    def _barred(self, task: Task, configs: Sequence[Config], *statuses: Status) -> Mask:
        """Which configs have a trial of one of these statuses (n,)."""
        key = self.curves.encoder.key
        barred = {key(trial.config) for trial in task.trials if trial.status in statuses}
        return np.array([key(config) in barred for config in configs], dtype=np.bool_)

    def _configs(self, task: Task, candidates: Sequence[Config] | None) -> list[Config]:
        """The configs that are weighed, those that the task began first; equal settings are one."""
        started = [trial.config for trial in task.trials]
        found: dict[str, Config] = {}
        for config in (*(self._pool(task) if candidates is None else candidates), *started):
            found.setdefault(self.curves.encoder.key(config), config)
        return [*found.values()]

    def _pool(self, task: Task) -> list[Config]:
        """The configs of a wide space that are worth a look on a task with these meta-features."""
        name = canonical({name: repr(value) for name, value in task.metafeatures.items()})
        if name not in self._pools:
            bare = replace(task, trials=())
            everything = self._recommender.candidates(bare)
            order = np.argsort(self.curves.forecast(bare, everything).mean, kind="stable")
            self._pools[name] = [everything[k] for k in order[:CANDIDATES]]
        return self._pools[name]


def expected_gains(prospects: Prospects) -> Floats:
    """How far each of n configs may end below the best one begun, times the odds that it ends lowest, (n,).

    In units of loss: all together are what knowing every final loss would gain. The best one begun counts as
    its strongest challenger does, since a step of either tells them apart. Where none is begun, any may be.
    """
    mean, begun = prospects.mean, prospects.reached > 0
    best = int(np.argmin(np.where(begun, mean, np.inf) if begun.any() else mean))
    order = np.argsort(mean, kind="stable")
    looked_at = np.array([best, *order[order != best][: CONTENDERS - 1]])
    ends = np.random.default_rng(0).multivariate_normal(
        mean[looked_at],
        prospects.covariance[np.ix_(looked_at, looked_at)],
        DRAWS,
        check_valid="ignore",
        method="eigh",
    )
    gains = np.zeros(len(mean))
    np.add.at(gains, looked_at[ends.argmin(axis=1)], (ends[:, 0] - ends.min(axis=1)) / DRAWS)
    gains[best] = gains.max()
    return gains


def spent(task: Task, full: float, key: Callable[[Config], str]) -> float:
    """The epochs that the task's trials take: of each config those of its longest training.

    One that is RUNNING takes as many as its fidelity says, or one where it says none.
    """
    epochs = {name: max(curve, default=0.0) for name, (_, curve) in curves_of(task, full, key).items()}
    for trial in task.trials:
        if trial.status is not DONE:
            name, unsaid = key(trial.config), full if trial.status is FAILED else 1.0
            epochs[name] = max(epochs.get(name, 0.0), trial.fidelity or unsaid)
    return float(sum(epochs.values()))

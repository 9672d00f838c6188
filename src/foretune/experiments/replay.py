"""Replay: leave a group of tasks out, search its recorded trials as if they were new, measure the regret."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Final, Protocol, Self

import numpy as np

from foretune.data.errors import LearningError
from foretune.data.records import (
    Config,
    Floats,
    Forecast,
    Recommendation,
    Task,
    Trial,
    canonical,
    groups_of,
)
from foretune.experiments.judging import (
    RANDOM,
    Search,
    calibration_of,
    curves,
    losses_of,
    prediction,
    regret_curve,
)
from foretune.features.encoding import Encoder
from foretune.recommender.recommender import Recommender

TRIALS: Final = 30
CALIBRATED_AT: Final = (0, 5, 20)  # trials of the task, when its forecasts are judged
RANDOM_REPEATS: Final = 20


class Method(Protocol):
    """Whatever can be replayed: it learns from past tasks, then says which candidates to try next."""

    def fit(self, tasks: Iterable[Task]) -> Self:
        """The method itself, having learned from these tasks."""
        ...

    def recommend(
        self, task: Task, n: int = 1, *, candidates: Sequence[Config] | None = None
    ) -> list[Recommendation]:
        """The n candidates to try next, the very objects given; fewer where no more are left."""
        ...


Maker = Callable[[int], Method]  # from a seed


@dataclass(frozen=True)
class Split:
    """Tasks to learn from and tasks to be judged on; no group is on both sides."""

    past: list[Task]
    new: list[Task]


def leave_groups_out(tasks: Sequence[Task], *, folds: int | None = None, seed: int = 0) -> Iterator[Split]:
    """Splits in which each group of tasks is new once: one split a group, or `folds` splits of many."""
    sides = list(groups_of(tasks).values())
    order = np.random.default_rng(seed).permutation(len(sides))
    for part in np.array_split(order, min(folds or len(sides), len(sides))):
        out = set(part.tolist())
        yield Split(
            [task for k, side in enumerate(sides) if k not in out for task in side],
            [task for k, side in enumerate(sides) if k in out for task in side],
        )


def share_out(tasks: Sequence[Task], share: float, *, seed: int = 0) -> Split:
    """One split that holds out this share of the groups."""
    sides = list(groups_of(tasks).values())
    out = min(max(1, round(share * len(sides))), len(sides) - 1)
    order = np.random.default_rng(seed).permutation(len(sides))
    return Split(
        [task for k in order[out:] for task in sides[k]], [task for k in order[:out] for task in sides[k]]
    )


def replay(
    splits: Sequence[Split],
    methods: Sequence[str] | Mapping[str, Maker],
    *,
    trials: int = TRIALS,
    seed: int = 0,
    on_split: Callable[[int, int], None] = lambda _done, _planned: None,
) -> list[Search]:
    """Every method, and random search, on every left-out task; proposals come from its recorded configs.

    `methods` are names of learners, or makers of methods by name; each is made and fitted anew for every
    split, with `seed`. Left-out tasks with fewer than two finished configs are passed over. `on_split` hears
    the number of splits done and planned. Raises `LearningError` where the history holds fewer than two
    groups, or nothing that can be searched.
    """
    if not splits or any(not split.past for split in splits):
        raise LearningError(
            "a replay needs tasks of at least two groups: one to leave out, one to learn from."
        )
    new = [[task for task in map(_each_once, split.new) if len(task.done) > 1] for split in splits]
    if not any(new):
        raise LearningError("no left-out task holds two configs that were finished: nothing can be searched.")
    makers = methods if isinstance(methods, Mapping) else {name: _advised_by(name) for name in methods}
    searches: list[Search] = []
    for done, (split, tasks) in enumerate(zip(splits, new, strict=True), start=1):
        fitted = {name: make(seed).fit(split.past) for name, make in makers.items()}
        for task in tasks:
            searches += [play(name, method, task, trials=trials) for name, method in fitted.items()]
            searches.append(_random_search(task, trials, seed))
        on_split(done, len(splits))
    return searches


def _advised_by(learner: str) -> Maker:
    return lambda _seed: Recommender(learner)


def play(name: str, method: Method, task: Task, *, trials: int = TRIALS) -> Search:
    """The search of a fitted method on this task: what it recommends gets its recorded trial.

    A config that was repeated has one trial, with its mean loss.
    """
    task = _each_once(task)
    recorded = {id(trial.config): trial for trial in task.done}
    configs = [trial.config for trial in task.done]
    now = replace(task, trials=())
    forecasts: dict[int, tuple[Forecast, Floats]] = {}
    seconds: list[float] = []
    while (done := len(now.trials)) < min(trials, len(configs)):
        if done in CALIBRATED_AT:
            forecasts |= _forecast(method, now, task)
        start = perf_counter()
        found = method.recommend(now, candidates=configs)
        seconds.append(perf_counter() - start)
        if not found:
            break
        now = now.plus(recorded[id(found[0].config)])
    truth = losses_of(task.done)
    judged = [calibration_of(*pair, trials=n, spread=float(np.ptp(truth))) for n, pair in forecasts.items()]
    return Search(
        name,
        task,
        regret_curve(now.trials, task, trials),
        forecasts[0][0].mean if forecasts else np.full(len(truth), np.nan),
        truth,
        tuple(seconds),
        tuple(one for one in judged if one),
    )


def _forecast(method: Method, now: Task, task: Task) -> dict[int, tuple[Forecast, Floats]]:
    """By the number of trials: what is forecast of the configs not tried yet, and their true losses.

    Empty for a method that neither forecasts itself nor holds a learner that does.
    """
    forecaster = getattr(method, "learner", method)
    if not hasattr(forecaster, "forecast"):
        return {}
    tried = {id(trial.config) for trial in now.trials}
    untried = [trial for trial in task.done if id(trial.config) not in tried]
    forecast = forecaster.forecast(now, [trial.config for trial in untried])
    return {len(now.trials): (forecast, losses_of(untried))}


def _each_once(task: Task) -> Task:
    """The task with the finished trials of each config as one, equal settings being one config."""
    key = canonical if task.space is None else Encoder(task.space).key
    repeats: dict[str, list[Trial]] = {}
    for trial in task.done:
        repeats.setdefault(key(trial.config), []).append(trial)
    if len(repeats) == len(task.done):
        return task
    trials = (replace(same[0], loss=float(losses_of(same).mean())) for same in repeats.values())
    return replace(task, trials=tuple(trials))


def _random_search(task: Task, trials: int, seed: int) -> Search:
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(task.done)) for _ in range(RANDOM_REPEATS)]
    regrets = [regret_curve([task.done[k] for k in order], task, trials) for order in orders]
    losses = losses_of(task.done)
    return Search(RANDOM, task, np.mean(regrets, axis=0), np.full(len(losses), np.nan), losses)


def replay_report(
    tasks: Sequence[Task],
    learners: Sequence[str],
    *,
    folds: int = 0,
    test_share: float | None = None,
    trials: int = TRIALS,
    seed: int = 0,
    on_split: Callable[[int, int], None] = lambda _done, _planned: None,
) -> dict[str, Any]:
    """The replay of each family of these tasks by learners of these names, as plain data for a report.

    Groups are left out one by one (`folds=0`) or in so many parts. With `test_share` there is one split, and
    the accuracy of the forecasts is given for both of its sides. A family that cannot be replayed is left
    out, and `left_out` says why. Raises `LearningError` where none can be.
    """
    if folds == 1:
        raise LearningError(
            "in one part nothing is left to learn from: give 2 folds or more, 0 = one by one."
        )
    if not tasks:
        raise LearningError("there is nothing to replay: no past task is of these families and this metric.")
    searches: list[Search] = []
    seen: list[Search] = []
    left_out: list[str] = []
    families = list(dict.fromkeys(task.family for task in tasks))
    for k, family in enumerate(families):
        mine = [task for task in tasks if task.family == family]
        splits = (
            [share_out(mine, test_share, seed=seed)]
            if test_share
            else [*leave_groups_out(mine, folds=folds, seed=seed)]
        )
        progress = _shifted(on_split, k, len(families))
        try:
            searches += replay(splits, learners, trials=trials, seed=seed, on_split=progress)
        except LearningError as error:
            left_out.append(f"{family} is left out of the replay: {error}")
            continue
        if test_share:
            seen += replay([Split(splits[0].past, splits[0].past)], learners, trials=1, seed=seed)
    if not searches:
        raise LearningError(left_out[0])
    report: dict[str, Any] = {
        "title": "foretune replay",
        "replay": curves(searches),
        "prediction": prediction(searches),
        "left_out": left_out,
    }
    return report | ({"prediction_on_past": prediction(seen)} if seen else {})


def _shifted(on_split: Callable[[int, int], None], k: int, families: int) -> Callable[[int, int], None]:
    """Progress over several families, each of which counts its own splits."""
    return lambda done, planned: on_split(k * planned + done, families * planned)

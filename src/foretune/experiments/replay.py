"""Replay: leave a group of tasks out, search its recorded trials as if they were new, measure the regret."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from scipy.stats import rankdata, spearmanr

from foretune.data.errors import LearningError
from foretune.data.records import Floats, Task, Trial, groups_of
from foretune.learners.learner import taught
from foretune.recommender.recommender import Recommender

CHECKPOINTS: Final = (1, 2, 3, 5, 10, 20, 30)
RANDOM: Final = "random"
RANDOM_REPEATS: Final = 20


@dataclass(frozen=True)
class Split:
    """Tasks to learn from and tasks to be judged on; no group is on both sides."""

    past: list[Task]
    new: list[Task]


@dataclass(frozen=True)
class Search:
    """One learner on one task: normalised regret after 1..n trials (n,), and how well it had forecast.

    `forecast` and `truth` (m,) are the losses of all recorded configs before any trial.
    """

    learner: str
    task: Task
    regret: Floats
    forecast: Floats
    truth: Floats


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
    return next(leave_groups_out(tasks, folds=max(2, round(1 / share)), seed=seed))


def replay(
    splits: Sequence[Split],
    learners: Sequence[str],
    *,
    trials: int = max(CHECKPOINTS),
    seed: int = 0,
    on_split: Callable[[int, int], None] = lambda _done, _planned: None,
) -> list[Search]:
    """Every learner, and random search, on every left-out task; proposals come from its recorded configs.

    `on_split` hears the number of splits done and planned. Raises `LearningError` where the history holds
    fewer than two groups.
    """
    if not splits or any(not split.past for split in splits):
        raise LearningError(
            "a replay needs tasks of at least two groups: one to leave out, one to learn from."
        )
    searches: list[Search] = []
    for done, split in enumerate(splits, start=1):
        recommenders = {name: Recommender(name).fit(split.past) for name in learners}
        for task in taught(split.new):
            searches += [_search(name, one, task, trials) for name, one in recommenders.items()]
            searches.append(_random_search(task, trials, seed))
        on_split(done, len(splits))
    return searches


def _search(name: str, recommender: Recommender, task: Task, trials: int) -> Search:
    """Replays the search: what is recommended gets its recorded trial."""
    recorded = {id(trial.config): trial for trial in task.done}
    configs = [trial.config for trial in task.done]
    now = replace(task, trials=())
    forecast = recommender.learner.forecast(now, configs).mean
    while len(now.trials) < trials:
        found = recommender.recommend(now, candidates=configs)
        if not found:
            break
        now = now.plus(recorded[id(found[0].config)])
    return Search(name, task, _regret(now.trials, task, trials), forecast, _losses(task.done))


def _random_search(task: Task, trials: int, seed: int) -> Search:
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(task.done)) for _ in range(RANDOM_REPEATS)]
    regrets = [_regret([task.done[k] for k in order], task, trials) for order in orders]
    losses = _losses(task.done)
    return Search(RANDOM, task, np.mean(regrets, axis=0), np.full(len(losses), np.nan), losses)


def _losses(trials: Sequence[Trial]) -> Floats:
    return np.array([trial.loss for trial in trials], dtype=np.float64)


def _regret(tried: Sequence[Trial], task: Task, trials: int) -> Floats:
    """The best so far after 1..`trials` trials, 0 = the best recorded config, 1 = the worst."""
    everything = _losses(task.done)
    low, high = everything.min(), everything.max()
    best = np.minimum.accumulate(_losses(tried)[:trials])
    best = np.concatenate([best, np.full(trials - len(best), best[-1])])
    return np.asarray((best - low) / max(high - low, 1e-12))


def replay_report(
    tasks: Sequence[Task],
    learners: Sequence[str],
    *,
    folds: int = 0,
    test_share: float | None = None,
    trials: int = max(CHECKPOINTS),
    seed: int = 0,
    on_split: Callable[[int, int], None] = lambda _done, _planned: None,
) -> dict[str, Any]:
    """The replay of each family of these tasks by learners of these names, as plain data for a report.

    Groups are left out one by one (`folds=0`) or in so many parts. With `test_share` there is one split, and
    the accuracy of the forecasts is given for both of its sides.
    """
    if not tasks:
        raise LearningError("there is nothing to replay: no past task is of these families and this metric.")
    searches: list[Search] = []
    seen: list[Search] = []
    families = list(dict.fromkeys(task.family for task in tasks))
    for k, family in enumerate(families):
        mine = [task for task in tasks if task.family == family]
        splits = (
            [share_out(mine, test_share, seed=seed)]
            if test_share
            else [*leave_groups_out(mine, folds=folds, seed=seed)]
        )
        progress = _shifted(on_split, k, len(families))
        searches += replay(splits, learners, trials=trials, seed=seed, on_split=progress)
        if test_share:
            seen += replay([Split(splits[0].past, splits[0].past)], learners, trials=1, seed=seed)
    report = {"title": "foretune replay", "replay": curves(searches), "prediction": prediction(searches)}
    return report | ({"prediction_on_past": prediction(seen)} if seen else {})


def _shifted(on_split: Callable[[int, int], None], k: int, families: int) -> Callable[[int, int], None]:
    """Progress over several families, each of which counts its own splits."""
    return lambda done, planned: on_split(k * planned + done, families * planned)


def curves(searches: Sequence[Search]) -> list[dict[str, Any]]:
    """For each family and learner: mean normalised regret and mean rank after 1, 2, 3, 5, ... trials."""
    rows = []
    for family in dict.fromkeys(search.task.family for search in searches):
        mine = [search for search in searches if search.task.family == family]
        learners = list(dict.fromkeys(search.learner for search in mine))
        regret = np.array([[s.regret for s in mine if s.learner == name] for name in learners])
        rank = rankdata(regret.round(9), axis=0)
        at = [n for n in CHECKPOINTS if n <= regret.shape[2]]
        for k, name in enumerate(learners):
            rows.append(
                {
                    "family": family,
                    "learner": name,
                    "tasks": regret.shape[1],
                    "trials": at,
                    "regret": [float(regret[k, :, n - 1].mean()) for n in at],
                    "rank": [float(rank[k, :, n - 1].mean()) for n in at],
                }
            )
    return rows


def prediction(searches: Sequence[Search]) -> list[dict[str, Any]]:
    """For each family and learner: how well losses were forecast before any trial of the task."""
    rows = []
    for family in dict.fromkeys(search.task.family for search in searches):
        for name in dict.fromkeys(search.learner for search in searches):
            mine = [s for s in searches if s.task.family == family and s.learner == name]
            if name == RANDOM or not mine:
                continue
            pairs = [(search.forecast, search.truth) for search in mine]
            rows.append({"family": family, "learner": name, **forecast_accuracy(pairs)})
    return rows


def forecast_accuracy(pairs: Sequence[tuple[Floats, Floats]]) -> dict[str, float]:
    """RMSE and R2 over all (forecast, truth) pairs (m,), one pair a task; mean Spearman within a task."""
    forecast, truth = (np.concatenate(side) for side in zip(*pairs, strict=True))
    error, spread = np.sum((truth - forecast) ** 2), np.sum((truth - truth.mean()) ** 2)
    within = [spearmanr(f, t).statistic for f, t in pairs if np.ptp(f) > 0 and np.ptp(t) > 0]
    return {
        "rmse": float(np.sqrt(error / len(truth))),
        "r2": float(1 - error / max(spread, 1e-12)),
        "spearman": float(np.mean(within)) if within else float("nan"),
    }

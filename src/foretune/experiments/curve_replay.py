"""Replay by the epoch: searches through recorded learning curves, judged by what they spent."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from foretune.data.errors import LearningError
from foretune.data.records import Config, Floats, Task, Trial
from foretune.experiments.replay import Split
from foretune.features.encoding import Encoder
from foretune.learners.readings import at_steps, curves_of, steps_to
from foretune.recommender.early_stopping import EarlyStopping
from foretune.recommender.recommender import Recommender

UNTRAINED: Final = 1.0  # the regret of a search that has nothing to hand over: that of the worst config


@dataclass(frozen=True)
class Recorded:
    """A task whose n configs all have a recorded curve: `losses` (n, steps) at the fidelities `steps`."""

    task: Task
    configs: list[Config]
    losses: Floats
    steps: tuple[float, ...]

    @classmethod
    def of(cls, task: Task, full: float) -> "Recorded":
        """The configs of the task that were read at every step; `LearningError` where there are none."""
        assert task.space is not None
        steps = steps_to(full)
        curves = curves_of(task, full, Encoder.of(task.space).key)
        read = [(config, at_steps(curve, steps)) for config, curve in curves.values()]
        whole = [(config, losses) for config, losses in read if np.isfinite(losses).all()]
        if not whole:
            raise LearningError(f"{task.name} has no whole curve up to {full:g}: it cannot be replayed.")
        return cls(task, [config for config, _ in whole], np.array([row for _, row in whole]), steps)

    @property
    def regret(self) -> Floats:
        """How far each config's final loss is behind the best one's (n,), the worst one's being 1."""
        final = self.losses[:, -1]
        return np.asarray((final - final.min()) / max(float(np.ptp(final)), 1e-12))


@dataclass(frozen=True)
class Moment:
    """A search after `spent` epochs: which config it would hand over, and what that lacks to its end."""

    spent: float
    config: int
    rest: float


Search = Callable[[Recorded, float, int], Sequence[Moment]]  # recorded curves, a budget, a seed


def regret_within(recorded: Recorded, moments: Sequence[Moment], budget: float) -> tuple[float, float]:
    """The true regret of the config handed over within this budget, and of one also trained to its end by it.

    The first is of the latest moment within the budget, whether its config is finished or not; the second of
    the latest after which its config can still be finished. With none, both are those of the worst config.
    """
    held = [one for one in moments if one.spent <= budget]
    finished = [one for one in moments if one.spent + one.rest <= budget]
    regret = recorded.regret
    return (
        float(regret[held[-1].config]) if held else UNTRAINED,
        float(regret[finished[-1].config]) if finished else UNTRAINED,
    )


def replay_curves(
    splits: Sequence[Split],
    full: float,
    budgets: Sequence[float],
    *,
    seeds: int = 3,
    learner: str = "gaussian_process",
    on_split: Callable[[int, int], None] = lambda _done, _planned: None,
) -> dict[str, dict[str, list[list[float]]]]:
    """By search and key of the task: the two regrets of `regret_within` at each budget, (2, budgets).

    They are means over seeds. The budgets ascend. Every split's new tasks are searched with what its past
    tasks teach; searches without chance play once.
    """
    found: dict[str, dict[str, list[list[float]]]] = {}
    for done, split in enumerate(splits, start=1):
        searches = {**warm_searches(split.past, full, learner), **COLD}
        for task in split.new:
            recorded = Recorded.of(task, full)
            for name, search in searches.items():
                draws = range(seeds if name in COLD else 1)
                played = [
                    [_at(recorded, search, budget, seed) for budget in reversed(budgets)] for seed in draws
                ]
                found.setdefault(name, {})[task.key] = np.mean(played, axis=0)[::-1].T.tolist()
        on_split(done, len(splits))
    return found


def _at(recorded: Recorded, search: Search, budget: float, seed: int) -> tuple[float, float]:
    return regret_within(recorded, search(recorded, budget, seed), budget)


def warm_searches(past: Sequence[Task], full: float, learner: str) -> Mapping[str, Search]:
    """The searches that past tasks teach: early stopping, halving of the recommended, whole trainings.

    What a search did within one budget it also does within a smaller one, so ask for the largest first.
    """
    early, recommender = EarlyStopping(full, learner=learner).fit(past), Recommender(learner).fit(past)
    orders: dict[str, list[int]] = {}
    played: dict[tuple[str, str], list[Moment]] = {}

    def once(name: str, task: Task, moments: Iterator[Moment]) -> list[Moment]:
        key = name, task.key
        if key not in played:
            played[key] = [*moments]
        return played[key]

    def stopping_early(recorded: Recorded, budget: float, _seed: int) -> list[Moment]:
        return once("early", recorded.task, moments_of(early, recorded, budget))

    def halving(recorded: Recorded, budget: float, _seed: int) -> list[Moment]:
        size, key = bracket_size(recorded.steps, budget, eta=2), recorded.task.key
        if len(orders.get(key, [])) < min(size, len(recorded.configs)):
            orders[key] = _recommended(recommender, recorded, size)
        return [*_bracket(recorded, orders[key][:size], range(len(recorded.steps)), eta=2)]

    def whole(recorded: Recorded, budget: float, _seed: int) -> list[Moment]:
        sequence = _sequence(recommender, recorded)
        return once("whole", recorded.task, whole_trainings(recorded, sequence, budget))

    return {"early stopping": stopping_early, "warm halving": halving, "whole trainings": whole}


def moments_of(early: EarlyStopping, recorded: Recorded, budget: float) -> Iterator[Moment]:
    """What a fitted search would hand over after each of its steps on the recorded curves."""
    task, spent = replace(recorded.task, trials=()), 0.0
    place = {id(config): k for k, config in enumerate(recorded.configs)}
    steps = [0.0, *recorded.steps]
    reached: dict[int, float] = {}
    while step := early.ask(task, candidates=recorded.configs):
        spent += step.until - step.since
        if spent > budget:
            return
        k = place[id(step.config)]
        task = early.tell(task, step, float(recorded.losses[k, steps.index(step.until) - 1]))
        reached[k] = step.until
        best = place[id(early.best(task, candidates=recorded.configs).config)]
        yield Moment(spent, best, early.full - reached[best])


def whole_trainings(recorded: Recorded, order: Iterator[int], budget: float) -> Iterator[Moment]:
    """One config after the other to its end; the best so far would be handed over."""
    full, best = recorded.steps[-1], -1
    for count, k in enumerate(order, start=1):
        if count * full > budget:
            return
        best = k if best < 0 or recorded.losses[k, -1] < recorded.losses[best, -1] else best
        yield Moment(count * full, best, 0.0)


def _sequence(recommender: Recommender, recorded: Recorded) -> Iterator[int]:
    """The configs in the order in which the recommender tries them, knowing how those before ended."""
    task = replace(recorded.task, trials=())
    place = {id(config): k for k, config in enumerate(recorded.configs)}
    while found := recommender.recommend(task, candidates=recorded.configs):
        k = place[id(found[0].config)]
        yield k
        task = task.plus(Trial(recorded.configs[k], float(recorded.losses[k, -1])))


def _recommended(recommender: Recommender, recorded: Recorded, n: int) -> list[int]:
    place = {id(config): k for k, config in enumerate(recorded.configs)}
    found = recommender.recommend(replace(recorded.task, trials=()), n, candidates=recorded.configs)
    return [place[id(one.config)] for one in found]


def random_search(recorded: Recorded, budget: float, seed: int) -> list[Moment]:
    """Whole trainings of configs in random order."""
    order = np.random.default_rng(seed).permutation(len(recorded.configs))
    return [*whole_trainings(recorded, iter(order.tolist()), budget)]


def cold_halving(recorded: Recorded, budget: float, seed: int) -> list[Moment]:
    """One bracket of random configs, as many as the budget allows; half of them survive each step.

    Source: Jamieson, Talwalkar 2016, arXiv:1502.07943.
    """
    order = np.random.default_rng(seed).permutation(len(recorded.configs)).tolist()
    size = bracket_size(recorded.steps, budget, eta=2)
    return [*_bracket(recorded, order[:size], range(len(recorded.steps)), eta=2)]


def hyperband(recorded: Recorded, budget: float, seed: int) -> list[Moment]:
    """Brackets of random configs that start ever later, round and round, a third surviving each time.

    Source: Li et al. 2018, Journal of Machine Learning Research 18, algorithm 1, with eta = 3; each
    fidelity is the nearest one that was recorded.
    """
    eta, full = 3, recorded.steps[-1]
    most = int(np.log(full) / np.log(eta))
    order = np.random.default_rng(seed).permutation(len(recorded.configs)).tolist()
    moments: list[Moment] = []
    while order and (not moments or moments[-1].spent < budget):
        for s in range(most, -1, -1):
            size = int(np.ceil((most + 1) / (s + 1) * eta**s))
            rungs = [_nearest(recorded.steps, full * eta ** float(i - s)) for i in range(s + 1)]
            moments += _after(recorded, moments, [*_bracket(recorded, order[:size], rungs, eta=eta)])
            order = order[size:]
    return moments


def _after(recorded: Recorded, moments: Sequence[Moment], bracket: Sequence[Moment]) -> list[Moment]:
    """The moments of a bracket that follows others, whose best finished config stays while it is ahead."""
    start = moments[-1].spent if moments else 0.0
    ends = [one.config for one in moments if one.rest == 0.0]
    kept = min(ends, key=lambda k: recorded.losses[k, -1], default=None)
    found = []
    for one in bracket:
        step = _nearest(recorded.steps, recorded.steps[-1] - one.rest)
        ahead = kept is None or recorded.losses[one.config, step] < recorded.losses[kept, -1]
        found.append(
            Moment(start + one.spent, one.config if ahead or kept is None else kept, one.rest if ahead else 0)
        )
    return found


def _nearest(steps: Sequence[float], fidelity: float) -> int:
    return int(np.argmin(np.abs(np.log(steps) - np.log(max(fidelity, 1e-9)))))


def bracket_size(steps: Sequence[float], budget: float, *, eta: int) -> int:
    """How many configs a bracket through all steps may begin with, for one of them to be finished in time."""
    size = 1
    while _cost(steps, size + 1, eta) <= budget:
        size += 1
    return size


def _cost(steps: Sequence[float], size: int, eta: int) -> float:
    """The epochs that a bracket takes."""
    price = np.diff([0.0, *steps])
    return float(sum(max(size // eta**s, 1) * price[s] for s in range(len(steps))))


def _bracket(
    recorded: Recorded, configs: Sequence[int], rungs: Sequence[int], *, eta: int
) -> Iterator[Moment]:
    """Successive halving through the steps of these numbers; the lowest loss of the latest is handed over."""
    spent, before, size = 0.0, 0.0, len(configs)
    for s, rung in enumerate(rungs):
        if not configs:
            return
        spent += len(configs) * (recorded.steps[rung] - before)
        before = recorded.steps[rung]
        ranked = sorted(configs, key=lambda k: recorded.losses[k, rung])
        yield Moment(spent, ranked[0], recorded.steps[-1] - before)
        configs = ranked[: max(size // eta ** (s + 1), 1)]


COLD: Final[Mapping[str, Search]] = {
    "cold halving": cold_halving,
    "hyperband": hyperband,
    "random search": random_search,
}

"""Advice without a past: a search that learns from its own trials alone."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from ConfigSpace import ConfigurationSpace

from foretune.data.records import RUNNING, Config, Recommendation, Task, Trial
from foretune.recommender.recommender import Recommender
from foretune.recommender.stopping import Outlook

MAGNITUDES: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # times the losses' own spread, which is a guess
UNKNOWN: Final = 0.05  # the spread of losses before two of them are known
DRAWN_FIRST: Final = 5  # trials before the process is asked, which would begin with the corners of the space


class ColdRecommender:
    """Recommends like a `Recommender` that has learned nothing but how large losses are.

    Its learner is the `cold` Gaussian process, which takes from past tasks no more than the space and the
    order of magnitude of losses: blank tasks stand for these, of the size of the task's own losses. The
    first trial is `first` (what the user's estimator is set to) where it is a candidate, a few more are drawn
    at random.
    """

    def __init__(self, space: ConfigurationSpace, first: Config) -> None:
        self._space, self._first = space, dict(first)

    def recommend(self, task: Task, n: int = 1, *, candidates: Sequence[Config]) -> Sequence[Recommendation]:
        """The n candidates to try next, best first, all different; fewer where no more are left."""
        taught = self._taught(task, candidates)
        found: list[Recommendation] = []
        for one in self._drawn(candidates):
            if len(found) == n or len(task.trials) + len(found) >= DRAWN_FIRST:
                break
            # None where a trial has the same settings.
            found += taught.recommend(task.plus(*_running(found)), candidates=[one])
        if len(found) < n:
            found += taught.recommend(task.plus(*_running(found)), n - len(found), candidates=candidates)
        return [replace(one, because=(), history_weight=0.0) for one in found]

    def _drawn(self, candidates: Sequence[Config]) -> Iterator[Config]:
        """The candidates that are what the estimator is set to, then all in an order drawn once."""
        yield from (one for one in candidates if dict(one) == self._first)
        yield from (candidates[k] for k in np.random.default_rng(0).permutation(len(candidates)))

    def outlook(
        self, task: Task, *, tolerance: float, candidates: Sequence[Config], lowest: float | None = None
    ) -> Outlook:
        """What a longer search would still bring; nothing has shown how sure it is."""
        recommender = self._taught(task, candidates)
        return recommender.outlook(task, tolerance=tolerance, candidates=candidates, lowest=lowest)

    def _taught(self, task: Task, candidates: Sequence[Config]) -> Recommender:
        losses = [trial.loss for trial in task.done if trial.loss is not None]
        spread = (float(np.std(losses)) if len(losses) > 1 else 0.0) or UNKNOWN
        ends = candidates[0], candidates[-1]
        blank = Task("blank", task.family, self._space, metric=task.metric)
        return Recommender("cold").fit(
            replace(
                blank, trials=tuple(Trial(one, 2 * spread * k * size, seed=k) for k, one in enumerate(ends))
            )
            for size in MAGNITUDES
        )


def _running(found: Sequence[Recommendation]) -> Iterator[Trial]:
    return (Trial(one.config, status=RUNNING) for one in found)

"""Advice without a past: a search that learns from its own trials alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from ConfigSpace import ConfigurationSpace

from foretune.data.records import DONE, Config, Recommendation, Task, Trial
from foretune.recommender.recommender import Recommender
from foretune.recommender.stopping import Outlook

MAGNITUDES: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # times the losses' own spread, which is a guess
UNKNOWN: Final = 0.05  # the spread of losses before two of them are known


class ColdRecommender:
    """Recommends like a `Recommender` that has learned nothing but how large losses are.

    Its learner is the `cold` Gaussian process, which takes from past tasks no more than the space and the
    order of magnitude of losses: blank tasks stand for these, of the size of the task's own losses. The
    first trial is `first` (what the user's estimator is set to) where it is a candidate.
    """

    def __init__(self, space: ConfigurationSpace, first: Config) -> None:
        self._space, self._first = space, dict(first)

    def recommend(self, task: Task, n: int = 1, *, candidates: Sequence[Config]) -> Sequence[Recommendation]:
        """The n candidates to try next, best first, all different; fewer where no more are left."""
        taught = self._taught(task, candidates)
        if task.done:
            return [_own(one) for one in taught.recommend(task, n, candidates=candidates)]
        found: list[Recommendation] = []
        while len(found) < n:
            known = _as_done(task.plus(*(Trial(one.config, 0.0) for one in found)))
            first = [] if known.trials else [one for one in candidates if dict(one) == self._first][:1]
            if not (more := taught.recommend(known, candidates=first or candidates)):
                break
            found += more
        return [_own(one) for one in found]

    def outlook(self, task: Task, *, tolerance: float, candidates: Sequence[Config]) -> Outlook:
        """What a longer search would still bring; nothing has shown how sure it is."""
        return self._taught(task, candidates).outlook(task, tolerance=tolerance, candidates=candidates)

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


def _own(found: Recommendation) -> Recommendation:
    """The recommendation without the blank tasks that it does not rest on."""
    return replace(found, because=(), history_weight=0.0)


def _as_done(task: Task) -> Task:
    """The task as if all its trials had come to the same: the next one is then far from them all."""
    return replace(task, trials=tuple(replace(one, loss=0.0, status=DONE, reason="") for one in task.trials))

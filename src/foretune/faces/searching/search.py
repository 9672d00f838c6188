"""A search under way: which settings to try next, and what came of those tried."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, Protocol

import numpy as np

from foretune.data.errors import LearningError
from foretune.data.metrics import LOWER_IS_BETTER, Target, lowest_loss
from foretune.data.records import FAILED, RUNNING, Config, Recommendation, Task, Trial
from foretune.faces.searching.candidates import Candidates, Settings
from foretune.faces.searching.scoring import nearest_metrics
from foretune.history.history import History
from foretune.learners.learner import Learner
from foretune.recommender.beside import taught_beside
from foretune.recommender.explanation import Explanation
from foretune.recommender.past import past_tasks
from foretune.recommender.recommender import Recommender
from foretune.recommender.stopping import Outlook
from foretune.recommender.stretching import Stretching

ENOUGH: Final = 10  # past tasks of a metric that do without those of the nearest one


class Adviser(Protocol):
    """What says which candidate to try next: a `Recommender`, or one without a past."""

    def recommend(self, task: Task, n: int = 1, *, candidates: Sequence[Config]) -> Sequence[Recommendation]:
        """The n candidates to try next, best first."""
        ...

    def outlook(
        self, task: Task, *, tolerance: float, candidates: Sequence[Config], lowest: float | None = None
    ) -> Outlook:
        """What a longer search would still bring."""
        ...


@dataclass(frozen=True)
class Past:
    """Past tasks of one family, all read as judged by the one metric `served`.

    `shipped` are those of the experience, where they lie beside a history of the user's own.
    """

    tasks: tuple[Task, ...]
    served: str
    shipped: tuple[Task, ...] = ()
    taught: dict[Any, Recommender] = field(default_factory=dict, compare=False)

    @classmethod
    def of(
        cls, family: str, metric: str, target: Target | None, history: History | None, *, experience: bool
    ) -> "Past":
        """The past that serves such a search: of its metric, and of the nearest one that there is.

        Of a metric that the experience lacks the history may hold a few tasks: they come beside the many
        that are judged by the nearest one, as a learner compares losses within a task only.
        """
        found: list[Task] = []
        for one in nearest_metrics(metric, target):
            known = past_tasks(history, family=family, metric=one, experience=experience)
            useful = [task for task in known if _teaches(task, target)]
            found += useful
            if useful and (one != metric or len(useful) >= ENOUGH):
                base = shipped(family, one, target) if experience and history is not None else cls((), one)
                beside = base.tasks if base.served == one else ()
                return cls(tuple(replace(task, metric=one) for task in found), one, beside)
        return cls(tuple(found), metric)

    def recommender(self, learner: str | Learner, aliases: Mapping[str, str]) -> Recommender:
        """One that has learned from these tasks; by a learner's name it learns once."""
        if not isinstance(learner, str):
            return Recommender(learner, aliases=aliases).fit(self.tasks)
        key = (learner, *sorted(aliases.items()))
        if key not in self.taught:
            self.taught[key] = taught_beside(self.tasks, self.shipped, learner, aliases)
        return self.taught[key]


@lru_cache(maxsize=8)
def shipped(family: str, metric: str, target: Target | None) -> Past:
    """The past that the experience holds, read once in a process."""
    return Past.of(family, metric, target, None, experience=True)


def _teaches(task: Task, target: Target | None) -> bool:
    fits = task.provenance.get("target", target) == target
    return fits and task.space is not None and len(task.done) > 1


@dataclass
class Search:
    """Asks for settings, is told their scores, and keeps the task that both make.

    Without an adviser all candidates are tried at once, in their order. Losses of another size than those of
    the past go through `stretching` before they are compared. `assumed` says what is assumed where past
    spaces differ from today's. With `own_first` the first candidate is the first trial, come what may.
    `order` holds the candidate of each trial, `known` how many trials had been scored when it was chosen.
    """

    task: Task
    candidates: Candidates
    adviser: Adviser | None
    stretching: Stretching = field(default_factory=Stretching)
    assumed: tuple[str, ...] = ()
    own_first: bool = False
    order: list[int] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    recommendations: list[Recommendation] = field(default_factory=list)

    def ask(self, n: int) -> list[Settings]:
        """The settings to try next, at most n, all different; none where nothing is left."""
        if self.adviser is None:
            first, self.order = len(self.order), [*range(len(self.candidates.settings))]
            return list(self.candidates.settings[first:])
        factor = self.stretching.factor(self.task)
        now = self.stretching.stretched(self.task)
        found = [*self._opening(now)] if self.own_first and not self.order else []
        if n > len(found):
            now = now.plus(*(Trial(one.config, status=RUNNING) for one in found))
            found += self.adviser.recommend(now, n - len(found), candidates=self.candidates.seen)
        factor = math.nan if factor is None else factor  # then nobody knows what to expect
        places = {id(config): k for k, config in enumerate(self.candidates.seen)}
        chosen = [places[id(one.config)] for one in found]
        self.order += chosen
        self.known += [len(self.task.trials)] * len(found)
        self.recommendations += [
            replace(one, config=self.candidates.told[k], loss=one.loss / factor, std=one.std / factor)
            for one, k in zip(found, chosen, strict=True)
        ]
        return [self.candidates.settings[k] for k in chosen]

    def _opening(self, now: Task) -> Sequence[Recommendation]:
        assert self.adviser is not None
        return self.adviser.recommend(now, candidates=self.candidates.seen[:1])

    def tell(self, outcomes: Sequence["Outcome"]) -> None:
        """Takes in what came of the settings that were asked for last, in their order."""
        asked = self.order[len(self.task.trials) :]
        seen = (self.candidates.seen[place] for place in asked)
        metric = self.task.metric
        self.task = self.task.plus(
            *(one.trial(config, metric) for config, one in zip(seen, outcomes, strict=True))
        )

    def outlook(self, tolerance: float) -> Outlook | None:
        """What a longer search would still bring, in units of the score.

        None where all trials failed, or do not show yet how large differences of this score are.
        """
        if self.task.best is None:
            return None
        if self.adviser is None:
            return Outlook(0.0, 1.0, tolerance)
        factor = self.stretching.factor(self.task)
        if factor is None:
            return None
        now = self.stretching.stretched(self.task)
        found = self.adviser.outlook(
            now,
            tolerance=tolerance * factor,
            candidates=self.candidates.seen,
            lowest=lowest_loss(self.task.metric) * factor,
        )
        return Outlook(found.gain / factor, found.probability, tolerance)

    def explain(self, trial: int) -> Explanation:
        """Why this trial was tried, by what was known when it was chosen; in units of the score.

        Raises `LearningError` where no past chose it.
        """
        if not isinstance(self.adviser, Recommender):
            raise LearningError(
                "no past chose the settings of this search (its grid was tried as a whole, or the past holds "
                "nothing of the estimator): there is nothing to explain."
            )
        then = replace(self.task, trials=self.task.trials[: self.known[trial]])
        factor, one = self.stretching.factor(then), self.recommendations[trial]
        seen = self.candidates.seen[self.order[trial]]
        by = 1.0 if factor is None else factor
        stretched = replace(one, config=seen, loss=one.loss * by, std=one.std * by)
        found = self.adviser.explain(self.stretching.stretched(then), stretched)
        return replace(found, recommendation=one, gain=self.stretching.gain(found.gain, then))


@dataclass(frozen=True)
class Outcome:
    """What one setting came to: a score a fold, greater is better, and the seconds of all folds."""

    scores: Sequence[float]
    seconds: float | None = None

    def trial(self, config: Config, metric: str) -> Trial:
        """The outcome as a trial; FAILED where a fold has no score."""
        if not self.scores or not np.isfinite(self.scores).all():
            return Trial(config, status=FAILED, seconds=self.seconds, reason="no finite score on every fold")
        n = len(self.scores)
        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        return Trial(
            config,
            -float(np.mean(self.scores)),
            seconds=self.seconds,
            scores={metric: [sign * float(score) for score in self.scores]},
            noise=float(np.std(self.scores, ddof=1) / n**0.5) if n > 1 else None,
        )


def outcomes_of(results: Mapping[str, Any], first: int, metric: str | None) -> list[Outcome]:
    """The outcomes in rows `first` and after of a `cv_results_`, by the score of this name.

    Without a name, or where the results do not have it, by the first that there is.
    """
    known = [key.removeprefix("mean_test_") for key in results if key.startswith("mean_test_")]
    name = metric if metric in known else known[0]
    folds: list[Any] = []
    while (fold := results.get(f"split{len(folds)}_test_{name}")) is not None:
        folds.append(fold)
    seconds = (results["mean_fit_time"] + results["mean_score_time"]) * len(folds)
    rows = range(first, len(results["params"]))
    return [Outcome([float(fold[k]) for fold in folds], round(float(seconds[k]), 6)) for k in rows]

"""A search taught by past tasks whose own space shows only on the way."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from ConfigSpace import ConfigurationSpace

from foretune.data.records import DONE, FAILED, RUNNING, Config, Task, Trial
from foretune.faces.sampling.matching import Sorts, alike, lightened, likeliest_family, sorts_of
from foretune.faces.sampling.pool import Pool
from foretune.recommender.changes import renamed
from foretune.recommender.recommender import Recommender
from foretune.recommender.selection import Auto, unrehearsed

FAMILY, METRIC = "search", "loss"  # of all tasks here: that they belong together is what matching finds
STAGE: Final = 8  # trials for which the candidates stay the same; the first time half as many
MOST_TRIALS: Final = 60  # of the search itself that are learned from: the best half and the latest half
MOST_AHEAD: Final = 8  # workers that have started and told nothing yet, for whom configs are passed over


@dataclass
class Matched:
    """What a set of past tasks taught, and the candidates in each space that it was asked about."""

    recommender: Recommender
    today: list[Task]
    pools: dict[int, tuple[ConfigurationSpace, Pool]] = field(default_factory=dict)


class WarmSearch:
    """Proposes configs for one search, from the past tasks that its hyperparameters, as far as known, match.

    `aliases` maps today's names of hyperparameters to former ones. It keeps what it learned, and learns anew
    only when other past tasks match, or the space has grown.
    """

    def __init__(self, past: Sequence[Task], *, aliases: Mapping[str, str], seed: int) -> None:
        useful = [lightened(task) for task in past if len(task.done) > 1 and task.space is not None]
        self._past = useful
        self._aliases, self._seed = aliases, seed
        self._today = renamed(useful, aliases)
        self._place = {id(task): k for k, task in enumerate(self._today)}
        self._names = {name for task in self._today for name in sorts_of(task.space)}
        self._lessons: dict[Hashable, Matched] = {}
        self._known: Sorts = {}
        self._matched: list[Task] = []

    def continued(self, known: Sorts) -> list[Task]:
        """The past tasks, in today's words, that a search beginning with these hyperparameters continues."""
        ours = {name: sort for name, sort in known.items() if name in self._names}
        return likeliest_family(self._today, ours) if ours else []

    def matching(self, known: Sorts) -> list[Task]:
        """The past tasks, in today's words, that are like a search with these hyperparameters."""
        if self._known != known:
            self._known, self._matched = dict(known), alike(self._today, known)
        return self._matched

    def propose(
        self, tasks: Sequence[Task], task: Task, whole: Callable[[Config], Config], *, ahead: int = 0
    ) -> Config:
        """The config to try next on the task, as these matching tasks teach; where none is left any again.

        The best `ahead` are passed over: others are about to try them. A running trial may have shown a part.
        """
        assert task.space is not None
        lesson = self._lesson(tasks)
        space, pool = lesson.pools.get(id(task.space), (None, None))
        if pool is None or space is not task.space:
            pool = Pool(lesson.today, task.space, whole, seed=self._seed)
            lesson.pools[id(task.space)] = (task.space, pool)
        stage = (len(task.done) + STAGE // 2) // STAGE
        candidates = pool.of(task, stage)
        now = replace(task, trials=_recent(task.trials, stage * STAGE - STAGE // 2))
        now = _foreseen(lesson.recommender, now, candidates)
        found = lesson.recommender.recommend(now, min(ahead, MOST_AHEAD) + 1, candidates=candidates)
        again = np.random.default_rng((self._seed, len(task.trials))).integers(len(candidates))
        return found[-1].config if found else candidates[int(again)]

    def assumptions(self, tasks: Sequence[Task], space: ConfigurationSpace) -> tuple[str, ...]:
        """What is assumed where the spaces of these tasks differ from this one."""
        return self._lesson(tasks).recommender.assumptions(space)

    def _lesson(self, tasks: Sequence[Task]) -> Matched:
        chosen = tuple(self._place[id(task)] for task in tasks)
        if chosen not in self._lessons:
            former = [replace(self._past[k], family=FAMILY, metric=METRIC) for k in chosen]
            # Rehearsals take seconds, which a sampler has not.
            recommender = Recommender(Auto(unrehearsed()), aliases=self._aliases).fit(former)
            self._lessons = {chosen: Matched(recommender, list(tasks))}  # the last one is what is asked for
        return self._lessons[chosen]


def _foreseen(recommender: Recommender, task: Task, candidates: Sequence[Config]) -> Task:
    """The task, each running trial being the best candidate that begins as it does, if one does."""
    for k, trial in enumerate(task.trials):
        if trial.status is not RUNNING:
            continue
        shown = trial.config
        begun = [one for one in candidates if len(one) > len(shown) and shown.items() <= one.items()]
        others = replace(task, trials=(*task.trials[:k], *task.trials[k + 1 :]))
        for found in recommender.recommend(others, candidates=begun) if begun else ():
            whole = replace(trial, config=found.config)
            task = replace(task, trials=(*task.trials[:k], whole, *task.trials[k + 1 :]))
    return task


def _recent(trials: Sequence[Trial], settled: int) -> tuple[Trial, ...]:
    """The trials, of which in a long search only some count: the best, and the latest.

    The others are as if they had failed: not proposed again, and not learned from. Which ones is settled by
    the first so many finished trials, so that it stays the same for a stage.
    """
    done = [k for k, trial in enumerate(trials) if trial.status is DONE][:settled]
    if len(done) <= MOST_TRIALS:
        return tuple(trials)
    ranked = sorted(done, key=lambda k: trials[k].loss or 0.0)
    kept = {*ranked[: MOST_TRIALS // 2], *done[-MOST_TRIALS // 2 :]}
    dropped = {*done} - kept
    return tuple(
        Trial(trial.config, status=FAILED) if k in dropped else trial for k, trial in enumerate(trials)
    )

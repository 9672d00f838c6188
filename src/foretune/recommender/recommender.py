"""The recommender: one family, one metric; says which config to try next on a task, and why."""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Final, Self

import numpy as np
from ConfigSpace import ConfigurationSpace

from foretune.data.errors import HistoryError, LearningError, SpaceError
from foretune.data.metrics import lowest_loss, may_ruin
from foretune.data.records import (
    FAILED,
    RUNNING,
    Config,
    Floats,
    Forecast,
    Recommendation,
    Task,
    Trial,
)
from foretune.data.spaces import check_aliases, complete
from foretune.features.encoding import Encoder
from foretune.features.metaspace import MetaSpace
from foretune.history.doubts import weighed
from foretune.history.history import open_history
from foretune.history.parquet import read_card, write_pack
from foretune.learners.bayesian_network import BayesianNetwork
from foretune.learners.forest import Forest
from foretune.learners.gaussian_process import ColdGaussianProcess, GaussianProcess
from foretune.learners.learner import Learner, taught
from foretune.learners.neighbours import Neighbours
from foretune.learners.network import Network
from foretune.learners.portfolio import Portfolio
from foretune.learners.surfaces import Surfaces
from foretune.recommender.acquisition import expected_gain
from foretune.recommender.candidates import check_count, outside, pool_of
from foretune.recommender.changes import assumptions, distinct, joined, renamed, spelled, spelled_otherwise
from foretune.recommender.coverage import Coverage
from foretune.recommender.durations import Durations
from foretune.recommender.explanation import (
    Explanation,
    against_the_past,
    evidence,
    gain_over_default,
    importances,
)
from foretune.recommender.lesson import Lesson
from foretune.recommender.loss_range import LossRange, reckoned
from foretune.recommender.proposals import Proposals
from foretune.recommender.selection import Auto
from foretune.recommender.stopping import Outlook, Stopping, check_tolerance
from foretune.recommender.thinning import thinned
from foretune.recommender.tried import Tried

LEARNERS: Final[Mapping[str, type[Learner]]] = {
    "portfolio": Portfolio,
    "neighbours": Neighbours,
    "forest": Forest,
    "gaussian_process": GaussianProcess,
    "cold": ColdGaussianProcess,
    "auto": Auto,
    "network": Network,
    "bayesian_network": BayesianNetwork,
}
DEFAULT_LEARNER: Final = "auto"
NOTHING_LEARNED: Final = "the recommender has learned nothing yet: call fit(tasks) first."
LESSONS: Final = 8  # spaces for which what was learned is kept


class Recommender:
    """Taught by past tasks, says which configs to try next on a new one.

    The task is the only state: without trials the recommendation rests on its meta-features, with trials
    the search goes on, and configs that are RUNNING are not proposed again.

    Past tasks may have had other spaces than today's, and teach nonetheless: `assumptions` says what is
    assumed for each difference. `aliases` maps today's names of hyperparameters to those that they had.

    >>> from ConfigSpace import ConfigurationSpace, Float
    >>> space = ConfigurationSpace()
    >>> space.add(Float("C", (0.1, 10.0), log=True, default=1.0))
    >>> trials = (Trial({"C": 0.1}, 0.3), Trial({"C": 1.0}, 0.2), Trial({"C": 10.0}, 0.1))
    >>> past = [Task(f"past {i}", "svm", space, trials=trials) for i in range(3)]
    >>> new = Task("new", "svm", space)
    >>> Recommender().fit(past).recommend(new, candidates=[{"C": 1}, {"C": 10}])[0].config
    {'C': 10}
    """

    def __init__(
        self, learner: str | Learner = DEFAULT_LEARNER, *, aliases: Mapping[str, str] | None = None
    ) -> None:
        if isinstance(learner, str) and learner not in LEARNERS:
            raise LearningError(f"there is no learner {learner!r}: use one of {', '.join(LEARNERS)}.")
        self._named = learner if isinstance(learner, str) else None
        self.learner: Learner = LEARNERS[learner]() if isinstance(learner, str) else learner
        check_aliases(aliases or {})
        self.aliases = dict(aliases or {})
        self._tasks: list[Task] = []
        self._given: list[Task] = []

    def fit(self, tasks: Iterable[Task]) -> Self:
        """The recommender itself, having learned from these tasks; they must share family and metric.

        Tasks made with other library versions, otherwise judged or on fewer rows count less; of tasks with
        more than 40,000 different configs in all, the best trials and some of the others teach. Raises
        `LearningError` where they do not, or hold nothing to learn from.
        """
        self._tasks = []  # nothing is known where what follows fails
        self._given = thinned(taught([*map(reckoned, tasks)]))
        weighted, self._doubts = weighed(self._given)
        past = renamed(weighted, self.aliases)
        kinds = {(task.family, task.metric) for task in past}
        self._family = next(iter(kinds))[0]
        if len(kinds) > 1:
            raise LearningError(
                f"a recommender serves one family and one metric, but the tasks hold {sorted(kinds)}: "
                "choose with history.tasks(family=..., metric=...)."
            )
        self._past_spaces = distinct([task.space for task in past if task.space is not None])
        if not self._past_spaces:
            raise LearningError("none of the past tasks has a space: a recommender needs one.")
        self._space = reduce(joined, self._past_spaces)
        self._size = len(self._space)
        self._tasks = [spelled(task, self._space) for task in past] if len(self._past_spaces) > 1 else past
        self._range = LossRange.of(past)
        self._metaspace = MetaSpace([task.metafeatures for task in self._tasks])
        self._coverage = Coverage(self._tasks, self._metaspace)
        self._lessons = [self._learned(self._space, self._space, self.learner)]
        if isinstance(self.learner, Auto) and self.learner.aside:
            self._doubts = (*self._doubts, self.learner.chosen)
        return self

    @property
    def family(self) -> str:
        """The family of the past tasks; `LearningError` before `fit`."""
        if not self._tasks:
            raise LearningError(NOTHING_LEARNED)
        return self._family

    def assumptions(self, space: ConfigurationSpace) -> tuple[str, ...]:
        """What is assumed where past spaces differ from this one, a sentence for each difference."""
        aliases = {new: old for new, old in self.aliases.items() if self._had(old)}
        return assumptions(self._past_spaces, space, aliases)

    def _had(self, name: str) -> bool:
        """Whether a past task has a hyperparameter of this name, in its space or in a trial."""
        spaces = (task.space for task in self._given if task.space is not None)
        trials = (trial for task in self._given for trial in task.trials)
        return any(name in space for space in spaces) or any(name in trial.config for trial in trials)

    def _learned(self, asked: ConfigurationSpace, space: ConfigurationSpace, learner: Learner) -> Lesson:
        """The lesson of a learner that learns anew, in terms of this space."""
        if len(self._past_spaces) > 1 or space is not self._space:
            learner.fit([replace(task, space=space) for task in self._tasks])
        else:
            learner.fit(self._tasks)
        return self._lesson_in(asked, space, learner)

    def _lesson_in(self, asked: ConfigurationSpace, space: ConfigurationSpace, learner: Learner) -> Lesson:
        encoder = Encoder.of(space)
        proposals = Proposals(self._tasks, asked, encoder.key)
        durations = Durations(self._tasks, encoder)
        spells = asked is not space and spelled_otherwise(asked, space)
        return Lesson(asked, space, learner, proposals, durations, encoder, spells, len(asked))

    def _lesson(self, task: Task) -> Lesson:
        """What was learned, in terms of the task's space; learned anew where that is new in any way."""
        if not self._tasks:
            raise LearningError(NOTHING_LEARNED)
        if task.family != self._family:  # another metric may be near enough, see MetaSearchCV
            raise LearningError(
                f"the recommender was taught on {self._family}, and is asked about {task.family}: teach "
                "another one with past tasks of that family."
            )
        if len(self._space) != self._size:
            raise SpaceError(
                "the space of the past was changed after fit: add to a copy of it, copy.deepcopy(space)."
            )
        asked = task.space or self._space
        for lesson in self._lessons:
            if lesson.size == len(asked) and (lesson.asked is asked or lesson.asked == asked):
                return lesson
        space = joined(self._space, asked)
        if space is self._space:
            lesson = self._lesson_in(asked, space, self.learner)
        else:
            again = Auto(self.learner.rehearsal) if isinstance(self.learner, Auto) else copy(self.learner)
            lesson = self._learned(asked, space, again)
        self._lessons = [self._lessons[0], *self._lessons[1:][2 - LESSONS :], lesson]
        return lesson

    def recommend(
        self,
        task: Task,
        n: int = 1,
        *,
        candidates: Sequence[Config] | None = None,
        per_second: bool = False,
    ) -> list[Recommendation]:
        """The n configs to try next on this task, best first, all different; fewer where no more are left.

        `candidates`: only these may be proposed, and the result holds the very objects given. Without them
        any config of the task's space may be. `per_second`: the best expected gain for each second that the
        trial will take, by the seconds of past trials and of the task's own. Before any trial the library's
        default comes first where, by a bounded score, nothing is expected to be better. A candidate that lies
        outside the spaces of the past and of the task is recommended with a note.

        Raises `LearningError` before `fit` or for an `n` that is no count, and `SpaceError` for a candidate
        with an unknown hyperparameter, or without a number where one is wanted.
        """
        check_count(n)
        task, lesson = reckoned(task), self._lesson(task)
        pool = _pool(lesson, task, candidates)
        guarded = isinstance(self.learner, Auto) and not task.trials
        warning = self._coverage.warning(task.metafeatures) if guarded else ""
        found = self._default_first(lesson, task, pool, warning) if warning else []
        task = task.plus(*(Trial(one.config, status=RUNNING) for one in found))
        while len(found) < n and (chosen := self._best(lesson, task, pool, per_second=per_second)):
            found.append(chosen)
            task = task.plus(Trial(chosen.config, status=RUNNING))
        told = f"{warning}: it says little about which config is good here" if warning else ""
        told = told or (self._coverage.silence(task.metafeatures) if guarded else "")
        if told and found and not found[0].note:
            found[0] = replace(found[0], note=told)
        if candidates is None:
            return found
        notes = [(one.note, outside(lesson.space, one.config)) for one in found]
        return [
            replace(one, note="; ".join(filter(None, said))) for one, said in zip(found, notes, strict=True)
        ]

    def past_for(self, task: Task) -> list[Task]:
        """The past tasks, in a space that holds theirs and the task's; `LearningError` before `fit`."""
        space = self._lesson(task).space
        return [one if one.space is space else replace(one, space=space) for one in self._tasks]

    def candidates(self, task: Task) -> list[Config]:
        """The configs that `recommend` chooses among where it is given none; `LearningError` before `fit`."""
        return [*self._lesson(task).proposals.of(task).values()]

    def outlook(
        self,
        task: Task,
        *,
        tolerance: float = 0.01,
        candidates: Sequence[Config] | None = None,
        lowest: float | None = None,
    ) -> Outlook:
        """What a longer search of this task would still bring; `tolerance` is in units of loss.

        `lowest` is the least loss that there can be, that of the metric where it is not given.

        How sure it is was learned by the `auto` learner from searches through past tasks; any other learner's
        word is taken as it is. Raises `LearningError` before `fit`, where no trial is finished, or for a
        tolerance that is no finite number.
        """
        check_tolerance(tolerance)
        task = reckoned(task)
        if task.best is None or task.best.loss is None:
            raise LearningError("an outlook needs a finished trial: try a config first.")
        lesson = self._lesson(task)
        everything = Tried.of(lesson, task).beside(_pool(lesson, task, candidates))
        done = {lesson.key(trial.config) for trial in task.done}
        failed = {lesson.key(trial.config) for trial in task.trials if trial.status is FAILED} - done
        everything = {key: config for key, config in everything.items() if key not in failed}
        forecast = lesson.forecast(task, everything.values())
        tried = np.array([key in done for key in everything])
        left = task.best.loss - (lowest_loss(task.metric) if lowest is None else lowest)
        if isinstance(self.learner, Auto):
            return self.learner.outlook(task, forecast, tried, tolerance).with_at_most(left)
        stopping = Stopping.of_past(self._tasks)
        return stopping.outlook(forecast, tried, task.best.loss, tolerance).with_at_most(left)

    def explain(self, task: Task, recommendation: Recommendation | None = None) -> Explanation:
        """Why this config for this task, or the one that would be recommended now.

        Past datasets, hyperparameters that mattered there, expected gain over the library's default, what was
        assumed, and which past tasks are doubted. Raises `LearningError` before `fit`, or where nothing is
        left to recommend.
        """
        task, lesson = reckoned(task), self._lesson(task)
        found = [recommendation] if recommendation else self.recommend(task)
        if not found:
            raise LearningError("every candidate was tried: give the recommendation that is to be explained.")
        past = Surfaces(self._tasks, lesson.encoder)
        return Explanation(
            found[0],
            task.name,
            len(task.done),
            gain=gain_over_default(
                lesson, task, found[0].config, lesson.asked, past, within=self._range.on(task)
            ),
            importances=importances(lesson, task, lesson.asked),
            nearest=self._coverage.nearest(task.metafeatures),
            usual=self._coverage.usual,
            assumptions=self.assumptions(lesson.asked),
            doubts=self._doubts,
            measured=lesson.key(found[0].config) in {lesson.key(trial.config) for trial in task.done},
        )

    def _default_first(
        self, lesson: Lesson, task: Task, pool: dict[str, Config], warning: str
    ) -> list[Recommendation]:
        """The library's default with the warning, where it is among the candidates."""
        key = lesson.key(complete(lesson.asked, {}))
        if key not in pool:
            return []
        forecast = replace(lesson.forecast(task, [pool[key]]), history_weight=0.0)
        note = f"{warning}: the library's default comes first"
        return [self._recommendation(task, pool[key], forecast, note=note)]

    def save(self, folder: Path | str) -> None:
        """Writes the recommender as a pack: arrays and JSON, which `load` learns from anew in seconds.

        Raises `LearningError` before `fit`, or where the learner was not given by its name: what it is told
        besides is not saved.
        """
        if not self._tasks or self._named is None:
            raise LearningError("only a fitted recommender whose learner was given by its name can be saved.")
        write_pack(
            self._given, folder, card={"recommender": {"learner": self._named, "aliases": self.aliases}}
        )

    @classmethod
    def load(cls, folder: Path | str) -> "Recommender":
        """The recommender that was saved in this folder; it answers as that one did.

        Raises `HistoryError` where the folder does not hold a saved recommender.
        """
        told = read_card(folder).get("recommender")
        if not isinstance(told, dict) or str(told.get("learner")) not in LEARNERS:
            raise HistoryError(f"{folder} holds a pack, but no recommender: open it with open_history.")
        aliases = told.get("aliases", {})
        if not isinstance(aliases, dict) or not all(isinstance(old, str) for old in aliases.values()):
            raise HistoryError(f"{folder} names aliases that are no names: take it from its source again.")
        with open_history(folder) as pack:
            return cls(str(told["learner"]), aliases=aliases).fit(pack.tasks())

    def _best(
        self, lesson: Lesson, task: Task, pool: dict[str, Config], *, per_second: bool
    ) -> Recommendation | None:
        """The best candidate that no trial of the task has; None where there is none left."""
        tried = Tried.of(lesson, task)
        if pool.keys() <= tried.spent:
            return None
        everything = tried.beside(pool)
        forecast = lesson.forecast(task, everything.values())
        mask = np.array([key in tried.known for key in everything])
        gain = expected_gain(forecast, mask, best=task.best.loss if task.best else None)
        if per_second:
            # Before any trial a gain is counted from the worst candidate.
            ahead = gain - gain.min() if gain.min() < 0 else gain
            gain = ahead / self._seconds(lesson, task, [*everything.values()], forecast)
        spread = forecast.std if forecast.spread is None else forecast.spread
        unit = spread.max() if task.done and forecast.badness is None else np.abs(gain).max()
        gain = (gain / (unit or 1.0)).round(12)  # what is less is no gain, in whatever units
        gain[[key in tried.spent or key not in pool for key in everything]] = -np.inf
        chosen = int(np.lexsort((forecast.mean, -gain))[0])
        default = lesson.key(complete(lesson.asked, {}))
        if not (task.trials or per_second or may_ruin(task.metric)) and default in pool:
            # What is mostly near the best may lose more elsewhere than it gains: then nothing speaks for it.
            place = [*everything].index(default)
            chosen = place if forecast.mean[place] <= forecast.mean[chosen] else chosen
        return self._recommendation(task, [*everything.values()][chosen], forecast, chosen)

    def _recommendation(
        self, task: Task, config: Config, forecast: Forecast, place: int = 0, *, note: str = ""
    ) -> Recommendation:
        """What is said of the config at this place of the forecast."""
        mean, std = float(forecast.mean[place]), float(forecast.std[place])
        notes = filter(None, (note, self._range.doubt(task), against_the_past(forecast)))
        return Recommendation(
            config,
            *self._range.on(task).expected(mean, std),
            evidence(self._tasks, self._metaspace.similarities(task.metafeatures), forecast.by_task),
            task.family,
            task.metric,
            forecast.history_weight,
            "; ".join(notes),
        )

    def _seconds(self, lesson: Lesson, task: Task, configs: Sequence[Config], forecast: Forecast) -> Floats:
        """The seconds (n,) that each config will take."""
        even = np.full(len(self._tasks), 1.0 / len(self._tasks))
        return lesson.durations.forecast(
            task, configs, even if forecast.by_task is None else forecast.by_task
        )


def _pool(lesson: Lesson, task: Task, candidates: Sequence[Config] | None) -> dict[str, Config]:
    """What may be proposed, by key."""
    if candidates is None:
        return lesson.proposals.of(task)
    return pool_of(lesson, candidates, family=task.family)

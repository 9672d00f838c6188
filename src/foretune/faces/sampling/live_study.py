"""A live study of Optuna's as a search: its trials as a task, its space as it shows, what was proposed."""

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import optuna
from ConfigSpace import ConfigurationSpace
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState

from foretune.data.errors import LearningError
from foretune.data.records import FAILED, RUNNING, Config, Task, Trial
from foretune.faces.sampling.growing_space import GrowingSpace
from foretune.faces.sampling.matching import Sort, sorts_of
from foretune.faces.sampling.warm_search import FAMILY, METRIC, WarmSearch
from foretune.history.readers.optuna import sign_of, trial_of
from foretune.history.readers.optuna_distributions import (
    NOWHERE,
    Distributions,
    asked,
    parents_among,
    told,
)

LOG: Final = logging.getLogger(__name__)
MOST_SAID: Final = 5  # assumptions in one message
# The past has a say in every trial until 10 are finished, in every 2nd until 30 are, then in every 5th;
# the others are TPE's. On quadratics of three parameters with a past of unrelated ones, the past in every
# trial was behind TPE after 60 trials (medians over 10 runs .15 : .03); shared out it is about level, and
# cheaper (benchmarks/optuna_sampler.py).
TURNS: Final = ((10, 1), (30, 2), (math.inf, 5))


@dataclass(frozen=True)
class Moment:
    """A study when a config is wanted for its trial of this number; `others` are all others begun."""

    study: optuna.Study
    number: int
    others: Sequence[FrozenTrial]

    @classmethod
    def of(cls, study: optuna.Study, trial: FrozenTrial) -> "Moment":
        """The study now; `LearningError` where it has constraints."""
        trials = [one for one in study.get_trials(deepcopy=False) if one.number != trial.number]
        if any(one.constraints for one in trials):
            raise LearningError(
                "MetaSampler does not serve constraints: use optuna.samplers.TPESampler, or add a penalty to "
                "the value in place of set_constraint."
            )
        return cls(study, trial.number, [one for one in trials if one.state is not TrialState.WAITING])

    @property
    def known(self) -> dict[str, BaseDistribution]:
        """Every parameter that the other trials have shown, with its last distribution.

        Trials that have ended have shown all of theirs, one under way perhaps not yet.
        """
        ended = [trial for trial in self.others if trial.state.is_finished()] or self.others
        return {name: one for trial in ended for name, one in trial.distributions.items()}

    @property
    def complete(self) -> list[FrozenTrial]:
        """The other trials that were finished."""
        return [one for one in self.others if one.state is TrialState.COMPLETE]


class LiveStudy:
    """One study as a sampler has seen it: what was proposed for whom, and the space that showed so far.

    `tpe` samples what the past has no say in.
    """

    def __init__(self, search: WarmSearch, metafeatures: Mapping[str, float], tpe: TPESampler) -> None:
        self._search, self._metafeatures, self.tpe = search, metafeatures, tpe
        self._proposals: dict[int, Config | None] = {}
        self._opening: set[int] = set()  # trials whose proposals were made when no parameter was known
        self._told: dict[int, Trial] = {}
        self._overruled: dict[int, Trial] = {}  # proposals that were tried with other values than proposed
        self._space = GrowingSpace()
        self._has_warned = self._has_said = False

    def proposal(
        self, study: optuna.Study, trial: FrozenTrial, wanted: Distributions | None = None
    ) -> Config | None:
        """What is proposed for this trial, of which `wanted` is asked for now; None where it is TPE's."""
        number, wanted = trial.number, wanted or {}
        config = self._proposals.get(number)
        is_settled = number not in self._opening or wanted.keys() <= (config or {}).keys()
        if number in self._proposals and is_settled:
            return config
        now = Moment.of(study, trial)
        if (known := now.known) and not self._is_partial(now, known):
            self._opening.discard(number)
            self._proposals[number] = self._next(now, known) if _is_our_turn(now) else None
        elif names := {**trial.distributions, **wanted}:
            self._opening.add(number)
            self._proposals[number] = self._first(now, names) or config
        return self._proposals.get(number)

    def _is_partial(self, now: Moment, known: Distributions) -> bool:
        """Whether none has ended, and those under way have yet to ask for what the past goes on with."""
        if any(one.state.is_finished() for one in now.others):
            return False
        tasks = self._search.continued(_sorts(known))
        return bool(tasks) and not sorts_of(tasks[-1].space).keys() <= known.keys()

    def forget(self, trial: FrozenTrial) -> None:
        """Drops the proposal for a trial that has ended."""
        unserved = trial.number in self._opening and self._proposals.get(trial.number) is None
        if unserved and not self._search.matching(_sorts(trial.distributions)):
            self._warn()
        self._opening.discard(trial.number)
        proposal = self._proposals.pop(trial.number, None)
        tried, known = _config(trial), trial.distributions
        if proposal and any(
            name in proposal and _as_told(known, name, proposal[name]) != value
            for name, value in tried.items()
        ):
            self._overruled[trial.number] = Trial(proposal, status=FAILED, reason="tried otherwise")

    def _first(self, now: Moment, names: Distributions) -> Config | None:
        """A config in the space of the past, where the study has shown no more than these parameters."""
        tasks = self._search.continued(_sorts(names))
        return self._propose(now, tasks, tasks[-1].space, now.known) if tasks else None

    def _next(self, now: Moment, known: Distributions) -> Config | None:
        """A config in the space that the study has shown."""
        tasks = self._search.matching(_sorts(known))
        if not tasks:
            self._warn()
            return None
        space = self._space.of(known, [_config(one) for one in now.complete], tasks)
        if space is not None and now.complete and not self._has_said:
            self._say(self._search.assumptions(tasks, space))
        return self._propose(now, tasks, space, known)

    def _propose(
        self, now: Moment, tasks: Sequence[Task], space: ConfigurationSpace | None, known: Distributions
    ) -> Config | None:
        if space is None:
            return None

        def whole(config: Config) -> Config:
            return {name: _as_told(known, name, value) for name, value in config.items()}

        name, metafeatures = now.study.study_name, self._metafeatures
        task = Task(name, FAMILY, space, metric=METRIC, metafeatures=metafeatures, trials=self._trials(now))
        return self._search.propose(tasks, task, whole, ahead=self._silent(now))

    def _trials(self, now: Moment) -> tuple[Trial, ...]:
        """The study's other trials in foretune's words; of running ones what was proposed counts too."""
        sign, found = sign_of(now.study), []
        for one in now.others:
            if one.state is TrialState.PRUNED:
                found.append(_as_if_finished(one, now.complete, sign))
            elif one.state is TrialState.RUNNING:
                config = {**(self._proposals.get(one.number) or {}), **_config(one)}
                found.append(Trial(config, status=RUNNING))
            else:
                if one.number not in self._told:
                    self._told[one.number] = trial_of(one, sign, one.distributions)
                found.append(self._told[one.number])
        # What was overruled once would be again: it is not proposed a second time.
        return tuple(trial for trial in (*found, *self._overruled.values()) if trial.config)

    def _silent(self, now: Moment) -> int:
        """How many workers that started before this one have shown nothing yet of what they are trying.

        One that was silent when a later trial had begun and ended is gone.
        """
        running = (one for one in now.others if one.state is TrialState.RUNNING and one.number < now.number)
        ended = max((one.number for one in now.others if one.state.is_finished()), default=-1)
        waited_for = (one for one in running if one.number > ended and not self._proposals.get(one.number))
        return sum(not one.params for one in waited_for)

    def _warn(self) -> None:
        """Says once that nothing in the past is like the study."""
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(
                "no past study has most of this study's parameters: MetaSampler samples as TPESampler does. "
                "If they were renamed, give aliases={today's name: former name}.",
                stacklevel=2,
            )

    def _say(self, assumptions: Sequence[str]) -> None:
        """Logs once what is assumed about differences between the past spaces and today's."""
        self._has_said = True
        if assumptions:
            more = len(assumptions) - MOST_SAID
            LOG.warning(" ".join([*assumptions[:MOST_SAID], *([f"And {more} more."] if more > 0 else [])]))


def _as_if_finished(pruned: FrozenTrial, finished: Sequence[FrozenTrial], sign: float) -> Trial:
    """A pruned trial with the value of the finished one that was most like it at its last step."""
    config, steps = _config(pruned), sorted(pruned.intermediate_values)
    if steps:
        step, value = steps[-1], pruned.intermediate_values[steps[-1]]
        off = {
            abs(one.intermediate_values[step] - value): one.value
            for one in finished
            if step in one.intermediate_values and one.value is not None and math.isfinite(one.value)
        }
        if off and math.isfinite(min(off)):
            return Trial(config, sign * off[min(off)], reason="pruned")
    return Trial(config, status=FAILED, reason="pruned")


def _config(trial: FrozenTrial) -> dict[str, Any]:
    return {name: told(trial.distributions[name], value) for name, value in trial.params.items()}


def _as_told(known: Distributions, name: str, value: Any) -> Any:
    """The value of a config as the study will tell it: on its step, within its range."""
    own = asked(known[name], value) if name in known else NOWHERE
    return value if own is NOWHERE else told(known[name], own)


def _is_our_turn(now: Moment) -> bool:
    """Whether the past has a say in this trial."""
    return now.number % next(every for before, every in TURNS if len(now.complete) < before) == 0


def _sorts(distributions: Distributions) -> dict[str, Sort]:
    choices = parents_among(distributions)["choices"]
    return {name: "choice" if name in choices else "number" for name in distributions}

"""How long a config will take on a new task, from the seconds that past trials took."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from foretune.data.records import Config, Floats, Task
from foretune.features.encoding import Encoder
from foretune.learners.surfaces import Surfaces

FEWEST = 2  # trials with known seconds that a past task needs to say which configs are slow
QUICKEST = 1e-3  # seconds; what is quicker counts as this, as nobody waits for it


class Durations:
    """Forecasts seconds: which configs are slow as on past tasks, how slow all are by the task's own trials.

    Past surfaces of log seconds, as of losses, averaged; nothing where no past task knows its seconds.
    """

    def __init__(self, tasks: Sequence[Task], encoder: Encoder) -> None:
        self._tasks, self._encoder = tasks, encoder

    @cached_property
    def _known(self) -> tuple[list[int], Surfaces | None]:
        """Which past tasks know their seconds, and these as surfaces."""
        timed = [_timed(task) for task in self._tasks]
        known = [k for k, task in enumerate(timed) if len(task.done) >= FEWEST]
        return known, Surfaces([timed[k] for k in known], self._encoder) if known else None

    def forecast(self, task: Task, configs: Sequence[Config], weights: Floats) -> Floats:
        """The seconds (n,) to expect of each config; `weights` (tasks,) says how much each past task counts.

        Without own trials the level is that of the past tasks. All alike where nothing is known.
        """
        known, surfaces = self._known
        if surfaces is None:
            return np.ones(len(configs))
        weights = weights[known]
        weights = weights / weights.sum() if weights.sum() > 0 else np.full(len(weights), 1 / len(weights))
        own = [trial for trial in task.done if trial.seconds is not None]
        logs = weights @ surfaces.losses([*configs, *(trial.config for trial in own)])
        n = len(configs)
        level = float(np.mean([_log(trial.seconds) for trial in own] - logs[n:])) if own else 0.0
        return np.asarray(np.exp(logs[:n] + level))


def _timed(task: Task) -> Task:
    """The task with the log of its trials' seconds in the place of their losses."""
    trials = [replace(trial, loss=_log(trial.seconds)) for trial in task.done if trial.seconds is not None]
    return replace(task, trials=tuple(trials))


def _log(seconds: float | None) -> float:
    return float(np.log(max(seconds or 0.0, QUICKEST)))

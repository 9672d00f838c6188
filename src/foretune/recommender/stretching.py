"""Losses of a task in units of their own, stretched to the spread that the losses of the past have."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from foretune.data.records import Config, Task
from foretune.features.encoding import Encoder
from foretune.recommender.explanation import Gain

NOTHING: Final = 1e-9  # a spread of losses that is none
UNKNOWN: Final = 0.05  # the spread of losses where no past task has one


@dataclass(frozen=True)
class Stretching:
    """How the losses of a task compare with those of past tasks.

    `typical` is the spread that the past is used to; None where the losses of the task are of the same size.
    """

    typical: float | None = None

    @classmethod
    def to(cls, past: Iterable[Task]) -> Self:
        """To the median spread of a past task's losses, of those whose configs differ at all."""
        losses = ([trial.loss for trial in task.done if trial.loss is not None] for task in past)
        spreads = [spread for spread in map(np.std, losses) if spread > NOTHING]
        return cls(float(np.median(spreads)) if spreads else UNKNOWN)

    def factor(self, task: Task) -> float | None:
        """What the losses of the task are multiplied by; None where they do not show their spread yet."""
        if self.typical is None:
            return 1.0
        losses = [trial.loss for trial in task.done if trial.loss is not None]
        spread = float(np.std(losses)) if len(losses) > 1 else 0.0
        return self.typical / spread if spread > NOTHING else None

    def stretched(self, task: Task) -> Task:
        """The task with its losses as the past would have them; as they are where that is not known yet."""
        factor = self.factor(task)
        if factor is None or factor == 1.0:
            return task
        trials = (one if one.loss is None else replace(one, loss=one.loss * factor) for one in task.trials)
        return replace(task, trials=tuple(trials))

    def gain(self, stretched: Gain, task: Task) -> Gain:
        """The gain over the default in units of the task, from that of its stretched losses.

        Of losses of another size it is not known (NaN) before the default was tried: how far the configs
        tried differ, which may all be good ones, does not tell how far it stays behind them.
        """
        if not (stretched.low or stretched.high):  # it is the default itself
            return stretched
        known = self.typical is None or _was_tried(stretched.default, task)
        factor = self.factor(task) if known else None
        return stretched.divided_by(math.nan if factor is None else factor)


def _was_tried(config: Config, task: Task) -> bool:
    if task.space is None:
        return False
    key = Encoder.of(task.space).key
    return key(config) in {key(trial.config) for trial in task.done}

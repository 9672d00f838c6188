"""What losses of a metric can be: nothing beyond is expected, and a trial beyond is told of."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from foretune.data.metrics import LOWER_IS_BETTER, highest_loss, lowest_loss
from foretune.data.records import Floats, Task

LARGEST: Final = 1e100  # of a loss; what is reckoned with the squares of much larger ones overflows


def reckoned(task: Task) -> Task:
    """The task with losses that can be reckoned with: those beyond, as of failures, are at the limit."""
    if all(abs(trial.loss or 0.0) <= LARGEST for trial in task.trials):
        return task
    drawn = [None if t.loss is None else min(max(t.loss, -LARGEST), LARGEST) for t in task.trials]
    trials = (replace(trial, loss=loss) for trial, loss in zip(task.trials, drawn, strict=True))
    return replace(task, trials=tuple(trials))


@dataclass(frozen=True, slots=True)
class LossRange:
    """The least and the greatest loss that there can be by this metric; infinite where that is not known."""

    metric: str
    low: float = -math.inf
    high: float = math.inf

    @classmethod
    def of(cls, tasks: Sequence[Task]) -> "LossRange":
        """That of the metric of these tasks; any at all where one of their losses is beyond it."""
        metric = tasks[0].metric
        found = cls(metric, lowest_loss(metric), highest_loss(metric))
        return found if all(found._holds(task) for task in tasks) else cls(metric)

    def on(self, task: Task) -> "LossRange":
        """That of a task, whose losses may be of another kind than those of the past."""
        same = task.metric == self.metric and self._holds(task)
        return self if same else LossRange(task.metric)

    def doubt(self, task: Task) -> str:
        """What to say where a loss of the task's trials fits only with its sign turned; else nothing."""
        for loss in (trial.loss for trial in task.done if task.metric == self.metric):
            if loss and not self.low <= loss <= self.high and self.low <= -loss <= self.high:
                how = "as it is" if self.metric in LOWER_IS_BETTER else "with its sign turned"
                return (
                    f"{loss:g} is no loss by {self.metric}, so the search may go the wrong way: give the "
                    f"score {how}, loss={-loss:g} for {self.metric}={abs(loss):g}"
                )
        return ""

    def _holds(self, task: Task) -> bool:
        """Whether every loss of the task's finished trials is within."""
        return all(self.low <= trial.loss <= self.high for trial in task.done if trial.loss is not None)

    def clipped(self, losses: Floats) -> Floats:
        """The losses, those beyond it drawn to its end."""
        return np.clip(losses, self.low, self.high)

    def expected(self, mean: float, std: float) -> tuple[float, float]:
        """Mean and std of a forecast, within: none spreads by more than half of what there is."""
        return min(max(mean, self.low), self.high), min(std, (self.high - self.low) / 2)

"""What losses of a metric can be: a trial beyond that is a mistake, and nothing beyond it is expected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from foretune.data.errors import LearningError
from foretune.data.metrics import LOWER_IS_BETTER, highest_loss, lowest_loss
from foretune.data.records import Floats, Task

ANY: Final = float("inf")


@dataclass(frozen=True, slots=True)
class LossRange:
    """The least and the greatest loss that there can be by this metric; infinite where that is not known."""

    metric: str
    low: float = -ANY
    high: float = ANY

    @classmethod
    def of(cls, tasks: Sequence[Task]) -> "LossRange":
        """That of the metric of these tasks; any at all where one of their losses is beyond it."""
        metric = tasks[0].metric
        found = cls(metric, lowest_loss(metric), highest_loss(metric))
        return found if all(found._holds(task) for task in tasks) else cls(metric)

    def on(self, task: Task) -> "LossRange":
        """That of a task, which may be judged otherwise than this metric usually is.

        Raises `LearningError` where a loss of its trials fits only with its sign turned.
        """
        if task.metric != self.metric:
            return LossRange(task.metric)
        for trial in task.done:
            loss = trial.loss or 0.0
            if not self.low <= loss <= self.high and self.low <= -loss <= self.high:
                how = "as it is" if self.metric in LOWER_IS_BETTER else "with its sign turned"
                raise LearningError(
                    f"{loss:g} is no loss by {self.metric}: give the score {how}, loss={-loss:g} for "
                    f"{self.metric}={abs(loss):g}."
                )
        return self if self._holds(task) else LossRange(self.metric)

    def _holds(self, task: Task) -> bool:
        """Whether every loss of the task's finished trials is within."""
        return all(self.low <= trial.loss <= self.high for trial in task.done if trial.loss is not None)

    def clipped(self, losses: Floats) -> Floats:
        """The losses, those beyond it drawn to its end."""
        return np.clip(losses, self.low, self.high)

    def expected(self, mean: float, std: float) -> tuple[float, float]:
        """Mean and std of a forecast, within: none spreads by more than half of what there is."""
        return min(max(mean, self.low), self.high), min(std, (self.high - self.low) / 2)

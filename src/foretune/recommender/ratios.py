"""Losses of which only ratios mean something (an RMSE, a log loss), as their logarithms and back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from foretune.data.metrics import goes_by_ratio
from foretune.data.records import Floats, Forecast, Mask, Task
from foretune.recommender.stopping import Outlook, Stopping

LEAST: Final = 1e-3  # of a task's median loss: what is less counts as that, for the logarithm of 0 has no end
QUANTILE: Final = 0.8416212335729143  # of a normal, below which are 80 %
NORMAL: Final = 1.2815515594600038  # half the width of an interval that holds 80 %, in standard deviations
LARGEST: Final = 230.0  # a logarithm beyond which losses could not be reckoned with


def by_ratio(tasks: Sequence[Task]) -> bool:
    """Whether these tasks are compared by ratios: their metric is one, and none of their losses below 0."""
    losses = (trial.loss for task in tasks for trial in task.done)
    return goes_by_ratio(tasks[0].metric) and all(loss is None or loss >= 0 for loss in losses)


def compared(tasks: Sequence[Task]) -> Sequence[Task]:
    """The tasks with their losses as they are compared: as logarithms where ratios count."""
    return [Ratios.of(task).told(task) for task in tasks] if by_ratio(tasks) else tasks


@dataclass(frozen=True)
class Ratios:
    """How the losses of one task are told as logarithms, by their median.

    Losses of another kind, some of which are below 0, are told by their distance from it, as a logarithm
    near the median is.
    """

    median: float
    straight: bool = False

    @classmethod
    def of(cls, task: Task) -> "Ratios":
        """Those of the task's finished trials."""
        losses = [trial.loss for trial in task.done if trial.loss is not None]
        if not losses:
            return cls(1.0)
        unit = abs(float(np.median(losses))) or max(map(abs, losses))
        return cls(unit or 1.0, straight=min(losses) < 0)

    def told(self, task: Task) -> Task:
        """The task with logarithms in the place of its losses."""
        trials = (one if one.loss is None else replace(one, loss=self.log(one.loss)) for one in task.trials)
        return replace(task, trials=tuple(trials))

    def log(self, loss: float) -> float:
        """The logarithm of a loss."""
        return loss / self.median if self.straight else math.log(max(loss, LEAST * self.median))

    def losses(self, logs: Floats) -> Floats:
        """The losses that have these logarithms."""
        return logs * self.median if self.straight else np.exp(np.clip(logs, -LARGEST, LARGEST))

    def natural(self, forecast: Forecast) -> Forecast:
        """The forecast with mean and std in units of loss; its scenarios stay logarithms, and it tells whose.

        The mean is the median of a log-normal loss. Its std is what makes mean ± 1.28 std hold 80 %: where
        the logarithm spreads widely, nearly all that is left out lies above.
        """
        mean, factor = self.losses(forecast.mean), forecast.std
        if not self.straight:
            factor = np.maximum(factor, np.expm1(np.minimum(QUANTILE * factor, LARGEST)) / NORMAL)
        std = factor * (self.median if self.straight else mean)
        return replace(forecast, mean=mean, std=std, as_losses=self.losses)

    def outlook(
        self, stopping: Stopping, forecast: Forecast, tried: Mask, best: float, tolerance: float
    ) -> Outlook:
        """The outlook by a stopping that was learned from logarithms; `tolerance` is in units of loss."""
        log = self.log(best)
        found = stopping.outlook(forecast, tried, log, log - self.log(best - tolerance))
        gain = best - float(self.losses(np.array(log - found.gain)))
        return Outlook(gain, found.probability, tolerance)

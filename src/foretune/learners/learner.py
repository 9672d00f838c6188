"""What every learner promises, and the scale on which losses of different tasks are comparable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

import numpy as np

from foretune.data.errors import LearningError
from foretune.data.records import Config, Floats, Forecast, Task

# In typical regrets. On cross-validated scores of our own three families 2, 4 and 8 differed by less than
# their standard errors; on three published histories, where 1, 4 and no limit were tried, no limit was best.
SATURATION: Final = 4.0


class Learner(Protocol):
    """Learns from past tasks; forecasts the loss of configs on a new task.

    The new task may hold trials of its own: the forecast takes them in. `forecast` gives mean and std (n,)
    in units of loss for n configs. Raises `LearningError` where the past tasks teach nothing.
    """

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The learner itself, having learned from these tasks and forgotten all others."""
        ...

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """The loss to expect of each config on this task."""
        ...


@dataclass(frozen=True, slots=True)
class RegretScale:
    """Makes losses comparable across tasks: regret against the task's best, saturating at `limit`.

    `badness` is 1 - exp(-regret / limit), in [0, 1): small differences near the best count in full, and among
    hopeless configs none counts, so that a task with a few disastrous configs does not drown the rest.
    `limit`, in units of loss, is a multiple of the typical regret: the median over the tasks of how far half
    of the configs stay behind. So scaling or shifting all losses alike changes nothing.
    """

    limit: float

    @classmethod
    def of(cls, losses: Floats) -> Self:
        """The scale that suits the losses (tasks, configs) of past tasks, NaN where one is not known."""
        spread = np.nanmedian(losses, axis=1) - np.nanmin(losses, axis=1)
        positive = spread[spread > 0]
        return cls(SATURATION * float(np.median(positive)) if len(positive) else 1.0)

    def badness(self, regret: Floats) -> Floats:
        """Regret in units of loss -> [0, 1)."""
        return 1.0 - np.exp(-np.maximum(regret, 0.0) / self.limit)

    def regret(self, badness: Floats) -> Floats:
        """The inverse of `badness`, up to a regret of 7 limits."""
        return -self.limit * np.log1p(-np.clip(badness, 0.0, 0.999))


def taught(tasks: Sequence[Task]) -> list[Task]:
    """The tasks that hold at least two finished trials; `LearningError` where there is none."""
    useful = [task for task in tasks if len(task.done) > 1]
    if not useful:
        raise LearningError(
            "no past task holds two finished trials: there is nothing to learn from. "
            "Collect or import some first, or use the shipped experience."
        )
    return useful

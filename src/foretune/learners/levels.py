"""How good the best config of a new task will be: its level, from meta-features and then from its trials."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from foretune.data.records import Floats, Mask
from foretune.learners.trees import Trees, grow_trees

TREES = 50
FEWEST_TASKS = 10


@dataclass(frozen=True, slots=True)
class Level:
    """A normal belief about the lowest loss that a task allows, in units of loss."""

    mean: float
    std: float

    def updated(self, observed: Floats, noise: float) -> Self:
        """The belief after n direct observations (n,) of the level, each with this noise."""
        precision = 1.0 / self.std**2 + len(observed) / noise**2
        mean = (self.mean / self.std**2 + float(observed.sum()) / noise**2) / precision
        return type(self)(mean, precision**-0.5)


class Levels:
    """Forecasts the level from points in meta-feature space; the mean of the past where there are none.

    The landmarkers among the meta-features are what makes this possible; the std is that of the forecasts
    on past tasks that the respective trees had not seen. `described` (n,) tells which past tasks have any:
    the others teach no trees. One past task alone does not tell how levels differ: they are taken to by
    `alone`.
    """

    def __init__(self, points: Floats, best: Floats, described: Mask, *, alone: float = 0.0) -> None:
        std = float(best.std()) if len(best) > 1 else alone
        self._usual = Level(float(best.mean()), std + 1e-9)
        self._trees: Trees | None = None
        points, best = points[described], best[described]
        if len(best) >= FEWEST_TASKS:
            self._trees = grow_trees(points, best, trees=TREES, leaf=2, share=0.5, bootstrap=True)
            self._std = float(np.sqrt(np.mean(self._trees.unseen_errors(points, best) ** 2))) + 1e-9

    def forecast(self, point: Floats) -> Level:
        """The level of a dataset at this point (d,)."""
        if self._trees is None:
            return self._usual
        return Level(float(self._trees.predict(point[None])[0]), self._std)

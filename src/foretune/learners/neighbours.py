"""Nearest tasks: what was good on datasets with similar meta-features."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from foretune.data.records import Config, Floats, Forecast, Task
from foretune.features.metaspace import filled
from foretune.learners.mixture import Mixture

NEIGHBOURS = 10  # the weight of a task falls to 1/e at the distance of the tenth nearest


class Neighbours:
    """Weighs past tasks by the similarity of their datasets; where that is not known, as the usual one.

    Source: Feurer, Springenberg, Hutter 2015, doi:10.1609/aaai.v29i1.9354, with smooth weights in place of
    the k nearest.
    """

    def __init__(self, *, neighbours: int = NEIGHBOURS) -> None:
        self._neighbours = neighbours

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The neighbours among these tasks."""
        self._mixture = Mixture(tasks)
        return self

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """The weighted mean over the past tasks, those that agree with the new one's trials weighing more."""
        return self._mixture.forecast(task, configs, self.weights(task))

    def weights(self, task: Task) -> Floats:
        """The share of each past task (tasks,) before any trial."""
        distance = 1.0 - filled(self._mixture.metaspace.similarities(task.metafeatures))
        reach = np.sort(distance)[min(self._neighbours, len(distance)) - 1]
        weights = np.exp(-((distance / max(reach, 1e-9)) ** 2))
        return self._mixture.trusted(np.asarray(weights / weights.sum()))

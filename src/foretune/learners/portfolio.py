"""The greedy portfolio: configs that together were good on all past tasks."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from foretune.data.records import Config, Floats, Forecast, Task
from foretune.learners.mixture import Mixture


class Portfolio:
    """The honest baseline: every trusted past task counts the same, and meta-features are not looked at.

    With the acquisition of `recommender.acquisition` it is the greedy algorithm: the next config is the one
    that adds most, on average over the past tasks, to the best of those already tried.
    Source: Wistuba, Schilling, Schmidt-Thieme 2015, doi:10.1109/DSAA.2015.7344817 (sequential portfolio).
    """

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The portfolio of these tasks."""
        self._mixture = Mixture(tasks)
        return self

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """The mean over the past tasks; the new task's own trials only move its level."""
        return self._mixture.forecast(task, configs, self.weights(task), by_agreement=False)

    def weights(self, task: Task) -> Floats:
        """The share of each past task (tasks,): all equal, but for those that are trusted less."""
        n = len(self._mixture.tasks)
        return self._mixture.trusted(np.full(n, 1.0 / n))

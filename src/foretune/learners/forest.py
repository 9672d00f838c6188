"""Learned neighbours: a forest on meta-features finds out which past tasks a dataset will behave like."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from foretune.data.records import Config, Floats, Forecast, Ints, Task
from foretune.data.spaces import sobol_configs
from foretune.learners.mixture import Mixture
from foretune.learners.trees import Trees, grow_trees

TREES = 100
LEAF = 3  # of 2, 3, 5 and 10 the best on 100 tasks each of three published histories, none of them ours
JUDGED = 64  # configs whose losses the forest learns to forecast
FEWEST_TASKS = 10  # with fewer past tasks there is nothing to learn a similarity from


class Forest:
    """Weighs past tasks by how often a forest puts them into the same leaf as the new dataset.

    The trees map meta-features to the badness of many configs at once, so two datasets are alike where that
    matters for tuning, and only there: where the choice is among few configs, among those. A forest's
    forecast is the weighted mean of its training tasks; these are the weights. Source: Meinshausen 2006,
    Journal of Machine Learning Research 7 (forests as weights); Geurts, Ernst, Wehenkel 2006,
    doi:10.1007/s10994-006-6226-1 (extremely randomised trees).
    """

    def __init__(self, *, trees: int = TREES, leaf: int = LEAF) -> None:
        self._size, self._leaf = trees, leaf

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The forest of these tasks; without meta-features or with few tasks all of them count the same."""
        self.mixture = Mixture(tasks)
        self._grown: dict[frozenset[str], tuple[Trees, Ints]] = {}
        return self

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """The weighted mean over the past tasks, those that agree with the new one's trials weighing more."""
        return self.mixture.forecast(task, configs, self.weights(task, configs))

    def weights(self, task: Task, configs: Sequence[Config]) -> Floats:
        """The share of each past task (tasks,) in a choice among these configs, before any trial."""
        points = self.mixture.metaspace.known
        if not points.shape[1] or len(points) < FEWEST_TASKS:
            return self.mixture.trusted(np.full(len(points), 1.0 / len(points)))
        trees, leaves = self._trees(configs)
        together = leaves == trees.leaves(self.mixture.metaspace.points([task.metafeatures]))
        return self.mixture.trusted(np.asarray((together / together.sum(axis=0)).mean(axis=1)))

    def _trees(self, configs: Sequence[Config]) -> tuple[Trees, Ints]:
        """The trees for a choice among these configs, and the leaves (tasks, trees) of the past tasks."""
        keys = frozenset(map(self.mixture.encoder.key, configs))
        judged = 1 < len(keys) <= JUDGED
        keys = keys if judged else frozenset()
        if keys not in self._grown:
            self._grown[keys] = self._grow(configs if judged else self._representatives())
        return self._grown[keys]

    def _grow(self, configs: Sequence[Config]) -> tuple[Trees, Ints]:
        mixture, points = self.mixture, self.mixture.metaspace.known
        losses = mixture.surfaces.losses(configs)
        badness = mixture.scale.badness(losses - losses.min(axis=1, keepdims=True))
        trees = grow_trees(points, badness, trees=self._size, leaf=self._leaf, share=1 / 3)
        return trees, trees.leaves(points)

    def _representatives(self) -> list[Config]:
        """Configs that most tasks tried, or where each tried its own, ones spread evenly over the space."""
        shared = self.mixture.surfaces.shared(JUDGED)
        return shared if len(shared) >= 8 else [*sobol_configs(self.mixture.space, JUDGED)]

"""Which family to try first: how often each was the best, or close to it, on past datasets like this one."""

from collections.abc import Mapping, Sequence
from typing import Final, Self

import numpy as np

from foretune.data.metrics import LOWER_IS_BETTER
from foretune.data.records import Floats, Task
from foretune.features.metaspace import MetaSpace
from foretune.learners.trees import grow_trees

CLOSE: Final = 0.01  # of a score that is at most 1; of the best loss itself where losses have units
FEWEST_DATASETS: Final = 10  # with fewer there is nothing to learn a similarity from
TREES: Final = 200
LEAF: Final = 2


class FamilyRanking:
    """The odds that each family is the best on a new dataset, or within 0.01 of the best.

    A forest learns from meta-features which families came close on which past datasets; the datasets that
    share leaves with the new one vote, each with the families that it tried. Forecasts of losses compare
    families less well: each comes from datasets of its own, and an error of 0.02 in a level turns the order.

    Source: Meinshausen 2006, Journal of Machine Learning Research 7 (forests as weights).
    """

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The ranking that these tasks of many families teach; all must be judged by one metric."""
        close = _came_close(tasks)
        self.families = sorted({family for row in close.values() for family in row})
        rows = [[row.get(family, np.nan) for family in self.families] for row in close.values()]
        self._close = np.array(rows, dtype=np.float64).reshape(len(close), len(self.families))
        described = {_dataset(task): task.metafeatures for task in tasks}
        self._space = MetaSpace([described[name] for name in close])
        return self

    def odds(self, metafeatures: Mapping[str, float]) -> dict[str, float]:
        """Each family with its odds in [0, 1]; empty where fewer than 10 past datasets compare families."""
        if len(self._close) < FEWEST_DATASETS:
            return {}
        compared = np.isfinite(self._close)
        weights = self._weights(metafeatures)
        votes = weights @ np.where(compared, self._close, 0.0)
        shares = votes / np.maximum(weights @ compared, 1e-12)
        return {family: float(share) for family, share in zip(self.families, shares, strict=True)}

    def _weights(self, metafeatures: Mapping[str, float]) -> Floats:
        """The vote (datasets,) of each past dataset."""
        known = self._space.known
        if not known.shape[1]:
            return np.full(len(known), 1.0 / len(known))
        usual = np.nanmean(self._close, axis=0)
        targets = np.where(np.isfinite(self._close), self._close, usual)
        trees = grow_trees(known, targets, trees=TREES, leaf=LEAF, share=1 / 3)
        together = trees.leaves(known) == trees.leaves(self._space.points([metafeatures]))
        return np.asarray((together / together.sum(axis=0)).mean(axis=1))


def _came_close(tasks: Sequence[Task]) -> dict[str, dict[str, float]]:
    """For each dataset that tried two families or more: whether (1.0 or 0.0) each of them came close."""
    best: dict[str, dict[str, float]] = {}
    for task in tasks:
        if task.best is not None and task.best.loss is not None:
            best.setdefault(_dataset(task), {})[task.family] = task.best.loss
    in_units = any(task.metric in LOWER_IS_BETTER for task in tasks)
    return {name: _close(row, in_units=in_units) for name, row in best.items() if len(row) > 1}


def _close(losses: Mapping[str, float], *, in_units: bool) -> dict[str, float]:
    best = min(losses.values())
    far = CLOSE * abs(best) if in_units else CLOSE
    return {family: float(loss <= best + far) for family, loss in losses.items()}


def _dataset(task: Task) -> str:
    return task.dataset or task.name

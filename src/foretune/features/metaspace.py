"""Datasets as points: each meta-feature by its rank among those of the datasets already known."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from foretune.data.records import Floats, Mask

UNKNOWN = 0.5  # a missing meta-feature stands in the middle: it makes no dataset special
ENOUGH = 0.5  # a meta-feature is used when this share of the datasets has it


class MetaSpace:
    """Places datasets by the meta-features that at least half of the known ones have, of those with any.

    A coordinate is the share of known datasets whose value is lower (ties count half), so that no scale,
    unit or outlier matters; beyond the known ones it is 0 or 1.

    >>> space = MetaSpace([{"rows": 10.0}, {"rows": 1000.0}])
    >>> space.points([{"rows": 500.0}, {"rows": 1e9}, {}]).tolist()
    [[0.5], [1.0], [0.5]]
    """

    def __init__(self, known: Sequence[Mapping[str, float]]) -> None:
        counts = Counter(name for one in known for name, value in one.items() if np.isfinite(value))
        described = sum(any(map(np.isfinite, one.values())) for one in known)
        self.names = [name for name, count in counts.items() if count >= ENOUGH * described]
        values = self.values(known)
        self.described: Mask = np.asarray(np.isfinite(values).any(axis=1))  # (known,): others tell nothing
        self._sorted = [np.sort(column[np.isfinite(column)]) for column in values.T]
        self.known = self.points(known)

    def values(self, datasets: Sequence[Mapping[str, float]]) -> Floats:
        """The meta-features (n, d) of n datasets as they are; NaN where one is missing or infinite."""
        rows = [[one.get(name, np.nan) for name in self.names] for one in datasets]
        found = np.array(rows, dtype=np.float64).reshape(len(datasets), len(self.names))
        return np.where(np.isfinite(found), found, np.nan)

    def points(self, datasets: Sequence[Mapping[str, float]]) -> Floats:
        """The points (n, d) of n datasets, in [0, 1]."""
        values = self.values(datasets)
        points = np.full(values.shape, UNKNOWN)
        for k, known in enumerate(self._sorted):
            column = values[:, k]
            finite = np.isfinite(column)
            below = np.searchsorted(known, column[finite], side="left")
            upto = np.searchsorted(known, column[finite], side="right")
            points[finite, k] = (below + upto) / (2 * len(known))
        return points

    def similarities(self, dataset: Mapping[str, float]) -> Floats:
        """How alike each known dataset is, (known,) in [0, 1]: 1 minus the mean difference in rank.

        NaN where there is nothing to compare, as one of the two has none of the meta-features.
        """
        if not any(np.isfinite(dataset.get(name, np.nan)) for name in self.names):
            return np.full(len(self.known), np.nan)
        alike = 1.0 - np.abs(self.known - self.points([dataset])).mean(axis=1)
        return np.where(self.described, alike, np.nan)


def filled(alike: Floats) -> Floats:
    """The similarities (n,) with the median of those that are known for those that are not."""
    known = alike[np.isfinite(alike)]
    return np.where(np.isfinite(alike), alike, np.median(known) if len(known) else 1.0)

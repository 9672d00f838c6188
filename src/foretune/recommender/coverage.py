"""Whether the history holds anything like a dataset; where it does not, it had better not speak first."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from foretune.data.records import Floats, Task, sides_of
from foretune.features.metaspace import MetaSpace

FEWEST_GROUPS: Final = 10  # with fewer nobody knows how far apart datasets usually are
MOST_ASKED: Final = 300  # past datasets that are compared with all others, evenly spread
RARE: Final = 0.05  # the share of past datasets that are less like the others than is usual
CLOSE: Final = 0.05  # no dataset at this distance is unlike another
BEYOND: Final = 0.1  # of the range of what is known: so far beyond it a meta-feature is like none of them
DIGITS: Final = 1e-5  # relative: of meta-features a pack holds six digits


class Coverage:
    """Compares how alike a dataset is to the past ones with how alike these are to each other.

    The similarity to the nearest is 1 minus the mean difference in rank of the meta-features, each of which
    counts one more where it lies far beyond all known ones: ranks alone end there. A dataset is *unlike* all
    others where it is less similar to them than 19 of 20 past datasets are to those of other groups, so that
    of datasets like the past ones one in twenty is called unlike (Vovk, Gammerman, Shafer 2005, Algorithmic
    Learning in a Random World). Nothing is said of a dataset without meta-features.
    """

    def __init__(self, tasks: Sequence[Task], space: MetaSpace) -> None:
        self._space, self._values = space, space.values([task.metafeatures for task in tasks])
        sides = np.array(sides_of(tasks))
        self._least: float | None = None
        if space.known.shape[1] and len(set(sides.tolist())) >= FEWEST_GROUPS:
            found = []
            for k in np.unique(np.linspace(0, len(tasks) - 1, MOST_ASKED).astype(int)):
                others = sides != sides[k]
                distance = float(np.abs(space.known[others] - space.known[k]).mean(axis=1).min())
                found.append(distance + _beyond(self._values[k], self._values[others]))
            self._least = 1.0 - max(float(np.quantile(found, 1 - RARE, method="higher")), CLOSE)

    @property
    def usual(self) -> float | None:
        """The similarity that 19 of 20 datasets have at least; None where that is not known."""
        return self._least

    def nearest(self, metafeatures: Mapping[str, float]) -> float:
        """The similarity to the nearest past dataset, in [0, 1]; 0 where there are no meta-features."""
        similarity = float(self._space.similarities(metafeatures).max())
        beyond = _beyond(self._space.values([metafeatures])[0], self._values) if similarity else 0.0
        return max(similarity - beyond, 0.0)

    def warning(self, metafeatures: Mapping[str, float]) -> str:
        """What to tell the user of such a dataset where it is unlike all known ones; else nothing."""
        described = np.isfinite(self._space.values([metafeatures])).any()
        if self._least is None or not described or (nearest := self.nearest(metafeatures)) >= self._least:
            return ""
        return (
            f"no past dataset is like this one (similarity to the nearest {nearest:.2f}, where at least "
            f"{self._least:.2f} is usual)"
        )


def _beyond(values: Floats, known: Floats) -> float:
    """The share of the values (d,) that lie far beyond all known ones (n, d)."""
    low, high = np.fmin.reduce(known, axis=0), np.fmax.reduce(known, axis=0)  # of those that are not NaN
    with np.errstate(over="ignore"):
        margin = BEYOND * (high - low) + DIGITS * np.maximum(np.abs(low), np.abs(high))
        return float(np.mean((values < low - margin) | (values > high + margin)))

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
    Learning in a Random World). Nothing is said of a dataset without meta-features, nor by one.
    """

    def __init__(self, tasks: Sequence[Task], space: MetaSpace) -> None:
        known, values = space.known[space.described], space.values([task.metafeatures for task in tasks])
        self._space, self._values = space, values[space.described]
        sides = np.array(sides_of(tasks))[space.described]
        self._least: float | None = None
        if len(set(sides.tolist())) >= FEWEST_GROUPS:
            found = []
            for k in np.unique(np.linspace(0, len(known) - 1, MOST_ASKED).astype(int)):
                others = sides != sides[k]
                distance = float(np.abs(known[others] - known[k]).mean(axis=1).min())
                found.append(distance + _beyond(self._values[k], self._values[others]))
            self._least = 1.0 - max(float(np.quantile(found, 1 - RARE, method="higher")), CLOSE)

    @property
    def usual(self) -> float | None:
        """The similarity that 19 of 20 datasets have at least; None where that is not known."""
        return self._least

    def nearest(self, metafeatures: Mapping[str, float]) -> float | None:
        """The similarity to the nearest past dataset, in [0, 1]; None where meta-features are missing."""
        alike = self._space.similarities(metafeatures)
        if not np.isfinite(alike).any():
            return None
        beyond = _beyond(self._space.values([metafeatures])[0], self._values)
        return max(float(np.nanmax(alike)) - beyond, 0.0)

    def warning(self, metafeatures: Mapping[str, float]) -> str:
        """What to tell the user of such a dataset where it is unlike all known ones; else nothing."""
        nearest = self.nearest(metafeatures)
        if self._least is None or nearest is None or nearest >= self._least:
            return ""
        digits = 2 if round(nearest, 2) < round(self._least, 2) else 4
        found, usual = f"{nearest:.{digits}f}", f"{self._least:.{digits}f}"
        return (
            f"no past dataset is like this one (similarity to the nearest {found}, where at least {usual} is "
            "usual)"
        )

    def silence(self, metafeatures: Mapping[str, float]) -> str:
        """What to tell the user of a dataset with meta-features where no past one has any; else nothing."""
        if self._space.described.any() or not any(map(np.isfinite, metafeatures.values())):
            return ""
        return "past datasets have no meta-features: how alike this one is to them is not known"


def _beyond(values: Floats, known: Floats) -> float:
    """The share of the values (d,) that lie far beyond all known ones (n, d)."""
    low, high = np.fmin.reduce(known, axis=0), np.fmax.reduce(known, axis=0)  # of those that are not NaN
    with np.errstate(over="ignore"):
        margin = BEYOND * (high - low) + DIGITS * np.maximum(np.abs(low), np.abs(high))
        return float(np.mean((values < low - margin) | (values > high + margin)))

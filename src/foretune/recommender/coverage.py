"""Whether the history holds anything like a dataset; where it does not, it had better not speak first."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from foretune.data.records import Task, sides_of
from foretune.features.metaspace import MetaSpace

FEWEST_GROUPS: Final = 10  # with fewer nobody knows how far apart datasets usually are
FARTHER: Final = 1.5  # times as far from all others as the loneliest past dataset: then it is unlike them
CLOSE: Final = 0.05  # no dataset at this distance, a mean difference in rank, is unlike another


class Coverage:
    """Compares a dataset's nearest neighbour with how near the nearest of past datasets are to each other.

    A dataset is *unlike* all others where it is clearly farther from its nearest than any past dataset is
    from its own nearest (of another group). Nothing is said of a dataset without meta-features.
    """

    def __init__(self, tasks: Sequence[Task], space: MetaSpace) -> None:
        self._space = space
        sides = np.array(sides_of(tasks))
        self._least: float | None = None
        if space.known.shape[1] and len(set(sides.tolist())) >= FEWEST_GROUPS:
            nearest = []
            for side, point in zip(sides, space.known, strict=True):
                others = space.known[sides != side]
                nearest.append(1.0 - float(np.abs(others - point).mean(axis=1).min()))
            self._least = 1.0 - max(FARTHER * (1.0 - min(nearest)), CLOSE)

    @property
    def usual(self) -> float | None:
        """The similarity to its nearest that a dataset usually has at least; None where that is not known."""
        return self._least

    def nearest(self, metafeatures: Mapping[str, float]) -> float:
        """The similarity of a dataset to the past one nearest to it, in [0, 1]."""
        return float(self._space.similarities(metafeatures).max())

    def warning(self, metafeatures: Mapping[str, float]) -> str:
        """What to tell the user of such a dataset where it is unlike all known ones; else nothing."""
        if self._least is None:
            return ""
        nearest = self.nearest(metafeatures)
        if not 0.0 < nearest < self._least:
            return ""
        return (
            f"no past dataset is like this one (similarity to the nearest {nearest:.2f}, where at least "
            f"{self._least:.2f} is usual): the library's default comes first."
        )

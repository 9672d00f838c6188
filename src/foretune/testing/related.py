"""Made-up tasks that are related through a meta-feature: what is best on one tells what is on another."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from ConfigSpace import ConfigurationSpace, Float

from foretune.data.records import (
    Config,
    Task,
    Trial,
)
from foretune.data.spaces import add_mixed, grid_cells

if TYPE_CHECKING:
    pass

RELATED_CELLS: Final = grid_cells({"C": [0.001, 0.1, 1, 10.0, 1000.0], "gamma": ["scale", 1e-4, 0.01, 1.0]})


def related_space() -> ConfigurationSpace:
    """The space of `related_tasks`: C on a log scale, and gamma, which is "scale" or a number."""
    space = ConfigurationSpace()
    space.add(Float("C", (1e-3, 1e3), log=True, default=1.0))
    add_mixed(space, Float("gamma", (1e-5, 10.0), log=True, default=0.1), ["scale"], default="scale")
    return space


def related_loss(config: Config, size: float, level: float) -> float:
    """The loss of a config on the related task of this size and level.

    The best C grows with the size, from 0.01 at 0 to 100 at 1; the best gamma is 0.01 wherever; the level is
    the lowest loss that the task allows.
    """
    gamma = config.get("gamma", "scale")
    behind = 0.1 if gamma == "scale" else 0.05 * abs(math.log10(gamma) + 2)
    return level + 0.02 * (math.log10(config.get("C", 1.0)) - (4 * size - 2)) ** 2 + behind


def related_task(name: str, size: float, level: float, *, cells: Sequence[Config] = ()) -> Task:
    """The task of this size and level, which are its meta-features too, with a trial of each cell."""
    trials = tuple(Trial(cell, related_loss(cell, size, level), seconds=0.1) for cell in cells)
    metafeatures = {"size": size, "landmark": level}
    return Task(
        name, "svm", related_space(), dataset=f"data of {name}", metafeatures=metafeatures, trials=trials
    )


def related_tasks(n: int = 24, *, cells: Sequence[Config] = RELATED_CELLS, seed: int = 0) -> list[Task]:
    """Tasks whose sizes and levels are spread at random over [0, 1], each with a trial of each cell."""
    sizes, levels = np.random.default_rng(seed).random((2, n)).tolist()
    return [related_task(f"past {k}", sizes[k], levels[k], cells=cells) for k in range(n)]

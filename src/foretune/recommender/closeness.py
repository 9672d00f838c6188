"""How far losses on one dataset stay behind the best of them, in units that compare across datasets."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from foretune.data.metrics import LOWER_IS_BETTER
from foretune.data.records import Floats, Task

CLOSE: Final = 0.01  # of a score that is at most 1; of the best loss itself where losses have units
FALL: Final = 0.02  # so far behind the best a family's closeness has fallen from 1 to 1/e
HOPELESS: Final = 1e3  # so far behind all are alike: where the best loss is nearly 0, gaps have no end


def are_errors(tasks: Sequence[Task]) -> bool:
    """Whether the tasks' losses are errors, whose gaps are told as shares of the best one."""
    return any(task.metric in LOWER_IS_BETTER for task in tasks)


def gaps(losses: Mapping[str, float], *, errors: bool) -> dict[str, float]:
    """How far each loss is behind the lowest: as it is, or of `errors` as a share of that one."""
    best = min(losses.values(), default=0.0)
    unit = max(abs(best), sys.float_info.min) if errors else 1.0
    return {name: (loss - best) / unit for name, loss in losses.items()}


def closeness(behind: Floats) -> Floats:
    """Gaps of any shape as degrees in (0, 1]: 1 at the best one, 1/e at 0.02 behind; NaN stays."""
    return np.asarray(np.exp(-np.minimum(behind, HOPELESS) / FALL))


def near(losses: Mapping[str, float], *, errors: bool) -> dict[str, float]:
    """How close each loss is to the lowest, in (0, 1]."""
    behind = gaps(losses, errors=errors)
    return dict(zip(behind, closeness(np.array([*behind.values()])).tolist(), strict=True))


def dataset_of(task: Task) -> str:
    """What names the task's dataset."""
    return task.dataset or task.name

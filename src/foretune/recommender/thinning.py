"""Very large pasts thinned to what can be learned from in a minute; others are left as they are."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from foretune.data.records import Task, Trial, canonical

MOST_CONFIGS: Final = 40_000  # different ones of all past tasks; every task is asked about each of them
BEST: Final = 5  # trials of each task that are always kept
FEWEST: Final = 20  # trials that each task keeps, however many tasks there are


def thinned(tasks: Sequence[Task]) -> list[Task]:
    """The tasks themselves, or where they tried too many different configs, each with fewer trials.

    A task keeps its best trials and others drawn from all of them, the same ones each time, in their order;
    tasks of few trials keep all.
    """
    if sum(len(task.trials) for task in tasks) <= MOST_CONFIGS or _different(tasks) <= MOST_CONFIGS:
        return list(tasks)
    share = max(MOST_CONFIGS // len(tasks), FEWEST)
    return [task if len(task.trials) <= share else _with_fewer(task, share) for task in tasks]


def _different(tasks: Sequence[Task]) -> int:
    return len({canonical(trial.config) for task in tasks for trial in task.trials})


def _with_fewer(task: Task, most: int) -> Task:
    best = sorted(task.done, key=lambda trial: trial.loss or 0.0)[:BEST]
    drawn = np.random.default_rng(0).permutation(len(task.trials)).tolist()
    kept: dict[int, Trial] = {id(trial): trial for trial in best}
    for place in drawn[: most - len(best)]:
        kept.setdefault(id(task.trials[place]), task.trials[place])
    return replace(task, trials=tuple(trial for trial in task.trials if id(trial) in kept))

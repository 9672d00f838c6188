"""Tasks with curves whose course is known: every config falls towards its final loss at its own pace."""

from collections.abc import Sequence
from dataclasses import replace

from foretune.data.records import Config, Task, Trial
from foretune.testing import RELATED_CELLS, related_loss, related_task, related_tasks

FULL = 8


def loss_after(config: Config, epochs: float, size: float, level: float) -> float:
    """The loss after so many epochs: what is still to come halves with each, and a large C starts higher."""
    to_come = 0.3 + 0.1 * (config["C"] > 1)
    return related_loss(config, size, level) + to_come * (2.0**-epochs - 2.0**-FULL)


def with_curves(task: Task) -> Task:
    """The task, each of its trials with the curve that leads to its loss."""
    size, level = task.metafeatures["size"], task.metafeatures["landmark"]
    trials = [
        replace(one, curve=tuple(loss_after(one.config, e, size, level) for e in range(1, FULL + 1)))
        for one in task.trials
    ]
    return replace(task, trials=tuple(trials))


def curved_tasks(cells: Sequence[Config] = RELATED_CELLS) -> list[Task]:
    """Two dozen past tasks with curves."""
    return [with_curves(task) for task in related_tasks(cells=cells)]


def new_task(*seen: tuple[Config, float], size: float = 0.3, level: float = 0.4) -> Task:
    """A task without trials but for these configs, trained for so many epochs."""
    trials = [
        Trial(config, loss_after(config, e, size, level), fidelity=None if e >= FULL else e)
        for config, e in seen
    ]
    return related_task("new", size, level).plus(*trials)

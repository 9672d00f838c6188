"""Probes: for each family the config that, tried on a dataset, tells how well the family does there."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from foretune.data.records import Config, Task, canonical
from foretune.recommender.closeness import are_errors, closeness, dataset_of, gaps

SHARED: Final = 0.8  # of a family's datasets must have tried its probe
MOST_TRIALS: Final = 500  # of a task, the first ones: what datasets share is mostly tried first


@dataclass(frozen=True)
class Probes:
    """`configs` holds each family's probe, `losses` what the probes lost: dataset -> family -> loss."""

    configs: Mapping[str, Config]
    losses: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, tasks: Sequence[Task]) -> "Probes":
        """Of each family's configs that most of its datasets tried, the closest to the best one there.

        A family whose datasets share no config has no probe.
        """
        configs: dict[str, Config] = {}
        losses: dict[str, dict[str, float]] = defaultdict(dict)
        by_family: dict[str, list[Task]] = defaultdict(list)
        for task in tasks:
            by_family[task.family].append(task)
        errors = are_errors(tasks)
        for family, members in by_family.items():
            tried = [_losses(task) for task in members]
            near: dict[str, list[float]] = defaultdict(list)
            for row in tried:
                for key, gap in gaps(row, errors=errors).items():
                    near[key].append(float(closeness(np.asarray(gap))))
            shared = {key: np.mean(found) for key, found in near.items() if len(found) >= SHARED * len(tried)}
            if shared:
                best = max(shared, key=shared.__getitem__)
                configs[family] = _config(members, best)
                for task, row in zip(members, tried, strict=True):
                    if best in row:
                        losses[dataset_of(task)][family] = row[best]
        return cls(configs, losses)


def _losses(task: Task) -> dict[str, float]:
    """What each config of the task lost, by its text; of repeats the first."""
    found: dict[str, float] = {}
    for trial in task.done[:MOST_TRIALS]:
        if trial.loss is not None:
            found.setdefault(canonical(trial.config), trial.loss)
    return found


def _config(tasks: Sequence[Task], key: str) -> Config:
    return next(trial.config for task in tasks for trial in task.done if canonical(trial.config) == key)

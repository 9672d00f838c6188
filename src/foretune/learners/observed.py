"""A task's own trials as columns of the configs at hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from foretune.data.records import DONE, RUNNING, Config, Floats, Ints, Task


@dataclass(frozen=True)
class Observed:
    """`configs` (those asked for, then what the task tried besides), and which of them were tried.

    `keys` are the configs' names, equal for equal settings. `tried` (m,) are the columns of finished configs
    and `measured` (m,) their mean losses; `losses` (m,) are these as they are learned from. `pending` (p,)
    are the columns of configs that are running.
    """

    configs: list[Config]
    keys: tuple[str, ...]
    tried: Ints
    measured: Floats
    losses: Floats
    pending: Ints

    @property
    def rows(self) -> Ints:
        """The columns that were tried, then those pending, (m + p,)."""
        return np.concatenate([self.tried, self.pending])

    @classmethod
    def of(
        cls,
        task: Task,
        configs: Sequence[Config],
        key: Callable[[Config], str],
        drawn_in: Callable[[Floats], Floats],
    ) -> "Observed":
        """The trials of the task among these configs, equal settings being one config.

        `drawn_in` makes of measured losses those that are learned from.
        """
        everything, keys = list(configs), [*map(key, configs)]
        column = {name: k for k, name in enumerate(keys)}
        losses: dict[int, list[float]] = {}
        pending: dict[int, None] = {}
        for trial in task.trials:
            if trial.fidelity is not None or trial.status not in (DONE, RUNNING):
                continue
            k = column.setdefault(name := key(trial.config), len(everything))
            if k == len(everything):
                everything.append(trial.config)
                keys.append(name)
            if trial.loss is None:
                pending[k] = None
            else:
                losses.setdefault(k, []).append(trial.loss)
        means = np.array([fmean(values) for values in losses.values()], dtype=np.float64)
        waiting = [k for k in pending if k not in losses]
        return cls(
            everything,
            tuple(keys),
            np.array([*losses], dtype=int),
            means,
            drawn_in(means),
            np.array(waiting, dtype=int),
        )

"""Configs that a search may propose, few enough for a quick choice, and new ones as the search goes on."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from ConfigSpace import ConfigurationSpace

from foretune.data.records import Config, Task, canonical
from foretune.data.spaces import sobol_configs
from foretune.recommender.proposals import best_first, fitted, variant

RECORDED: Final = 48  # the best of past tasks
SPREAD: Final = 48  # points all over the space
FRESH: Final = 16  # more of them in each stage
VARIANTS: Final = 32  # of the best two so far
REACH: Final = (0.2, 0.05, 0.01)  # how far variants differ, in widths of a range


class Pool:
    """Candidates of one space, which stay the same for a stage: a learner remembers what it knows of them.

    `whole` makes a config of the live study's own values of one of the space's.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        space: ConfigurationSpace,
        whole: Callable[[Config], Config],
        *,
        seed: int,
    ) -> None:
        self._space, self._whole, self._seed = space, whole, seed
        self._fixed: dict[str, Config] = {}
        for config in best_first(tasks):
            if len(self._fixed) >= RECORDED:
                break
            self._add(self._fixed, fitted(space, config))
        for config in sobol_configs(space, SPREAD, seed=seed):
            self._add(self._fixed, config)
        self._stage, self._now = -1, dict(self._fixed)

    def of(self, task: Task, stage: int) -> list[Config]:
        """The candidates in this stage, the variants being those of the best trials at its beginning."""
        if stage != self._stage:
            self._stage, self._now = stage, dict(self._fixed)
            if stage > 0:
                self._renew(task, np.random.default_rng((self._seed, stage)))
        return [*self._now.values()]

    def _renew(self, task: Task, rng: np.random.Generator) -> None:
        for config in sobol_configs(self._space, FRESH, seed=int(rng.integers(2**31))):
            self._add(self._now, config)
        best = sorted(task.done, key=lambda trial: trial.loss or 0.0)[:2]
        for k in range(VARIANTS if best else 0):
            config = fitted(self._space, best[k % len(best)].config)
            self._add(self._now, variant(self._space, config, rng, reach=REACH[k // 2 % len(REACH)]))

    def _add(self, found: dict[str, Config], config: dict[str, Any]) -> None:
        config = dict(self._whole(config))
        found.setdefault(canonical(config), config)

"""Random search without replacement."""

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np

from foretune.data.records import Config, Recommendation, Task
from peers.recorded import seed_for


class RandomSearch:
    """Every recorded config is as likely as any other.

    Source: Bergstra, Bengio 2012, https://jmlr.org/papers/v13/bergstra12a.html.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def fit(self, tasks: Iterable[Task]) -> Self:
        """Itself: there is nothing to learn."""
        return self

    def recommend(
        self, task: Task, n: int = 1, *, candidates: Sequence[Config] | None = None
    ) -> list[Recommendation]:
        """The next n of one random order of the candidates."""
        assert candidates is not None
        order = np.random.default_rng(seed_for(self._seed, task)).permutation(len(candidates))
        tried = len(task.trials)
        return [Recommendation(candidates[k], 0.0, 0.0) for k in order[tried : tried + n]]

"""What every peer needs of a replay: the candidates as points, and those not tried yet."""

from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np
from ConfigSpace import ConfigurationSpace

from foretune.data.records import Config, Floats, Ints, Task
from foretune.features.encoding import Encoder


class Recorded:
    """The candidates of one search, encoded once.

    `points` (m, columns) are those of the m candidates in the unit cube.
    """

    def __init__(self, task: Task, candidates: Sequence[Config], encoder: Encoder) -> None:
        self.candidates = candidates
        self.points = encoder(candidates)
        self.encoder = encoder
        self._task = task.name
        self._index = {id(config): k for k, config in enumerate(candidates)}
        self._keys: dict[str, int] | None = None

    @classmethod
    def of(
        cls, task: Task, candidates: Sequence[Config] | None, encoder: Encoder, last: "Recorded | None"
    ) -> "Recorded":
        """The candidates of this search: `last` where it is still the same one."""
        if candidates is None:
            raise ValueError("a peer chooses among recorded configs only: give candidates=[...].")
        same = last is not None and last.candidates is candidates and last._task == task.name
        return last if same and last is not None else cls(task, candidates, encoder)

    def tried(self, task: Task) -> Ints:
        """The indices of the candidates that the task has tried, in that order."""
        found = [self._at(trial.config) for trial in task.trials]
        return np.array([k for k in found if k >= 0], dtype=np.intp)

    def untried(self, task: Task) -> Ints:
        """The indices of the others."""
        return np.setdiff1d(np.arange(len(self.candidates)), self.tried(task))

    def nearest(self, point: Floats, among: Ints) -> int:
        """The candidate among these that is nearest to a point (columns,) of the cube."""
        return int(among[np.argmin(((self.points[among] - point) ** 2).sum(axis=1))])

    def _at(self, config: Config) -> int:
        """The index of a config: the very object, else one of equal setting, else -1."""
        if id(config) in self._index:
            return self._index[id(config)]
        if self._keys is None:
            self._keys = {self.encoder.key(one): k for k, one in enumerate(self.candidates)}
        return self._keys.get(self.encoder.key(config), -1)


def losses(task: Task) -> Floats:
    """The losses (n,) of the task's finished trials."""
    return np.array([trial.loss for trial in task.done], dtype=np.float64)


def space_of(tasks: Iterable[Task]) -> ConfigurationSpace:
    """The space that the tasks share."""
    return next(task.space for task in tasks if task.space is not None)


def seed_for(seed: int, task: Task) -> int:
    """A seed of its own for every task, the same in every process and whatever was played before."""
    return int(np.random.SeedSequence([seed, crc32(task.name.encode())]).generate_state(1)[0])

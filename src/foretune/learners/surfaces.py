"""The loss surface of every past task: recorded losses, and a kernel's guess at configs it never tried."""

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from foretune.data.records import FAILED, Config, Floats, Ints, Mask, Task
from foretune.features.encoding import Encoder

NOISE = 0.05  # share of a task's loss variance that no surface explains (fold noise of the first sweep)
LENGTHS = (0.3, 0.6, 1.2, 2.4)  # length scales tried, in units of the cube's edge
JUDGES = 24  # tasks that choose among them


class Surfaces:
    """Losses (tasks, configs) of past tasks at any configs of the space that `encoder` knows.

    A config that a task tried has its recorded loss there (the mean, if it was repeated); one that failed
    counts as the worst that the task saw; any other gets the posterior mean of a Gaussian process on the
    task's own trials, whose length scale is shared by all tasks and chosen by their likelihood.

    `recorded` (tasks, configs) holds NaN where a config was not tried; `best` (tasks,) is its minimum.
    """

    def __init__(self, tasks: Sequence[Task], encoder: Encoder) -> None:
        self.tasks = list(tasks)
        self._encoder = encoder
        self._column: dict[str, int] = {}
        self.configs: list[Config] = []
        self.recorded = self._table([_losses(task, encoder.key) for task in self.tasks])
        self._points = encoder(self.configs)
        self._length: float | None = None
        self.best = np.nanmin(self.recorded, axis=1)

    def losses(self, configs: Sequence[Config]) -> Floats:
        """The losses (tasks, n) of n configs, complete: no NaN."""
        columns = [self._column.get(self._encoder.key(config), -1) for config in configs]
        known = np.array(columns, dtype=int)
        losses = np.where(known >= 0, self.recorded[:, known], np.nan)
        if np.isnan(losses).any():
            self._impute(losses, self._encoder(configs))
        return losses

    def shared(self, most: int) -> list[Config]:
        """The configs that at least half of the tasks tried, at most so many, the most tried ones first."""
        share = np.isfinite(self.recorded).mean(axis=0)
        order = np.argsort(-share, kind="stable")
        return [self.configs[k] for k in order[:most] if share[k] >= 0.5]

    def _table(self, rows: list[dict[str, tuple[Config, float]]]) -> Floats:
        for row in rows:
            for key, (config, _) in row.items():
                if key not in self._column:
                    self._column[key] = len(self.configs)
                    self.configs.append(config)
        table = np.full((len(rows), len(self.configs)), np.nan)
        for t, row in enumerate(rows):
            for key, (_, loss) in row.items():
                table[t, self._column[key]] = loss
        return table

    def _impute(self, losses: Floats, points: Floats) -> None:
        """Fills the gaps in place; tasks that tried the same configs share one factorisation."""
        if self._length is None:
            self._length = self._likeliest_length()
        for tried, members in _by_row(np.isfinite(self.recorded)):
            gaps = np.isnan(losses[members]).any(axis=0)
            if not gaps.any():
                continue
            X = self._points[tried]
            factor = cho_factor(matern(X, X, self._length) + NOISE * np.eye(len(X)), lower=True)
            across = matern(points[gaps], X, self._length)
            y = self.recorded[np.ix_(members, tried)]
            mean, spread = y.mean(axis=1, keepdims=True), y.std(axis=1, keepdims=True) + 1e-12
            guess = mean + spread * (across @ cho_solve(factor, ((y - mean) / spread).T)).T
            # A surface never promises more than the best that was really seen.
            guess = np.maximum(guess, y.min(axis=1, keepdims=True))
            part = losses[np.ix_(members, np.flatnonzero(gaps))]
            losses[np.ix_(members, np.flatnonzero(gaps))] = np.where(np.isnan(part), guess, part)

    def _likeliest_length(self) -> float:
        return max(LENGTHS, key=self._log_likelihood)

    def _log_likelihood(self, length: float) -> float:
        total = 0.0
        for row in self.recorded[:: max(1, len(self.recorded) // JUDGES)]:
            tried = np.isfinite(row)
            y = (row[tried] - row[tried].mean()) / (row[tried].std() + 1e-12)
            X = self._points[tried]
            lower = np.linalg.cholesky(matern(X, X, length) + NOISE * np.eye(len(X)))
            total -= 0.5 * float(np.sum(np.linalg.solve(lower, y) ** 2)) + float(np.log(np.diag(lower)).sum())
        return total


def _losses(task: Task, key: Callable[[Config], str]) -> dict[str, tuple[Config, float]]:
    found: dict[str, tuple[Config, list[float]]] = {}
    worst = max(trial.loss for trial in task.done if trial.loss is not None)
    for trial in task.trials:
        loss = worst if trial.status is FAILED else trial.loss
        if loss is not None and trial.fidelity is None:
            found.setdefault(key(trial.config), (trial.config, []))[1].append(loss)
    return {name: (config, fmean(losses)) for name, (config, losses) in found.items()}


def _by_row(mask: Mask) -> list[tuple[Ints, Ints]]:
    """The distinct rows of a mask, each as the columns it holds, with the rows that equal it."""
    distinct, inverse = np.unique(mask, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    return [(np.flatnonzero(row), np.flatnonzero(inverse == k)) for k, row in enumerate(distinct)]


def matern(A: Floats, B: Floats, length: float) -> Floats:
    """The Matérn 5/2 covariance (a, b) of points: Rasmussen, Williams 2006, eq. 4.17."""
    squared = np.maximum((A**2).sum(1)[:, None] + (B**2).sum(1)[None, :] - 2 * A @ B.T, 0.0)
    r = np.sqrt(5.0 * squared) / length
    return np.asarray((1.0 + r + r**2 / 3.0) * np.exp(-r))

"""Copula Thompson sampling: a network forecasts the quantile of a config's loss, whatever the task."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, Self

import numpy as np
from scipy.stats import norm, rankdata

from foretune.data.records import Config, Floats, Recommendation, Task
from foretune.features.encoding import Encoder
from peers.recorded import Recorded, losses, seed_for, space_of

HIDDEN: Final = (50, 50, 50)
RATES: Final = (1e-2, 2e-3, 4e-4)  # of Adam, so many updates each
UPDATES: Final = 1000
BATCH: Final = 64
DROPOUT: Final = 0.1


class CTS:
    """Losses of each past task become normal scores; a network gives their mean and deviation by config.

    The config tried next is that of the lowest draw. The new task's own trials are not looked at, as in the
    paper's CTS (its other method, CGP, does). Layers, dropout, batches and updates are those of the authors'
    code, geoalgo/A-Quantile-based-Approach-for-Hyperparameter-Transfer-Learning, but for its early stopping.
    Source: Salinas, Shen, Perrone 2020, https://proceedings.mlr.press/v119/salinas20a.html.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._recorded: Recorded | None = None

    def fit(self, tasks: Iterable[Task]) -> Self:
        """The network of these tasks."""
        tasks = [task for task in tasks if len(task.done) > 1]
        self._encoder = Encoder(space_of(tasks))
        X = np.concatenate([self._encoder([trial.config for trial in task.done]) for task in tasks])
        z = np.concatenate([normal_scores(losses(task)) for task in tasks])
        self._network = GaussianNetwork(self._seed).fit(X, z)
        return self

    def recommend(
        self, task: Task, n: int = 1, *, candidates: Sequence[Config] | None = None
    ) -> list[Recommendation]:
        """The n candidates of the lowest draws."""
        if self._recorded is not (now := Recorded.of(task, candidates, self._encoder, self._recorded)):
            self._recorded = now
            self._mean, self._std = self._network.predict(now.points)
        untried = now.untried(task)
        rng = np.random.default_rng([seed_for(self._seed, task), len(task.trials)])
        draw = rng.normal(self._mean[untried], self._std[untried])
        return [
            Recommendation(now.candidates[k], float(self._mean[k]), float(self._std[k]))
            for k in untried[np.argsort(draw)[:n]].tolist()
        ]


def normal_scores(y: Floats) -> Floats:
    """The losses (n,) of one task as quantiles of the normal distribution: section 4 of the paper.

    The shares are cut off at `cut`, as by Liu, Lafferty, Wasserman 2009.
    """
    n = len(y)
    cut = 1.0 / (4.0 * n**0.25 * np.sqrt(np.pi * np.log(n)))
    return np.asarray(norm.ppf(np.clip(rankdata(y, method="average") / n, cut, 1.0 - cut)))


class GaussianNetwork:
    """A network with ReLU layers and dropout whose two outputs are a mean and a standard deviation."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def fit(self, X: Floats, z: Floats) -> Self:
        """The network that makes the numbers z (n,) likeliest at points (n, d)."""
        self._centre, self._scale = X.mean(axis=0), X.std(axis=0) + 1e-9
        X = (X - self._centre) / self._scale
        sizes = [X.shape[1], *HIDDEN, 2]
        self._weights = [self._rng.normal(0.0, np.sqrt(2.0 / a), (a, b)) for a, b in pairwise(sizes)]
        self._weights[-1] *= 0.1
        self._biases = [np.zeros(b) for b in sizes[1:]]
        layers = [*self._weights, *self._biases]
        first, second = [np.zeros_like(one) for one in layers], [np.zeros_like(one) for one in layers]
        for step, rate in enumerate(np.repeat(RATES, UPDATES), start=1):
            batch = self._rng.integers(len(X), size=BATCH)
            for k, g in enumerate(self._gradients(X[batch], z[batch])):
                first[k] += 0.1 * (g - first[k])
                second[k] += 0.001 * (g**2 - second[k])
                size = np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8
                layers[k] -= rate * (first[k] / (1 - 0.9**step)) / size
        return self

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation (n,) at points (n, d)."""
        hidden = (X - self._centre) / self._scale
        for weight, bias in zip(self._weights[:-1], self._biases[:-1], strict=True):
            hidden = np.maximum(hidden @ weight + bias, 0.0)
        out = hidden @ self._weights[-1] + self._biases[-1]
        return out[:, 0], _softplus(out[:, 1])

    def _gradients(self, X: Floats, z: Floats) -> list[Floats]:
        """Of the mean negative log likelihood, for all weights and then all biases."""
        seen, masks = [X], []
        for weight, bias in zip(self._weights[:-1], self._biases[:-1], strict=True):
            hidden = seen[-1] @ weight + bias
            masks.append((hidden > 0) * (self._rng.random(hidden.shape) >= DROPOUT) / (1 - DROPOUT))
            seen.append(hidden * masks[-1])
        out = seen[-1] @ self._weights[-1] + self._biases[-1]
        std = _softplus(out[:, 1])
        error = (out[:, 0] - z) / std
        to_std = (1.0 - error**2) / std / (1.0 + np.exp(-out[:, 1]))
        back = np.stack([error / std, to_std], axis=1) / len(X)
        weights, biases = [], []
        for layer in reversed(range(len(self._weights))):
            weights.append(seen[layer].T @ back)
            biases.append(back.sum(axis=0))
            if layer:
                back = (back @ self._weights[layer].T) * masks[layer - 1]
        return [*reversed(weights), *reversed(biases)]


def _softplus(x: Floats) -> Floats:
    return np.asarray(np.logaddexp(x, 0.0) + 1e-3)

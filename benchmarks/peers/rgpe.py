"""Past tasks as an ensemble of Gaussian processes, weighted by how well each ranks the new task's trials."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Self

import numpy as np

from foretune.data.records import Config, Floats, Forecast, Ints, Recommendation, Task
from foretune.features.encoding import Encoder
from foretune.recommender.acquisition import expected_improvement
from peers.gp import JITTER, GaussianProcess
from peers.recorded import Recorded, losses, seed_for, space_of

SAMPLES: Final = 256  # of each posterior
MOST: Final = 200  # trials of a past task that its process is fitted to
FEWEST: Final = 3  # trials of the new task before weights are computed

# By what they were fitted to: a leave-one-out replay meets the same past tasks in every split.
_FITTED: dict[bytes, GaussianProcess] = {}


class RGPE:
    """The ranking-weighted Gaussian process ensemble.

    Weights are the shares of posterior samples in which each process misranks the fewest pairs of the new
    task's trials; the new task's own process is judged by leaving one trial out. Against dilution of the
    weights, a past process is kept with a probability that falls with time and with how often it is worse
    than the new task's own. `horizon` is the number of trials the search will have.
    Source: Feurer, Letham, Hutter, Bakshy 2022, https://arxiv.org/abs/1802.02219.
    """

    def __init__(self, seed: int = 0, *, horizon: int = 30) -> None:
        self._seed, self._horizon = seed, horizon
        self._recorded: Recorded | None = None
        self._warm: list[Floats] = []  # parameters of the last fit

    def fit(self, tasks: Iterable[Task]) -> Self:
        """The ensemble of a process for each of these tasks."""
        tasks = [task for task in tasks if len(task.done) > 1 and np.ptp(losses(task)) > 0]
        self._encoder = Encoder(space_of(tasks))
        self._bases = [_process(task, self._encoder) for task in tasks]
        return self

    def recommend(
        self, task: Task, n: int = 1, *, candidates: Sequence[Config] | None = None
    ) -> list[Recommendation]:
        """The n candidates of greatest expected improvement under the ensemble."""
        if self._recorded is not (now := Recorded.of(task, candidates, self._encoder, self._recorded)):
            self._recorded, self._past, self._warm = now, _Past(self._bases, now.points), []
        untried, tried = now.untried(task), now.tried(task)
        if not len(untried):
            return []
        mean, std = self._ensemble(task, now, tried)
        gain = -mean[untried]
        if len(tried):
            gain = expected_improvement(Forecast(mean[untried], std[untried]), float(mean[tried].min()))
        order = np.lexsort((mean[untried], -gain))[:n]
        return [
            Recommendation(now.candidates[k], float(mean[k]), float(std[k])) for k in untried[order].tolist()
        ]

    def _ensemble(self, task: Task, now: Recorded, tried: Ints) -> tuple[Floats, Floats]:
        """Mean and standard deviation (m,) of all candidates, in standardised losses."""
        past = self._past
        if len(tried) < FEWEST or np.ptp(losses(task)) == 0:
            share = 1.0 / len(self._bases)
            return share * past.mean.sum(axis=0), share * np.sqrt((past.std**2).sum(axis=0))
        y = losses(task)
        own = GaussianProcess().fit(now.points[tried], y, starts=self._warm)
        self._warm = [own.parameters]
        rng = np.random.default_rng([seed_for(self._seed, task), len(tried)])
        weights = self._weights(own, y, tried, rng)
        mean, std = own.predict(now.points)
        return (
            weights[:-1] @ past.mean + weights[-1] * mean,
            np.sqrt(weights[:-1] ** 2 @ past.std**2 + (weights[-1] * std) ** 2),
        )

    def _weights(self, own: GaussianProcess, y: Floats, tried: Ints, rng: np.random.Generator) -> Floats:
        """The share of each past process and, last, of the new task's own."""
        samples = _samples(*self._past.joint(tried), rng)
        misranked = np.zeros(samples.shape[:2])
        for k in range(len(y)):
            misranked += ((samples[:, :, k, None] < samples) != (y[k] < y)).sum(axis=2)
        left_out = _samples(*own.left_out(), rng)  # row j: without trial j
        j = np.arange(len(y))
        own_misranked = ((left_out[j, :, j][:, :, None] < left_out) != (y[:, None, None] < y)).sum(
            axis=(0, 2)
        )
        keep = (misranked < own_misranked).mean(axis=1) * max(1.0 - len(y) / self._horizon, 0.0)
        misranked[rng.random(len(keep)) > keep] = np.inf
        everyone = np.vstack([misranked, own_misranked])
        best = everyone == everyone.min(axis=0)
        return np.asarray((best / best.sum(axis=0)).mean(axis=1))


class _Past:
    """What the past tasks' processes say of the m candidates of one search: `mean` and `std` (b, m)."""

    def __init__(self, bases: Sequence[GaussianProcess], points: Floats) -> None:
        self._bases, self._points = bases, points
        self._white = [base.whiten(points) for base in bases]
        told = [base.predict(points) for base in bases]
        self.mean = np.array([mean for mean, _ in told])
        self.std = np.array([std for _, std in told])
        self._rows: dict[int, Floats] = {}

    def joint(self, at: Ints) -> tuple[Floats, Floats]:
        """Means (b, n) and covariances (b, n, n) at n of the candidates."""
        for k in at.tolist():
            if k not in self._rows:
                pairs = zip(self._bases, self._white, strict=True)
                self._rows[k] = np.array(
                    [b.kernel(self._points[[k]], self._points)[0] - w[:, k] @ w for b, w in pairs]
                )
        return self.mean[:, at], np.stack([self._rows[k][:, at] for k in at.tolist()], axis=1)


def _samples(mean: Floats, covariance: Floats, rng: np.random.Generator) -> Any:
    """Draws (b, SAMPLES, n) from b normal distributions."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, JITTER))[:, None, :]
    return mean[:, None, :] + rng.standard_normal((len(mean), SAMPLES, mean.shape[1])) @ root.transpose(
        0, 2, 1
    )


def _process(task: Task, encoder: Encoder) -> GaussianProcess:
    """The process of a past task, on at most MOST of its trials."""
    chosen = np.random.default_rng(0).permutation(len(task.done))[:MOST]
    X = encoder([task.done[k].config for k in chosen])
    y = losses(task)[chosen]
    key = X.tobytes() + y.tobytes()
    if key not in _FITTED:
        _FITTED[key] = GaussianProcess().fit(X, y, restarts=1)
    return _FITTED[key]

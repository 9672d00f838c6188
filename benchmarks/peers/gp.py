"""A Gaussian process as cold searches use it: Matérn 5/2, one length a column, fitted by likelihood."""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from foretune.data.records import Floats

ROOT5: Final = np.sqrt(5.0)
BOUNDS: Final = {"length": (0.03, 100.0), "signal": (0.05, 20.0), "noise": (1e-6, 1.0)}
JITTER: Final = 1e-8


class GaussianProcess:
    """Fits standardised losses; `predict`, `joint` and `left_out` answer in their units (y - mean) / std.

    Lengths, signal and noise maximise the marginal likelihood times weak priors (L-BFGS, several starts): the
    lengths' grows with the number of columns, so that few trials in many columns are not overfitted.
    Source: Rasmussen, Williams 2006, eq. 2.25, 5.8, 4.17 and 5.12; the lengths' prior is that of Hvarfner,
    Hellsten, Nardi 2024, https://proceedings.mlr.press/v235/hvarfner24a.html, the noise's that of BoTorch.
    """

    def fit(self, X: Floats, y: Floats, *, starts: Sequence[Floats] = (), restarts: int = 2) -> Self:
        """The process of points (n, d) and losses (n,); `starts` are `parameters` of earlier fits."""
        self.X, self.mean, self.std = X, float(y.mean()), float(y.std()) or 1.0
        self._z = (y - self.mean) / self.std
        squared = np.ascontiguousarray(((X[:, None, :] - X[None, :, :]) ** 2).transpose(2, 0, 1))
        d = X.shape[1]
        own = [_start(d, length, noise) for length, noise in ((0.5 * np.sqrt(d), 1e-2), (0.3, 1e-3))]
        low = np.log([BOUNDS["length"][0]] * d + [BOUNDS["signal"][0], BOUNDS["noise"][0]])
        high = np.log([BOUNDS["length"][1]] * d + [BOUNDS["signal"][1], BOUNDS["noise"][1]])
        found = [
            minimize(
                self.objective,
                np.clip(start, low, high),
                args=(squared,),
                jac=True,
                method="L-BFGS-B",
                bounds=np.stack([low, high], axis=1),
                options={"maxiter": 60},
            )
            for start in [*own[:restarts], *starts]
        ]
        self.parameters: Floats = min(found, key=lambda one: float(one.fun)).x
        self.lengths, self.signal = np.exp(self.parameters[:d]), float(np.exp(self.parameters[d]))
        self.noise = float(np.exp(self.parameters[d + 1])) + JITTER
        self._lower = cholesky(self.kernel(X, X) + self.noise * np.eye(len(X)), lower=True)
        self._weights = cho_solve((self._lower, True), self._z)
        return self

    def kernel(self, A: Floats, B: Floats) -> Floats:
        """The covariance (a, b) of points."""
        a, b = A / self.lengths, B / self.lengths
        squared = np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2.0 * a @ b.T, 0.0)
        return np.asarray(self.signal * _matern(np.sqrt(squared)))

    def whiten(self, points: Floats) -> Floats:
        """What the trials explain of each of m points, (n, m): the posterior covariance lacks its square."""
        return np.asarray(solve_triangular(self._lower, self.kernel(self.X, points), lower=True))

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation (m,) of the loss without noise at m points."""
        mean = self.kernel(points, self.X) @ self._weights
        explained = (self.whiten(points) ** 2).sum(axis=0)
        return mean, np.sqrt(np.maximum(self.signal - explained, 1e-12))

    def left_out(self) -> tuple[Floats, Floats]:
        """Means (n, n) and covariances (n, n, n) at all trials, row j from the process without trial j."""
        n = len(self._z)
        K = self.kernel(self.X, self.X)
        means, covariances = np.empty((n, n)), np.empty((n, n, n))
        for j in range(n):
            keep = np.arange(n) != j
            lower = cholesky(K[np.ix_(keep, keep)] + self.noise * np.eye(n - 1), lower=True)
            white = solve_triangular(lower, K[keep], lower=True)
            means[j] = white.T @ solve_triangular(lower, self._z[keep], lower=True)
            covariances[j] = K - white.T @ white
        return means, covariances

    def objective(self, parameters: Floats, squared: Floats) -> tuple[float, Floats]:
        """The negative log posterior of the logarithms of lengths, signal and noise, and its gradient."""
        d = len(squared)
        inverse = np.exp(-2.0 * parameters[:d])
        signal, noise = np.exp(parameters[d]), np.exp(parameters[d + 1])
        r = np.sqrt(np.tensordot(inverse, squared, axes=1))
        shape = _matern(r)
        K = signal * shape
        K[np.diag_indices_from(K)] += noise + JITTER
        try:
            lower = cholesky(K, lower=True)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(parameters)
        inverse_K = cho_solve((lower, True), np.eye(len(K)))
        weights = inverse_K @ self._z
        value = 0.5 * self._z @ weights + np.log(np.diag(lower)).sum()
        slope = 0.5 * (inverse_K - np.outer(weights, weights))
        by_length = slope * (signal * 5.0 / 3.0 * (1.0 + ROOT5 * r) * np.exp(-ROOT5 * r))
        gradient = np.concatenate(
            [
                squared.reshape(d, -1) @ by_length.ravel() * inverse,
                [signal * np.sum(slope * shape), noise * np.trace(slope)],
            ]
        )
        middle = np.concatenate([np.full(d, np.sqrt(2.0) + 0.5 * np.log(d)), [0.0, -4.0]])
        width = np.concatenate([np.full(d, np.sqrt(3.0)), [1.0, 1.5]])
        away = (parameters - middle) / width
        return float(value + 0.5 * away @ away), gradient + away / width


def _start(d: int, length: float, noise: float) -> Floats:
    return np.asarray(np.log([length] * d + [1.0, noise]))


def _matern(r: Floats) -> Floats:
    """The Matérn 5/2 correlation at scaled distances."""
    return np.asarray((1.0 + ROOT5 * r + 5.0 / 3.0 * r**2) * np.exp(-ROOT5 * r))

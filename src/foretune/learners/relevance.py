"""Which hyperparameters matter, and how noisy losses are, as the trials of past tasks show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import cho_solve
from scipy.optimize import minimize

from foretune.data.records import Floats

MOST_POINTS: Final = 1_600  # trials that are looked at, and
MOST_OF_ONE: Final = 100  # of one task: more cost time by their cube and change little
USUAL_NOISE: Final = 0.05  # share of a task's variance that no surface explains: fold noise of a first sweep
BOUNDS: Final = (-4.0, 4.0)  # of the logarithm of a scale
NOISE_BOUNDS: Final = (0.01, 0.6)
STEPS: Final = 40
DIGITS: Final = 2  # of the logarithms: what is beyond them is the optimiser's own noise


@dataclass(frozen=True)
class Relevance:
    """What a kernel on encoded configs has to know: the columns' `scales` (d,), and the `noise` of scores.

    Points are multiplied by the scales. A column that does not matter has one near 0, so that configs which
    differ in it alone count as alike. The noise is a variance, where a task's scores have variance 1.
    """

    scales: Floats
    noise: float

    @classmethod
    def learned(cls, tasks: Sequence[tuple[Floats, Floats]]) -> "Relevance":
        """The most likely one for these tasks, each the points (n, d) of its trials and their scores (n,).

        All tasks share it. A column that never varies keeps a scale of 1.
        Source: Rasmussen, Williams 2006, section 5.1 (automatic relevance determination); Wang et al. 2024,
        Journal of Machine Learning Research 25 (one kernel for all past tasks, by their likelihood).
        """
        some, scales = _some(tasks), np.ones(tasks[0][0].shape[1])
        varied = np.any([np.ptp(X, axis=0) > 0 for X, _ in some], axis=0)
        d = int(varied.sum())
        found = minimize(
            _Unlikelihood([(X[:, varied], y) for X, y in some]),
            np.append(np.zeros(d), np.log(USUAL_NOISE)),
            jac=True,
            method="L-BFGS-B",
            bounds=[*[BOUNDS] * d, np.log(NOISE_BOUNDS)],
            options={"maxiter": STEPS},
        )
        *scales[varied], noise = np.exp(found.x.round(DIGITS))
        return cls(scales, float(noise))


def _some(tasks: Sequence[tuple[Floats, Floats]]) -> list[tuple[Floats, Floats]]:
    """Tasks drawn at random, and of each some trials, about as many in all as may be looked at."""
    rng, found, points = np.random.default_rng(0), [], 0
    for t in rng.permutation(len(tasks)):
        X, y = tasks[t]
        some = rng.permutation(len(y))[:MOST_OF_ONE]
        found.append((X[some], y[some]))
        points += len(some)
        if points >= MOST_POINTS:
            break
    return found


@dataclass(frozen=True)
class _Unlikelihood:
    """How unlikely the scores of tasks are under the logarithms of scales and noise (d + 1,), and its slope.

    Of each task its points (n, d) and its scores (n,). The logarithms are normal around what they are where
    nothing is known, with standard deviation 1.
    """

    tasks: Sequence[tuple[Floats, Floats]]

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        squared_scales, noise = np.exp(2 * logs[:-1]), float(np.exp(logs[-1]))
        away = logs - np.append(np.zeros(len(logs) - 1), np.log(USUAL_NOISE))
        total, slope = 0.5 * float(away @ away), away
        for X, y in self.tasks:
            scaled = (X**2) @ squared_scales
            squared = scaled[:, None] + scaled - 2.0 * (X * squared_scales) @ X.T
            r = np.sqrt(5.0 * np.maximum(squared, 0.0))
            decay = np.exp(-r)
            factor = np.linalg.cholesky((1.0 + r + r**2 / 3.0) * decay + noise * np.eye(len(y)))
            inverse = cho_solve((factor, True), np.eye(len(y)), check_finite=False)
            weights = inverse @ y
            total += 0.5 * float(y @ weights) + float(np.log(np.diag(factor)).sum())
            # The slope by each entry of the covariance, and of that by each squared distance.
            by_entry = 0.5 * (inverse - np.outer(weights, weights))
            by_square = by_entry * (-5.0 / 6.0) * (1.0 + r) * decay
            # What tensordot(by_square, (X[:, None] - X) ** 2) is, without that tensor.
            by_difference = 2.0 * (by_square.sum(axis=0) @ X**2 - (X * (by_square @ X)).sum(axis=0))
            by_scale = 2.0 * squared_scales * by_difference
            slope = slope + np.append(by_scale, noise * float(np.trace(by_entry)))
        return total, slope

"""A mixture of Gaussian processes after some readings: all columns, and what they have to do with others."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from foretune.data.records import Floats, Ints
from foretune.learners.posterior import NOISE, Scales, log_sum

Covariance = Callable[[Ints, Ints], Floats]  # columns a, columns b -> (a, b), in scores
NOTHING = 1e-6  # the share of a component that is not worth working out


@dataclass(frozen=True)
class Joint:
    """What n columns are expected to be, in units of loss: `mean` (n,), `covariance` (n, n)."""

    mean: Floats
    covariance: Floats


def condition_jointly(
    means: Floats,
    weights: Floats,
    covariance: Covariance,
    scales: Scales,
    *,
    rows: Ints,
    losses: Floats,
    columns: Ints,
    trust: float,
) -> Joint:
    """The columns (n,) after these losses (m,) were read in rows (m,), the mixture as one normal belief.

    `means` (c, all columns) are the components in scores, with their shares `weights` (c,). The level of the
    losses is integrated out with a flat prior and their scale over a grid, as in `condition`. `trust` tempers
    how fast the readings choose among the components.
    Source: Rasmussen, Williams 2006, section 2.7; Grünwald 2012, doi:10.1007/978-3-642-34106-9_16 (why to
    temper).
    """
    m, c, origin = len(rows), len(means), float(losses.mean())
    lower = np.asarray(np.linalg.cholesky(covariance(rows, rows) + NOISE * np.eye(m)), dtype=np.float64)
    solved = _whitened(lower, np.column_stack([losses - origin, np.ones(m), means[:, rows].T]))
    y, one, mu = solved[:, 0], solved[:, 1], solved[:, 2 : 2 + c]
    precision = float(one @ one)
    level_y, level_mu = (one @ y) / precision, (one @ mu) / precision
    y, mu = y - one * level_y, mu - np.outer(one, level_mu)
    shares, units = _believed(y, mu, weights, scales, trust)
    kept = np.flatnonzero(shares > NOTHING)
    shares, units = shares[kept] / shares[kept].sum(), units[kept]
    K = _whitened(lower, covariance(rows, columns))
    scores = means[np.ix_(kept, columns)] - (K.T @ mu[:, kept]).T - level_mu[kept, None]
    found = units[:, None] * scores + K.T @ y + level_y + origin
    mean, level = shares @ found, 1 - K.T @ one
    within = covariance(columns, columns) - K.T @ K + np.outer(level, level) / precision
    apart = (found - mean) * np.sqrt(shares)[:, None]
    unit = float(shares @ units**2)
    return Joint(np.asarray(mean), np.asarray(within * unit + apart.T @ apart))


def _believed(y: Floats, mu: Floats, weights: Floats, scales: Scales, trust: float) -> tuple[Floats, Floats]:
    """The share of each component (c,), and the units of loss (c,) that a score has in it."""
    scale, log_share = scales.grid
    misfit = (y @ y) / scale[:, None] ** 2 - 2 * (y @ mu) / scale[:, None] + (mu**2).sum(axis=0)
    logs = trust * (-0.5 * misfit - (len(y) - 1) * np.log(scale)[:, None])
    logs = logs + log_share[:, None] + np.log(np.maximum(weights, 1e-12))
    given = np.exp(logs - log_sum(logs, axis=0))
    return np.exp(log_sum(logs, axis=0) - log_sum(logs)), 1 / (given / scale[:, None]).sum(axis=0)


def _whitened(lower: Floats, columns: Floats) -> Floats:
    return np.asarray(solve_triangular(lower, columns, lower=True, check_finite=False))

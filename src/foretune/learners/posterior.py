"""What a task's own trials make of prior functions: a mixture of Gaussian processes in closed form."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from foretune.data.records import Floats, Ints
from foretune.learners.observed import Observed

NOISE = 0.05  # variance of a trial around its surface, where a task's losses have variance 1 (as in surfaces)
MOST_KEPT = 64  # components of a posterior, the weightiest
LEAST = 1e-12  # share of a mean: what the trials speak for may come back from nothing


def log_sum(logs: Floats, axis: int | None = None) -> Floats:
    """The log of the sum of exponentials; scipy's own is far slower on a handful of numbers."""
    top = logs.max(axis=axis, keepdims=True)
    return np.asarray(np.log(np.exp(logs - top).sum(axis=axis)) + top.squeeze(axis=axis))


@dataclass(frozen=True)
class Prior:
    """What a new task may look like at n configs, in normal scores, before any trial.

    One of `means` (c, n), each with its share `weights` (c,), and around it a Gaussian process whose
    covariances are `scatter.T @ scatter`, for scatter (r, n), plus `amplitude` times a kernel.
    """

    means: Floats
    weights: Floats
    scatter: Floats
    amplitude: float


@dataclass(frozen=True)
class Scales:
    """What losses a normal score may stand for: loss = level + scale * score.

    Nothing is known of the level; the log of the scale is normal, by the scales of past tasks.
    """

    log_mean: float
    log_std: float

    @property
    def typical(self) -> float:
        """The median scale."""
        return float(np.exp(self.log_mean))

    def grid(self) -> tuple[Floats, Floats]:
        """Five scales (5,) and the log of their prior shares."""
        steps = np.linspace(-1.5, 1.5, 5)
        logs = -0.5 * steps**2
        return np.exp(self.log_mean + self.log_std * steps), logs - log_sum(logs)


@dataclass(frozen=True)
class Posterior:
    """The mixture after the trials, in units of loss.

    `weights` (c,) are the shares of all components; `means` and `stds` (k, n) are those of the k weightiest,
    at the places `kept` (k,). `evidence` is the log of how likely these losses were under the prior, up to a
    constant that all priors share.
    """

    means: Floats
    stds: Floats
    weights: Floats
    kept: Ints
    evidence: float


def condition(prior: Prior, kernel: Floats, observed: Observed, scales: Scales) -> Posterior:
    """The posterior at n configs after the m trials that were observed.

    `kernel` (m + p, n) holds the correlations of the m tried and then the p pending configs with all n. The
    level of the losses is integrated out with a flat prior and their scale over a grid; a config that is
    pending makes its surroundings better known, but not better or worse.
    Source: Rasmussen, Williams 2006, section 2.7 (a flat mean), here with c candidates for the mean.
    """
    means, tried = prior.means, observed.tried
    rows = np.concatenate([tried, observed.pending])
    across = prior.scatter[:, rows].T @ prior.scatter + prior.amplitude * kernel
    own = (prior.scatter**2).sum(axis=0) + prior.amplitude
    m, c, ones = len(tried), len(means), np.ones(len(rows))
    origin = float(observed.losses.mean())  # so that a far-off level costs no digits
    lower = np.asarray(np.linalg.cholesky(across[:, rows] + NOISE * np.eye(len(rows))))
    # The first m rows of a Cholesky factor are those of the first m trials alone.
    seen = lower[:m, :m]
    solved = solve_triangular(
        seen,
        np.column_stack([observed.losses - origin, ones[:m], means[:, tried].T, across[:m]]),
        lower=True,
        check_finite=False,
    )
    y, one, mu, K = solved[:, 0], solved[:, 1], solved[:, 2 : 2 + c], solved[:, 2 + c :]
    precision = one @ one
    level_y, level_mu = (one @ y) / precision, (one @ mu) / precision
    y, mu = y - one * level_y, mu - np.outer(one, level_mu)  # the level taken out
    scale, log_share = scales.grid()
    misfit = (y @ y) / scale[:, None] ** 2 - 2 * (y @ mu) / scale[:, None] + (mu**2).sum(axis=0)
    shares = np.log(np.maximum(prior.weights, LEAST))
    logs = -0.5 * misfit - (m - 1) * np.log(scale)[:, None] + log_share[:, None] + shares
    total = float(log_sum(logs))
    evidence = total - float(np.log(np.diag(seen)).sum()) - 0.5 * float(np.log(precision))
    joint = np.exp(logs - total)
    weights = joint.sum(axis=0)
    given = np.exp(logs - log_sum(logs, axis=0))
    units = 1 / (given / scale[:, None]).sum(axis=0)
    kept = np.argsort(-weights, kind="stable")[:MOST_KEPT]
    scores = means[kept] - (K.T @ mu[:, kept]).T - level_mu[kept, None]
    units = units[kept, None]
    found = units * scores + (K.T @ y) + level_y + origin
    if len(rows) > m:
        K = solve_triangular(lower, np.column_stack([ones, across]), lower=True, check_finite=False)
        one, K = K[:, 0], K[:, 1:]
    return Posterior(found, units * np.sqrt(_variances(own, one, K)), weights, kept, evidence)


def _variances(own: Floats, one: Floats, K: Floats) -> Floats:
    """The variance (n,) at each config, that of the flat level included; one and K are whitened."""
    known = own - (K**2).sum(axis=0) + (1 - K.T @ one) ** 2 / (one @ one)
    return np.asarray(np.maximum(known, 1e-8))

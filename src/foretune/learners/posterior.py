"""What a task's own trials make of prior functions: a mixture of Gaussian processes in closed form."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg.lapack import dtrtrs

from foretune.data.records import Floats, Ints
from foretune.learners.observed import Observed

NOISE = 0.05  # variance of a trial around its surface, where a task's losses have variance 1 (as in surfaces)
FARTHEST = 5.0  # from the best of a task, in scales: a loss beyond that is drawn in
LEAST = 1e-12  # share of a mean: what the trials speak for may come back from nothing
Covariance = Callable[[Ints | slice], Floats]  # columns among n configs -> (m + p, columns)


def log_sum(logs: Floats, axis: int | None = None) -> Floats:
    """The log of the sum of exponentials; scipy's own is far slower on a handful of numbers."""
    top = logs.max(axis=axis, keepdims=True)
    return np.asarray(np.log(np.exp(logs - top).sum(axis=axis)) + top.squeeze(axis=axis))


@dataclass(frozen=True)
class Prior:
    """What a new task may look like at n configs, in normal scores, before any trial.

    One of `means` (c, n), each with its share `weights` (c,), and around it a Gaussian process of this
    `variance` (n,), whose `covariance` is that of the configs tried, then pending, with others. Of twice as
    many weights (2c,) the second half are the shares of the means upside down.
    """

    means: Floats
    weights: Floats
    variance: Floats
    covariance: Covariance

    @property
    def components(self) -> tuple[Ints, Floats]:
        """Which mean each component has, and with which sign, (c,) or (2c,)."""
        c, k = len(self.means), np.arange(len(self.weights))
        return k % c, np.where(k < c, 1.0, -1.0)


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

    @cached_property
    def grid(self) -> tuple[Floats, Floats]:
        """Five scales (5,) and the log of their prior shares."""
        steps = np.linspace(-1.5, 1.5, 5)
        logs = -0.5 * steps**2
        return np.exp(self.log_mean + self.log_std * steps), logs - log_sum(logs)

    def drawn_in(self, losses: Floats) -> Floats:
        """The losses of one task, in which a diverged training is no worse than a hopeless config.

        None is farther from the best than a few times the largest scale, or what half of them are.
        """
        if not np.isfinite(losses).any():
            return losses
        best, usual = np.nanmin(losses), np.nanquantile(losses, 0.5, method="lower")
        return np.asarray(np.minimum(losses, best + FARTHEST * max(self.grid[0][-1], usual - best)))


@dataclass(frozen=True)
class Posterior:
    """The mixture after the trials: how likely its components are, and what each expects.

    `weights` (c,) are the shares of the components. `evidence` is the log of how likely these losses were
    under the prior, up to a constant that all priors share. `functions` gives the means and stds (k, n), in
    units of loss, of the k components asked for at all n configs: only then are they worked out, as most
    components of most posteriors count for nothing.
    """

    weights: Floats
    evidence: float
    functions: Callable[[Ints], tuple[Floats, Floats]]


def condition(prior: Prior, observed: Observed, scales: Scales) -> Posterior:
    """The posterior at n configs after the m trials that were observed.

    The level of the losses is integrated out with a flat prior and their scale over a grid; a config that is
    pending makes its surroundings better known, but not better or worse.
    Source: Rasmussen, Williams 2006, section 2.7 (a flat mean), here with c candidates for the mean.
    """
    tried, rows = observed.tried, observed.rows
    m, ones = len(tried), np.ones(len(rows))
    origin = float(observed.losses.mean())  # so that a far-off level costs no digits
    lower = np.asarray(np.linalg.cholesky(prior.covariance(rows) + NOISE * np.eye(len(rows))))
    # The first m rows of a Cholesky factor are those of the first m trials alone.
    seen = lower[:m, :m]
    solved = _whitened(seen, np.vstack([observed.losses - origin, ones[:m], prior.means[:, tried]]).T)
    y, one, mu = solved[:, 0], solved[:, 1], solved[:, 2:]
    precision = one @ one
    level_y, level_mu = (one @ y) / precision, (one @ mu) / precision
    y, mu = y - one * level_y, mu - np.outer(one, level_mu)  # the level taken out
    which, sign = prior.components
    along, length = sign * (y @ mu)[which], (mu**2).sum(axis=0)[which]
    scale, log_share = scales.grid
    misfit = (y @ y) / scale[:, None] ** 2 - 2 * along / scale[:, None] + length
    shares = np.log(np.maximum(prior.weights, LEAST))
    logs = -0.5 * misfit - (m - 1) * np.log(scale)[:, None] + log_share[:, None] + shares
    total = float(log_sum(logs))
    evidence = total - float(np.log(np.diag(seen)).sum()) - 0.5 * float(np.log(precision))

    def functions(chosen: Ints) -> tuple[Floats, Floats]:
        given = np.exp(logs[:, chosen] - log_sum(logs[:, chosen], axis=0))
        units = 1 / (given / scale[:, None]).sum(axis=0)[:, None]
        across, means = prior.covariance(slice(None)), which[chosen]
        K = _whitened(seen, across[:m])
        scores = prior.means[means] - mu[:, means].T @ K - level_mu[means, None]
        found = units * sign[chosen, None] * scores + (y @ K) + level_y + origin
        known = one
        if len(rows) > m:
            known, K = _whitened(lower, ones), _whitened(lower, across)
        return found, units * np.sqrt(_variances(prior.variance, known, K))

    return Posterior(np.exp(logs - total).sum(axis=0), evidence, functions)


def _whitened(lower: Floats, columns: Floats) -> Floats:
    """The solution of lower @ x = columns; scipy's wrapper would take as long as a small system does."""
    solved, _ = dtrtrs(lower.T, columns, trans=1)
    return np.asarray(solved)


def _variances(own: Floats, one: Floats, K: Floats) -> Floats:
    """The variance (n,) at each config, that of the flat level included; one and K are whitened."""
    known = own - (K**2).sum(axis=0) + (1 - one @ K) ** 2 / (one @ one)
    return np.asarray(np.maximum(known, 1e-8))

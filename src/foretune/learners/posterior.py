"""What a task's own trials make of prior functions: a mixture of Gaussian processes in closed form."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from foretune.data.records import Floats, Ints
from foretune.learners.observed import Observed

NOISE = 0.05  # variance of a trial around its surface, where a task's losses have variance 1 (as in surfaces)
FARTHEST = 5.0  # from the best of a task, in scales: a loss beyond that is drawn in
LEAST = 1e-12  # share of a mean: what the trials speak for may come back from nothing
Kernel = Callable[[Ints | slice], Floats]  # columns among n configs -> correlations (m + p, columns)


def log_sum(logs: Floats, axis: int | None = None) -> Floats:
    """The log of the sum of exponentials; scipy's own is far slower on a handful of numbers."""
    top = logs.max(axis=axis, keepdims=True)
    return np.asarray(np.log(np.exp(logs - top).sum(axis=axis)) + top.squeeze(axis=axis))


@dataclass(frozen=True)
class Prior:
    """What a new task may look like at n configs, in normal scores, before any trial.

    One of `means` (c, n), each with its share `weights` (c,), and around it a Gaussian process whose
    covariances are `scatter.T @ scatter`, for scatter (r, n), plus a kernel times `reach` (n,) on both sides.
    """

    means: Floats
    weights: Floats
    scatter: Floats
    reach: Floats


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

    def drawn_in(self, losses: Floats) -> Floats:
        """The losses of one task, in which a diverged training is no worse than a hopeless config.

        None is farther from the best than a few times the largest scale, or what half of them are.
        """
        if not np.isfinite(losses).any():
            return losses
        best, usual = np.nanmin(losses), np.nanquantile(losses, 0.5, method="lower")
        return np.asarray(np.minimum(losses, best + FARTHEST * max(self.grid()[0][-1], usual - best)))


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


def condition(prior: Prior, kernel: Kernel, observed: Observed, scales: Scales) -> Posterior:
    """The posterior at n configs after the m trials that were observed.

    `kernel` gives the correlations of the m tried and then the p pending configs with others. The level of
    the losses is integrated out with a flat prior and their scale over a grid; a config that is pending makes
    its surroundings better known, but not better or worse.
    Source: Rasmussen, Williams 2006, section 2.7 (a flat mean), here with c candidates for the mean.
    """
    means, tried = prior.means, observed.tried
    rows = np.concatenate([tried, observed.pending])
    scatter, reach = prior.scatter, prior.reach
    among = scatter[:, rows].T @ scatter[:, rows] + reach[rows, None] * kernel(rows) * reach[rows]
    m, c, ones = len(tried), len(means), np.ones(len(rows))
    origin = float(observed.losses.mean())  # so that a far-off level costs no digits
    lower = np.asarray(np.linalg.cholesky(among + NOISE * np.eye(len(rows))))
    # The first m rows of a Cholesky factor are those of the first m trials alone.
    seen = lower[:m, :m]
    solved = _whitened(seen, np.column_stack([observed.losses - origin, ones[:m], means[:, tried].T]))
    y, one, mu = solved[:, 0], solved[:, 1], solved[:, 2 : 2 + c]
    precision = one @ one
    level_y, level_mu = (one @ y) / precision, (one @ mu) / precision
    y, mu = y - one * level_y, mu - np.outer(one, level_mu)  # the level taken out
    scale, log_share = scales.grid()
    misfit = (y @ y) / scale[:, None] ** 2 - 2 * (y @ mu) / scale[:, None] + (mu**2).sum(axis=0)
    shares = np.log(np.maximum(prior.weights, LEAST))
    logs = -0.5 * misfit - (m - 1) * np.log(scale)[:, None] + log_share[:, None] + shares
    total = float(log_sum(logs))
    evidence = total - float(np.log(np.diag(seen)).sum()) - 0.5 * float(np.log(precision))
    given = np.exp(logs - log_sum(logs, axis=0))
    units = 1 / (given / scale[:, None]).sum(axis=0)

    def functions(chosen: Ints) -> tuple[Floats, Floats]:
        across = scatter[:, rows].T @ scatter + reach[rows, None] * kernel(slice(None)) * reach
        K = _whitened(seen, across[:m])
        scores = means[chosen] - (K.T @ mu[:, chosen]).T - level_mu[chosen, None]
        found = units[chosen, None] * scores + (K.T @ y) + level_y + origin
        own, known = (scatter**2).sum(axis=0) + reach**2, one
        if len(rows) > m:
            known, K = _whitened(lower, ones), _whitened(lower, across)
        return found, units[chosen, None] * np.sqrt(_variances(own, known, K))

    return Posterior(np.exp(logs - total).sum(axis=0), evidence, functions)


def _whitened(lower: Floats, columns: Floats) -> Floats:
    return np.asarray(solve_triangular(lower, columns, lower=True, check_finite=False))


def _variances(own: Floats, one: Floats, K: Floats) -> Floats:
    """The variance (n,) at each config, that of the flat level included; one and K are whitened."""
    known = own - (K**2).sum(axis=0) + (1 - K.T @ one) ** 2 / (one @ one)
    return np.asarray(np.maximum(known, 1e-8))

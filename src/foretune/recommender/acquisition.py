"""What each candidate is worth trying: its expected gain over the best so far."""

import numpy as np
from scipy.stats import norm

from foretune.data.records import Floats, Forecast, Mask
from foretune.learners.learner import RegretScale


def expected_gain(forecast: Forecast, tried: Mask, *, best: float | None) -> Floats:
    """How much trying each of n configs is expected to gain, (n,); more is better.

    `tried` is a mask (n,) of the configs already tried (RUNNING ones count) and `best` the lowest loss among
    them (None: there is none). Where the forecast has scenarios, the gain is averaged over them: what a
    config adds to those tried, if the new task behaved like each past one. Regrets saturate, so that a few
    past tasks with disastrous configs do not decide alone.
    """
    if forecast.scenarios is not None and forecast.weights is not None:
        return _gain_over_scenarios(forecast.scenarios, forecast.weights, tried)
    return -forecast.mean if best is None else expected_improvement(forecast, best)


def expected_improvement(forecast: Forecast, best: float) -> Floats:
    """How far each config is expected to undercut `best`, in units of loss.

    `forecast` holds n configs; the result has shape (n,) and is never negative.
    Source: Jones, Schonlau, Welch 1998, doi:10.1023/A:1008306431147 (turned to minimise).
    """
    ahead = best - forecast.mean
    z = ahead / np.maximum(forecast.std, 1e-12)
    return np.asarray(np.maximum(ahead * norm.cdf(z) + forecast.std * norm.pdf(z), 0.0))


def _gain_over_scenarios(scenarios: Floats, weights: Floats, tried: Mask) -> Floats:
    regrets = scenarios - scenarios.min(axis=1, keepdims=True)
    badness = RegretScale.of(scenarios).badness(regrets)
    so_far = badness[:, tried].min(axis=1, keepdims=True) if tried.any() else 1.0
    return np.asarray(weights @ np.maximum(so_far - badness, 0.0))

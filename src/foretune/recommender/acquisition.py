"""What each candidate is worth trying: its expected gain over the best so far."""

import numpy as np
from scipy.special import ndtr

from foretune.data.records import Floats, Forecast, Mask
from foretune.learners.learner import RegretScale


def expected_gain(forecast: Forecast, tried: Mask, *, best: float | None) -> Floats:
    """How much trying each of n configs is expected to gain, (n,); more is better.

    `tried` is a mask (n,) of the configs already tried (RUNNING ones count) and `best` the lowest loss among
    them (None: there is none). Where the forecast has scenarios, the gain is averaged over them: what a
    config adds to those tried, if the new task behaved like each past one. Regrets saturate, so that a few
    past tasks with disastrous configs do not decide alone. Where it has badness, that is what is gained.
    """
    if forecast.badness is not None and forecast.shares is not None and tried.any():
        so_far = forecast.badness[:, tried].min(axis=1, keepdims=True)
        return np.asarray(forecast.shares @ np.maximum(so_far - forecast.badness, 0.0))
    if forecast.scenarios is not None and forecast.weights is not None:
        if forecast.spread is not None:
            return _improvement_over_scenarios(forecast, tried)
        return _gain_over_scenarios(forecast.scenarios, forecast.weights, tried)
    return -forecast.mean if best is None else expected_improvement(forecast, best)


def expected_improvement(forecast: Forecast, best: float) -> Floats:
    """How far each config is expected to undercut `best`, in units of loss.

    `forecast` holds n configs; the result has shape (n,) and is never negative.
    Source: Jones, Schonlau, Welch 1998, doi:10.1023/A:1008306431147 (turned to minimise).
    """
    return _improvement(best - forecast.mean, forecast.std)


def _improvement(ahead: Floats, std: Floats) -> Floats:
    """The mean of max(N(ahead, std), 0)."""
    z = ahead / np.maximum(std, 1e-12)
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return np.asarray(np.maximum(ahead * ndtr(z) + std * density, 0.0))


def _improvement_over_scenarios(forecast: Forecast, tried: Mask) -> Floats:
    """The expected improvement on what was tried, averaged over scenarios that are not exact."""
    scenarios, weights, spread = forecast.scenarios, forecast.weights, forecast.spread
    assert scenarios is not None and weights is not None and spread is not None
    if not tried.any():
        return -np.asarray(weights @ scenarios)
    so_far = scenarios[:, tried].min(axis=1, keepdims=True)
    return np.asarray(weights @ _improvement(so_far - scenarios, spread))


def _gain_over_scenarios(scenarios: Floats, weights: Floats, tried: Mask) -> Floats:
    regrets = scenarios - scenarios.min(axis=1, keepdims=True)
    badness = RegretScale.of(scenarios).badness(regrets)
    so_far = badness[:, tried].min(axis=1, keepdims=True) if tried.any() else 1.0
    return np.asarray(weights @ np.maximum(so_far - badness, 0.0))

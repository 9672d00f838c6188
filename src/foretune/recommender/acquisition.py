"""What each candidate is worth trying: its expected gain over the best so far."""

import numpy as np
from scipy.stats import norm

from foretune.data.records import Floats, Forecast, Mask


def expected_gain(forecast: Forecast, tried: Mask, *, best: float | None) -> Floats:
    """How much trying each of n configs is expected to gain, (n,); more is better.

    `tried` is a mask (n,) of the configs already tried (RUNNING ones count) and `best` the lowest loss among
    them. Before the first trial the lowest forecast is worth most. After it, where the forecast has
    scenarios, the gain is averaged over them: what a config adds to those tried, if the new task behaved like
    each past one.
    """
    if forecast.scenarios is not None and forecast.weights is not None and tried.any():
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
    so_far = scenarios[:, tried].min(axis=1, keepdims=True)
    return np.asarray(weights @ np.maximum(so_far - scenarios, 0.0))

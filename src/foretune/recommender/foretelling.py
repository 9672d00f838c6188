"""Do past tasks foretell one another at all? A test of what each was forecast to be by the others."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.stats import spearmanr

from foretune.data.records import Floats

CHANCE: Final = 2.0  # standard errors: chance alone comes so far in one history of forty
FEWEST_TASKS: Final = 16  # with fewer, an honest history may look no better than chance
SURE: Final = 100.0  # standard errors: where nothing tells against it


def agreement(forecast: Floats, truth: Floats) -> float:
    """The rank correlation of forecast and true losses (n,), in [-1, 1]; NaN where either is constant."""
    if not (np.ptp(forecast) and np.ptp(truth)):
        return float("nan")
    return float(spearmanr(forecast, truth).statistic)


def foretold(agreements: Sequence[float]) -> float:
    """By how many standard errors these agreements of several tasks are above nothing, `SURE` at most."""
    known = np.array(agreements, dtype=np.float64)
    known = known[np.isfinite(known)]
    if len(known) < FEWEST_TASKS:
        return SURE
    error = float(known.std(ddof=1) / np.sqrt(len(known)))
    return min(float(known.mean()) / max(error, 1e-12), SURE)

"""When a search may stop: what is left to gain, and how sure it is that the best so far will do."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Final, Self

import numpy as np
from scipy.special import expit, log_ndtr
from sklearn.linear_model import LogisticRegression

from foretune.data.errors import LearningError
from foretune.data.records import Floats, Forecast, Mask, Task
from foretune.recommender.acquisition import expected_gain

TOLERANCES: Final = (0.03, 0.1, 0.3)  # rehearsed, in typical spreads of a task's losses
REACH: Final = np.linspace(0.0, 3.0, 31)[1:]  # gains looked at, in such spreads
FEWEST: Final = 200  # rehearsed verdicts that a calibration needs
PRIOR: Final = np.array([-1.0, 0.0, -1.0, 0.0])  # an uncalibrated verdict: the count of better configs alone


def check_tolerance(tolerance: object) -> None:
    """Raises `LearningError` for a tolerance that is none."""
    if isinstance(tolerance, bool) or not isinstance(tolerance, Real) or not 0 <= float(tolerance) < math.inf:
        raise LearningError(f"tolerance={tolerance!r} is no tolerance: give a finite number, 0 or greater.")


@dataclass(frozen=True)
class Outlook:
    """What is left on the table.

    `gain` is the expected further gain of an unlimited search, in units of loss; `probability` in [0, 1] that
    no config undercuts the best so far by more than `tolerance`. `stop` is true where that is 95 % sure.
    """

    gain: float
    probability: float
    tolerance: float

    @property
    def stop(self) -> bool:
        """Whether it is at least 95 % sure that the best so far is within the tolerance of the best."""
        return self.probability >= 0.95

    def with_at_most(self, left: float) -> Self:
        """The outlook where no more than `left` can be gained; below 0 it is not known what can."""
        if left < 0:
            return self
        sure = 1.0 if left <= self.tolerance else self.probability
        return replace(self, gain=min(self.gain, left), probability=sure)


@dataclass(frozen=True)
class Verdict:
    """What a rehearsal showed: signs (3,) that could be seen, and whether the best so far was good enough."""

    signs: Floats
    right: bool


@dataclass(frozen=True)
class Stopping:
    """Turns signs into a probability by logistic regression on rehearsed verdicts: `weights` (4,).

    The verdicts of searches through past tasks, whose best config was known in the end, calibrate it.
    """

    weights: Floats
    spread: float

    def as_json(self) -> dict[str, Any]:
        """The calibration as numbers and lists."""
        return {"weights": self.weights.tolist(), "spread": self.spread}

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """The calibration that `as_json` wrote."""
        return cls(np.array(values["weights"], dtype=np.float64), float(values["spread"]))

    @classmethod
    def learned(cls, verdicts: Sequence[Verdict], spread: float) -> Self:
        """The calibration by these verdicts; with few of them, or all alike, none."""
        right = np.array([verdict.right for verdict in verdicts])
        if len(verdicts) < FEWEST or right.all() or not right.any():
            return cls(PRIOR, spread)
        model = LogisticRegression(C=1.0).fit(np.array([verdict.signs for verdict in verdicts]), right)
        return cls(np.append(model.coef_[0], model.intercept_[0]), spread)

    @classmethod
    def of_past(cls, tasks: Sequence[Task]) -> Self:
        """No calibration, by the spread that losses of these tasks typically have."""
        spreads = [np.std([t.loss for t in task.done if t.loss is not None]) for task in tasks]
        return cls.learned([], float(np.median(spreads)) or 1.0)

    def outlook(self, forecast: Forecast, tried: Mask, best: float, tolerance: float) -> Outlook:
        """The outlook where the configs of the forecast are all that may be tried."""
        missed = [1 - self._within(forecast, tried, best, step) for step in self.spread * REACH]
        gain = self.spread * float(REACH[0]) * float(np.sum(missed))
        return Outlook(gain, self._within(forecast, tried, best, tolerance), tolerance)

    def _within(self, forecast: Forecast, tried: Mask, best: float, tolerance: float) -> float:
        if tried.all():
            return 1.0
        return float(expit(signs(forecast, tried, best, tolerance) @ self.weights[:3] + self.weights[3]))


def signs(forecast: Forecast, tried: Mask, best: float, tolerance: float) -> Floats:
    """What tells how likely it is that a config undercuts the best so far by more than the tolerance.

    Three numbers: the log of how many configs are expected to; the log of the largest expected improvement
    in units of the tolerance; the log of the number of trials.
    """
    target = best - tolerance
    if forecast.scenarios is None or forecast.weights is None or forecast.spread is None:
        means, stds, weights = forecast.mean[None], forecast.std[None], np.ones(1)
    else:
        means, stds, weights = forecast.scenarios, forecast.spread, forecast.weights
    none_better = log_ndtr((means[:, ~tried] - target) / np.maximum(stds[:, ~tried], 1e-12)).sum(axis=1)
    count = float(weights @ np.minimum(-none_better, 50.0))
    in_losses = replace(forecast, badness=None)
    gain = max(float(expected_gain(in_losses, tried, best=best)[~tried].max()), 0.0)
    return np.array(
        [np.log(count + 1e-4), np.log(gain / max(tolerance, 1e-12) + 1e-4), np.log(max(tried.sum(), 1))]
    )

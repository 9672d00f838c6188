"""Judging: what a replayed search is measured by, and the tables of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.stats import norm, rankdata, spearmanr

from foretune.data.metrics import HAS_UNITS
from foretune.data.records import Floats, Forecast, Task, Trial

CHECKPOINTS: Final = (1, 2, 3, 5, 10, 20, 25, 30, 50)
RANDOM: Final = "random"
SHARE: Final = 0.8  # of the losses that an interval should hold
HALF_WIDTH: Final = float(norm.ppf(0.5 + SHARE / 2))  # of such an interval, in standard deviations
SOLVED: Final = 1e-9  # a normalised regret up to this is the best recorded config


@dataclass(frozen=True)
class Calibration:
    """How well the losses of the configs not yet tried were forecast after `trials` trials.

    `inside` is the share of them in their 80 % intervals, `width` the mean width of these intervals, as a
    share of the range of the task's losses.
    """

    trials: int
    inside: float
    width: float


@dataclass(frozen=True)
class Search:
    """One method on one task: normalised regret after 1..n trials (n,), and how well it had forecast.

    `forecast` and `truth` (m,) are the losses of all recorded configs before any trial; NaN where the method
    forecasts none. `seconds` is what each recommendation took, `calibration` how far forecasts were right.
    """

    learner: str
    task: Task
    regret: Floats
    forecast: Floats
    truth: Floats
    seconds: tuple[float, ...] = ()
    calibration: tuple[Calibration, ...] = ()

    @property
    def solved_after(self) -> int | None:
        """The trials it took to find the best recorded config; None where it was not found."""
        found = np.flatnonzero(self.regret <= SOLVED)
        return int(found[0]) + 1 if len(found) else None

    @property
    def area(self) -> float:
        """The area under the regret curve, as the mean over its trials: 0 = the best at once."""
        return float(self.regret.mean())


def losses_of(trials: Sequence[Trial]) -> Floats:
    """The losses (n,) of n finished trials."""
    return np.array([trial.loss for trial in trials], dtype=np.float64)


def regret_curve(tried: Sequence[Trial], task: Task, trials: int) -> Floats:
    """The best so far after 1..`trials` trials, 0 = the best recorded config, 1 = the worst."""
    everything = losses_of(task.done)
    low, high = everything.min(), everything.max()
    best = np.minimum.accumulate(losses_of(tried)[:trials])
    best = np.concatenate([best, np.full(trials - len(best), best[-1])])
    return np.asarray((best - low) / max(high - low, 1e-12))


def calibration_of(forecast: Forecast, truth: Floats, *, trials: int, spread: float) -> Calibration | None:
    """How well the losses `truth` (n,) were forecast; None where there is none or the forecast is not finite.

    `spread` is the range of all the task's losses.
    """
    if not len(truth) or not np.isfinite([forecast.mean, forecast.std]).all():
        return None
    half = HALF_WIDTH * forecast.std
    inside = np.abs(truth - forecast.mean) <= half
    return Calibration(trials, float(inside.mean()), float(2.0 * half.mean() / max(spread, 1e-12)))


def curves(searches: Sequence[Search]) -> list[dict[str, Any]]:
    """For each family and learner: mean normalised regret and mean rank after 1, 2, 3, 5, ... trials."""
    rows = []
    for family in dict.fromkeys(search.task.family for search in searches):
        mine = [search for search in searches if search.task.family == family]
        learners = list(dict.fromkeys(search.learner for search in mine))
        regret = np.array([[s.regret for s in mine if s.learner == name] for name in learners])
        rank = rankdata(regret.round(9), axis=0)
        at = [n for n in CHECKPOINTS if n <= regret.shape[2]]
        for k, name in enumerate(learners):
            rows.append(
                {
                    "family": family,
                    "learner": name,
                    "tasks": regret.shape[1],
                    "trials": at,
                    "regret": [float(regret[k, :, n - 1].mean()) for n in at],
                    "rank": [float(rank[k, :, n - 1].mean()) for n in at],
                }
            )
    return rows


def prediction(searches: Sequence[Search]) -> list[dict[str, Any]]:
    """For each family and learner: how well losses were forecast before any trial of the task."""
    rows = []
    for family in dict.fromkeys(search.task.family for search in searches):
        for name in dict.fromkeys(search.learner for search in searches):
            mine = [s for s in searches if s.task.family == family and s.learner == name]
            if name == RANDOM or not mine or np.isnan(mine[0].forecast).any():
                continue
            pairs = [(search.forecast, search.truth) for search in mine]
            found = forecast_accuracy(pairs, in_units=mine[0].task.metric in HAS_UNITS)
            rows.append({"family": family, "learner": name, **found})
    return rows


def forecast_accuracy(pairs: Sequence[tuple[Floats, Floats]], *, in_units: bool = False) -> dict[str, float]:
    """RMSE and R2 over all (forecast, truth) pairs (m,), one pair a task; mean Spearman within a task.

    A truth that is NaN could not be measured, and is passed over. `in_units` says that each task's scores are
    in the units of its own target: then only their order can be forecast, and RMSE and R2 are NaN.
    """
    pairs = [(f[~np.isnan(t)], t[~np.isnan(t)]) for f, t in pairs]
    pairs = [pair for pair in pairs if len(pair[1])]
    if not pairs:
        return dict.fromkeys(("rmse", "r2", "spearman"), math.nan)
    forecast, truth = (np.concatenate(side) for side in zip(*pairs, strict=True))
    error, spread = np.sum((truth - forecast) ** 2), np.sum((truth - truth.mean()) ** 2)
    within = [spearmanr(f, t).statistic for f, t in pairs if np.ptp(f) > 0 and np.ptp(t) > 0]
    return {
        "rmse": math.nan if in_units else float(np.sqrt(error / len(truth))),
        "r2": math.nan if in_units else float(1 - error / max(spread, 1e-12)),
        "spearman": float(np.mean(within)) if within else float("nan"),
    }

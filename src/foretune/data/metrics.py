"""Which way each metric points: a score becomes a loss here, once, and a score again when it is shown.

A loss is the score with its sign turned where greater is better, so that turning it back is exact.
"""

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, Literal

from foretune.data.errors import MetricError

Target = Literal["classification", "regression"]

CLASSIFICATION_METRICS: Final = ("accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss")
REGRESSION_METRICS: Final = ("r2", "rmse", "mae")
LOWER_IS_BETTER: Final = frozenset({"log_loss", "rmse", "mae", "mse", "error", "loss"})

HAS_UNITS: Final = frozenset({"rmse", "mae", "mse"})  # those of the target

NEGATED: Final = "neg_"  # what scikit-learn puts before the name of an error whose sign it turns

# What scores may be.
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    **dict.fromkeys(
        ("accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_micro", "f1_weighted", "roc_auc"), (0.0, 1.0)
    ),
    **dict.fromkeys(("precision", "recall", "average_precision"), (0.0, 1.0)),
    **dict.fromkeys(("log_loss", "rmse", "mae", "mse"), (0.0, float("inf"))),
    "r2": (float("-inf"), 1.0),
    "error": (0.0, float("inf")),
}

# scikit-learn's names that foretune spells otherwise, once "neg_" and "_score" are off.
_OURS: Final[Mapping[str, str]] = {
    "root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
}


def to_loss(metric: str, score: float) -> float:
    """The loss (lower is better) of a score in the metric's own direction.

    >>> to_loss("accuracy", 0.9), to_loss("log_loss", 0.3)
    (-0.9, 0.3)
    """
    return score if metric in LOWER_IS_BETTER else -score


def lowest_loss(metric: str) -> float:
    """The lowest loss that there can be; minus infinity where that is not known.

    >>> lowest_loss("accuracy"), lowest_loss("rmse"), lowest_loss("score")
    (-1.0, 0.0, -inf)
    """
    low, high = RANGES.get(metric, (-math.inf, math.inf))
    return low if metric in LOWER_IS_BETTER else -high


def highest_loss(metric: str) -> float:
    """The highest loss that there can be; infinity where that is not known.

    >>> highest_loss("accuracy"), highest_loss("rmse"), highest_loss("score")
    (-0.0, inf, inf)
    """
    low, high = RANGES.get(metric, (-math.inf, math.inf))
    return high if metric in LOWER_IS_BETTER else -low


def may_ruin(metric: str) -> bool:
    """Whether one score may be so bad that it decides a mean: a metric is known, and has no worst score.

    >>> may_ruin("r2"), may_ruin("accuracy"), may_ruin("score")
    (True, False, False)
    """
    return metric in RANGES and not math.isfinite(highest_loss(metric))


def goes_by_ratio(metric: str) -> bool:
    """Whether only ratios of its losses mean something: none is below 0, and there is no worst one.

    >>> goes_by_ratio("rmse"), goes_by_ratio("log_loss"), goes_by_ratio("r2"), goes_by_ratio("score")
    (True, True, False, False)
    """
    return lowest_loss(metric) == 0.0 and highest_loss(metric) == math.inf


def to_score(metric: str, loss: float) -> float:
    """The score in the metric's own direction: the exact inverse of `to_loss`."""
    return to_loss(metric, loss)


def gap_to(metric: str, score: float, other: float) -> float:
    """How far a score stays behind another one, positive where it is worse.

    An error in the target's units as a share of the other one, so that gaps of several targets have a mean.

    >>> gap_to("r2", 0.5, 0.75), gap_to("rmse", 110.0, 100.0)
    (0.25, 0.1)
    """
    gap = to_loss(metric, score) - to_loss(metric, other)
    if metric not in HAS_UNITS or gap == 0:
        return gap
    return gap / other if other else math.inf


def metric_of_scorer(name: str) -> str:
    """What foretune calls the metric that scikit-learn's scorer of this name measures.

    An error that foretune does not know keeps the sign that scikit-learn gives it, and its name says so.

    >>> metric_of_scorer("neg_root_mean_squared_error"), metric_of_scorer("f1_macro")
    ('rmse', 'f1_macro')
    >>> metric_of_scorer("neg_brier_score")
    'neg_brier'
    """
    bare = name.removeprefix(NEGATED).removesuffix("_score")
    ours = _OURS.get(bare, bare)
    return NEGATED + ours if name.startswith(NEGATED) and ours not in LOWER_IS_BETTER else ours


def metrics_for(target: Target) -> tuple[str, ...]:
    """The names of the metrics that every sweep measures on such a target."""
    return CLASSIFICATION_METRICS if target == "classification" else REGRESSION_METRICS


def check_metric(metric: str, target: Target) -> str:
    """The metric itself where it fits the target; else a `MetricError` that names the nearest one."""
    known = metrics_for(target)
    if metric in known:
        return metric
    near = get_close_matches(metric, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}."
    raise MetricError(f"{metric!r} is not a {target} metric of foretune: {hint}")

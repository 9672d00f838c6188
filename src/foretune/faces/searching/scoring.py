"""Which metric of the past serves a search, whatever it is scored by."""

from collections.abc import Mapping
from typing import Any, Final

from foretune.data.metrics import LOWER_IS_BETTER, NEGATED, Target, metric_of_scorer, metrics_for

_LABELS: Final = ("f1_macro", "balanced_accuracy", "accuracy")
_RANKS: Final = ("roc_auc", "log_loss", "balanced_accuracy", "accuracy")
_CHANCES: Final = ("log_loss", "roc_auc", "accuracy")
_SQUARES: Final = ("rmse", "r2", "mae")
_SIZES: Final = ("mae", "rmse", "r2")
# What a metric rewards is what these reward, the nearest first; the first beginning that fits counts.
NEAREST: Final[Mapping[str, tuple[str, ...]]] = {
    "accuracy": ("accuracy", "balanced_accuracy", "f1_macro"),
    "top_k_accuracy": ("accuracy",),
    "balanced_accuracy": ("balanced_accuracy", "f1_macro", "accuracy"),
    "recall": ("balanced_accuracy", "f1_macro", "accuracy"),
    "matthews_corrcoef": ("balanced_accuracy", "f1_macro", "accuracy"),
    "cohen_kappa": ("balanced_accuracy", "f1_macro", "accuracy"),
    "f1_micro": ("accuracy",),
    "f1": _LABELS,
    "fbeta": _LABELS,
    "precision": _LABELS,
    "jaccard": _LABELS,
    "roc_auc": _RANKS,
    "average_precision": _RANKS,
    "log_loss": _CHANCES,
    "brier": _CHANCES,
    "d2_log_loss": _CHANCES,
    "d2_brier": _CHANCES,
    "r2": ("r2", "rmse", "mae"),
    "explained_variance": ("r2", "rmse", "mae"),
    "rmse": _SQUARES,
    "mse": _SQUARES,
    "max_error": _SQUARES,
    "mean_poisson": _SQUARES,
    "mean_gamma": _SQUARES,
    "mae": _SIZES,
    "median_absolute": _SIZES,
    "mean_absolute_percentage": _SIZES,
    "mean_squared_log": _SIZES,
    "root_mean_squared_log": _SIZES,
    "d2_absolute": _SIZES,
    "mean_pinball": _SIZES,
}
# Scores in [0, 1] differ alike from one model to the next, whichever they are.
ALIKE: Final = ("accuracy", "balanced", "recall", "precision", "f1", "fbeta", "jaccard", "top_k", "roc_auc")
ALIKE_NUMBERS: Final = ("r2", "explained_variance")


def metric_of(scorer: Any, target: Target | None) -> str:
    """The name of what a scorer measures, as foretune spells it: "neg_log_loss" is log_loss.

    >>> metric_of("neg_root_mean_squared_error", "regression"), metric_of(None, "classification")
    ('rmse', 'accuracy')
    """
    if scorer is None:
        return metrics_for(target)[0] if target else "score"
    function = getattr(scorer, "_score_func", scorer)
    name = scorer if isinstance(scorer, str) else str(getattr(function, "__name__", type(scorer).__name__))
    if isinstance(scorer, str):
        return metric_of_scorer(name)
    if getattr(scorer, "_sign", 1) < 0:
        return metric_of_scorer(NEGATED + name)
    name = name if function is scorer else metric_of_scorer(name)
    # A function of the user's own is greater where it is better, even if it is called "loss".
    return f"negative_{name}" if name in LOWER_IS_BETTER else name


def nearest_metrics(metric: str, target: Target | None) -> list[str]:
    """The metrics of the past that may serve such a search, the nearest first.

    >>> nearest_metrics("f1", "classification")[:2]
    ['f1', 'f1_macro']
    """
    measured = metric.removeprefix(NEGATED)
    chain = next((chain for start, chain in NEAREST.items() if measured.startswith(start)), ())
    usual = metrics_for(target) if target else ()
    known = [one for one in chain if not usual or one in usual]
    return [*dict.fromkeys([metric, *known, *usual])]


def is_alike(metric: str, served: str) -> bool:
    """Whether differences of the two metrics are of one size, so that losses may be compared as they are."""
    return metric == served or any(
        metric.startswith(kind) and served.startswith(kind) for kind in (ALIKE, ALIKE_NUMBERS)
    )

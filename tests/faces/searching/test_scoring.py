"""Which metric of the past serves a search."""

from typing import Any

import pytest
from sklearn.metrics import f1_score, get_scorer_names, make_scorer, max_error, mean_squared_error

from foretune.data.metrics import Target, metrics_for
from foretune.faces.searching.scoring import NEAREST, is_alike, metric_of, nearest_metrics


def loss(estimator: Any, X: Any, y: Any) -> float:
    """A score of a user's own, called what it is not."""
    return float(estimator.score(X, y))


@pytest.mark.parametrize(
    ("scorer", "target", "metric"),
    [
        (None, "classification", "accuracy"),
        (None, "regression", "r2"),
        (None, None, "score"),
        ("neg_log_loss", "classification", "log_loss"),
        ("neg_root_mean_squared_error", "regression", "rmse"),
        ("neg_mean_squared_error", "regression", "mse"),
        ("roc_auc", "classification", "roc_auc"),
        (make_scorer(f1_score, average="macro"), "classification", "f1"),
        (make_scorer(mean_squared_error, greater_is_better=False), "regression", "mse"),
        (loss, "classification", "negative_loss"),
        ("neg_brier_score", "classification", "neg_brier"),
        (make_scorer(max_error, greater_is_better=False), "regression", "neg_max_error"),
        (make_scorer(mean_squared_error), "regression", "negative_mse"),
    ],
)
def test_a_scorer_by_its_name(scorer: Any, target: Target | None, metric: str) -> None:
    """Whatever scores a search is known by the name that foretune has for it."""
    assert metric_of(scorer, target) == metric


@pytest.mark.parametrize(
    ("metric", "target", "served"),
    [
        ("f1", "classification", "f1_macro"),
        ("f1_micro", "classification", "accuracy"),
        ("roc_auc_ovr", "classification", "roc_auc"),
        ("brier", "classification", "log_loss"),
        ("neg_brier", "classification", "log_loss"),
        ("recall", "classification", "balanced_accuracy"),
        ("mse", "regression", "rmse"),
        ("median_absolute_error", "regression", "mae"),
        ("explained_variance", "regression", "r2"),
        ("profit", "classification", "accuracy"),
        ("profit", "regression", "r2"),
    ],
)
def test_the_nearest_metric(metric: str, target: Target, served: str) -> None:
    """A metric that no experience holds is served by one that rewards the like."""
    assert nearest_metrics(metric, target)[:2] == [metric, served]


def test_the_metric_itself_comes_first() -> None:
    """A metric that the experience holds is served by itself, the others standing by."""
    targets: list[Target] = ["classification", "regression"]
    for target in targets:
        for metric in metrics_for(target):
            found = nearest_metrics(metric, target)
            assert found[0] == metric
            assert {*found} == {*metrics_for(target)}


def test_most_of_scikit_learns_scorers_are_known() -> None:
    """All of scikit-learn's scorers of classes and numbers have a neighbour, but those of clusterings."""
    metrics = {name: metric_of(name, None) for name in get_scorer_names()}
    unknown = {
        name
        for name, one in metrics.items()
        if not any(one.removeprefix("neg_").startswith(start) for start in NEAREST)
    }
    clusterings = {name for name in unknown if "rand" in name or "info" in name or "homogeneity" in name}
    rest = unknown - clusterings - {"completeness_score", "v_measure_score", "fowlkes_mallows_score"}
    assert rest <= {"positive_likelihood_ratio", "neg_negative_likelihood_ratio"}


def test_scores_of_one_size() -> None:
    """Shares compare as they are; errors of another unit do not."""
    assert is_alike("f1_weighted", "f1_macro") and is_alike("rmse", "rmse")
    assert not is_alike("mse", "rmse") and not is_alike("profit", "accuracy")

"""Scores and losses."""

import pytest
from hypothesis import given, strategies as st

from foretune.data.errors import MetricError
from foretune.data.metrics import (
    CLASSIFICATION_METRICS,
    LOWER_IS_BETTER,
    REGRESSION_METRICS,
    Target,
    check_metric,
    metrics_for,
    to_loss,
    to_score,
)

METRICS = st.sampled_from([*CLASSIFICATION_METRICS, *REGRESSION_METRICS, "mse", "my_own"])
SCORES = st.floats(allow_nan=False)


@given(METRICS, SCORES)
def test_loss_and_score_are_exact_inverses(metric: str, score: float) -> None:
    """Turning a score into a loss and back changes not one bit of it."""
    assert to_score(metric, to_loss(metric, score)).hex() == score.hex()
    assert to_loss(metric, to_score(metric, score)).hex() == score.hex()


@given(METRICS, SCORES, SCORES)
def test_a_better_score_is_a_lower_loss(metric: str, one: float, other: float) -> None:
    """Losses stand in the opposite order of scores, unless lower scores are better already."""
    better = one < other if metric in LOWER_IS_BETTER else one > other
    assert (to_loss(metric, one) < to_loss(metric, other)) == better


def test_each_metric_points_as_scikit_learn_says() -> None:
    """Only errors and log loss are better when lower."""
    lower = {metric for metric in (*CLASSIFICATION_METRICS, *REGRESSION_METRICS) if to_loss(metric, 1.0) > 0}
    assert lower == {"log_loss", "rmse", "mae"}


@pytest.mark.parametrize("target", ["classification", "regression"])
def test_every_metric_of_a_target_fits_it(target: Target) -> None:
    """A metric is accepted for its own kind of target and refused for the other."""
    other: Target = "regression" if target == "classification" else "classification"
    for metric in metrics_for(target):
        assert check_metric(metric, target) == metric
        with pytest.raises(MetricError, match=f"not a {other} metric"):
            check_metric(metric, other)


def test_an_unknown_metric_names_the_nearest() -> None:
    """A misspelt metric brings a suggestion; one that resembles none, the list."""
    with pytest.raises(MetricError, match="did you mean 'accuracy'"):
        check_metric("acuracy", "classification")
    with pytest.raises(MetricError, match="use one of r2, rmse, mae"):
        check_metric("xyz", "regression")

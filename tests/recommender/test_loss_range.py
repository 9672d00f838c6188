"""What losses a metric allows."""

import numpy as np
import pytest

from foretune.data.records import Task, Trial
from foretune.recommender.loss_range import LossRange


def judged(metric: str, *losses: float) -> Task:
    """A task with these losses."""
    return Task("t", "svm", None, metric=metric).plus(
        *(Trial({"C": k}, loss) for k, loss in enumerate(losses))
    )


def test_a_forecast_stays_within_what_there_can_be() -> None:
    """No accuracy above 1 is expected, and none is doubted by more than half of the range."""
    found = LossRange.of([judged("accuracy", -0.9, -0.2)])
    assert found.expected(-1.3, 4.0) == (-1.0, 0.5)
    assert found.expected(-0.8, 0.1) == (-0.8, 0.1)
    assert found.clipped(np.array([-2.0, -0.5, 0.3])).tolist() == [-1.0, -0.5, 0.0]


@pytest.mark.parametrize("metric", ["accuracy", "score"])
def test_percentages_and_own_metrics_have_no_bounds(metric: str) -> None:
    """Where past losses go beyond the range, or the metric is not known, anything may be expected."""
    found = LossRange.of([judged(metric, -92.0)])
    assert found.expected(-130.0, 40.0) == (-130.0, 40.0)
    assert found.on(judged(metric, 92.0)) == found


@pytest.mark.parametrize(("metric", "wrong"), [("accuracy", 0.97), ("log_loss", -0.4), ("r2", -3.0)])
def test_a_loss_of_the_wrong_sign_is_told_of(metric: str, wrong: float) -> None:
    """A loss that only fits with its sign turned is told with the one that was meant."""
    found = LossRange.of([judged(metric, -wrong)])
    assert f"loss={-wrong:g}" in found.doubt(judged(metric, -wrong, wrong))
    assert found.doubt(judged(metric, -wrong)) == found.doubt(judged("another", wrong)) == ""
    assert found.on(judged("another", wrong)) == LossRange("another")


def test_a_task_beyond_the_range_has_no_bounds() -> None:
    """Percentages among fractions are no mistake of sign: they are taken as they are."""
    found = LossRange.of([judged("accuracy", -0.9)])
    assert found.on(judged("accuracy", -97.0)) == LossRange("accuracy")
    assert not found.doubt(judged("accuracy", -97.0))

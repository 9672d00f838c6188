"""When a search may stop."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from foretune.data.errors import LearningError
from foretune.data.records import Forecast, Task, Trial
from foretune.recommender.recommender import Recommender
from foretune.recommender.stopping import FEWEST, PRIOR, Stopping, Verdict, signs
from foretune.testing import RELATED_CELLS, related_loss, related_task, related_tasks


def tried(n: int) -> Task:
    """The task of size 0.3 with its n best cells tried last."""
    cells = sorted(RELATED_CELLS, key=lambda cell: -related_loss(cell, 0.3, 0.4))
    trials = [Trial(cell, related_loss(cell, 0.3, 0.4)) for cell in cells[:n]]
    return related_task("new", 0.3, 0.4).plus(*trials)


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    """The default recommender, taught by related tasks."""
    return Recommender().fit(related_tasks())


def test_the_outlook_brightens_with_the_best_found(recommender: Recommender) -> None:
    """With the worst cells tried there is much to gain; with all tried there is nothing, for certain."""
    poor = recommender.outlook(tried(2), candidates=RELATED_CELLS)
    complete = recommender.outlook(tried(len(RELATED_CELLS)), candidates=RELATED_CELLS)
    assert not poor.stop
    assert poor.gain > 0.01
    assert (complete.gain, complete.probability, complete.stop) == (0.0, 1.0, True)


def test_a_wider_tolerance_is_met_more_surely(recommender: Recommender) -> None:
    """The probability grows with the tolerance."""
    found = [recommender.outlook(tried(6), tolerance=t, candidates=RELATED_CELLS) for t in (0.001, 0.05, 1.0)]
    assert found[0].probability < found[1].probability < found[2].probability


def test_without_a_finished_trial_there_is_no_outlook(recommender: Recommender) -> None:
    """The error says to try a config first."""
    with pytest.raises(LearningError, match="try a config first"):
        recommender.outlook(related_task("new", 0.3, 0.4))


@pytest.mark.parametrize("tolerance", [math.nan, -1.0, math.inf, "0.1", True])
def test_a_tolerance_that_is_none_is_refused(recommender: Recommender, tolerance: Any) -> None:
    """What is no finite number from 0 on is answered by what is wanted."""
    with pytest.raises(LearningError, match=r"tolerance=.*finite number, 0 or greater"):
        recommender.outlook(tried(2), tolerance=tolerance, candidates=RELATED_CELLS)


def test_verdicts_calibrate() -> None:
    """Where rehearsals were right however they looked, so is the outlook; few verdicts do not move it."""
    rng = np.random.default_rng(0)
    verdicts = [Verdict(rng.normal(size=3), bool(rng.random() < 0.9)) for _ in range(4 * FEWEST)]
    forecast = Forecast(np.array([0.5, 0.4]), np.array([0.1, 0.1]))
    mask = np.array([True, False])
    learned = Stopping.learned(verdicts, 1.0).outlook(forecast, mask, 0.5, 0.1)
    assert learned.probability == pytest.approx(0.9, abs=0.08)
    assert Stopping.learned(verdicts[:9], 1.0).weights is PRIOR


def test_signs_count_what_may_be_better() -> None:
    """More configs that may undercut the best raise the first sign; more trials raise the last."""
    few = Forecast(np.array([0.5, 0.4, 0.9]), np.full(3, 0.05))
    many = Forecast(np.array([0.5, 0.4, 0.4]), np.full(3, 0.05))
    mask = np.array([True, False, False])
    assert signs(few, mask, 0.5, 0.01)[0] < signs(many, mask, 0.5, 0.01)[0]


def test_a_perfect_score_leaves_nothing_to_gain() -> None:
    """No score is above 1, so a search that has it may stop; a metric that nobody knows may go on."""
    past = related_tasks()
    task = replace(related_task("new", 0.5, 0.5), trials=(Trial(RELATED_CELLS[0], -1.0),))
    found = Recommender("portfolio").fit(past).outlook(task, candidates=RELATED_CELLS)
    assert (found.gain, found.probability) == (0.0, 1.0)
    near = replace(task, trials=(Trial(RELATED_CELLS[0], -0.97),))
    assert Recommender("portfolio").fit(past).outlook(near, candidates=RELATED_CELLS).gain <= 0.03 + 1e-9
    unknown = [replace(one, metric="score") for one in past]
    free = (
        Recommender("portfolio").fit(unknown).outlook(replace(task, metric="score"), candidates=RELATED_CELLS)
    )
    assert free.probability < 1

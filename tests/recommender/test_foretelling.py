"""Whether past tasks foretell one another, and what is done where they do not."""

import math
from dataclasses import replace

import numpy as np
import pytest

from foretune.data.records import Task
from foretune.recommender.foretelling import CHANCE, SURE, agreement, foretold
from foretune.recommender.recommender import Recommender
from foretune.recommender.selection import Auto
from foretune.testing import RELATED_CELLS, related_task, related_tasks


def drawn(task: Task, rng: np.random.Generator) -> Task:
    """The task with losses that have nothing to do with its configs."""
    return replace(task, trials=tuple(replace(trial, loss=float(rng.random())) for trial in task.trials))


@pytest.fixture
def lottery() -> list[Task]:
    """A past of twenty tasks in which chance alone decided."""
    rng = np.random.default_rng(1)
    return [drawn(task, rng) for task in related_tasks(20)]


def test_agreement_is_the_correlation_of_ranks() -> None:
    """It is 1 in the same order, -1 in the opposite one, and unknown of what is constant."""
    losses = np.array([1.0, 2.0, 40.0])
    assert agreement(losses, losses**3) == pytest.approx(1.0)
    assert agreement(losses, -losses) == pytest.approx(-1.0)
    assert math.isnan(agreement(losses, np.ones(3)))


def test_what_agrees_again_and_again_is_no_chance() -> None:
    """Steady agreement is far from nothing, changing signs are not, and with few tasks nothing is said."""
    assert foretold([0.5, 0.6, 0.7, 0.4] * 5) > 10
    assert foretold([0.5, -0.6, 0.7, -0.4] * 5) < CHANCE
    assert foretold([0.5, -0.6, math.nan]) == SURE
    assert foretold([0.5] * 20) == SURE


def test_a_past_of_chance_is_left_aside(lottery: list[Task]) -> None:
    """The history has no weight from the first trial on, and an explanation says why."""
    recommender = Recommender("auto").fit(lottery)
    found = recommender.recommend(related_task("new", 0.3, 0.4), candidates=RELATED_CELLS)[0]
    assert found.history_weight == 0.0
    assert "foretell" in " ".join(recommender.explain(related_task("new", 0.3, 0.4)).doubts)


def test_a_past_that_tells_is_not_left_aside(lottery: list[Task]) -> None:
    """Related tasks foretell one another; what was chosen says which case it is."""
    assert not Auto().fit(related_tasks(20)).aside
    assert "do not foretell one another" in Auto().fit(lottery).chosen

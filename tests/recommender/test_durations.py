"""Seconds, and gain for each of them."""

from dataclasses import replace

import numpy as np
import pytest

from foretune.data.records import Task, Trial
from foretune.features.encoding import Encoder
from foretune.recommender.durations import Durations
from foretune.recommender.recommender import Recommender
from foretune.testing import RELATED_CELLS, related_space, related_task, related_tasks


def timed(task: Task, factor: float = 1.0) -> Task:
    """The task with trials that take the longer the larger C is: 0.1 to 100 times the factor in seconds."""
    trials = (replace(t, seconds=factor * t.config["C"] ** (1 / 3)) for t in task.trials)
    return replace(task, trials=tuple(trials))


def test_seconds_follow_the_past_and_the_own_level() -> None:
    """What is slow elsewhere is slow here; one trial ten times as slow makes all ten times as slow."""
    past = [timed(task) for task in related_tasks(8)]
    durations, even = Durations(past, Encoder(related_space())), np.full(8, 1 / 8)
    task = related_task("new", 0.5, 0.5)
    expected = [cell["C"] ** (1 / 3) for cell in RELATED_CELLS]
    np.testing.assert_allclose(durations.forecast(task, RELATED_CELLS, even), expected, rtol=1e-6)
    slow = task.plus(Trial({"C": 1.0, "gamma": 0.01}, 0.5, seconds=10.0))
    np.testing.assert_allclose(
        durations.forecast(slow, RELATED_CELLS, even), 10 * np.array(expected), rtol=1e-6
    )


def test_unknown_seconds_are_all_alike() -> None:
    """Where no past trial knows its seconds no config is said to be slower than another."""
    past = [replace(t, trials=tuple(replace(x, seconds=None) for x in t.trials)) for t in related_tasks(4)]
    found = Durations(past, Encoder(related_space())).forecast(
        related_task("n", 0.5, 0.5), RELATED_CELLS, np.ones(4)
    )
    assert set(found.tolist()) == {1.0}


@pytest.mark.parametrize("done", [0, 4])
def test_gain_for_a_second_prefers_what_is_quick(done: int) -> None:
    """Asked for gain per second, a recommender turns to quicker configs, at the start and in a search."""
    past = [timed(related_task(f"past {k}", 0.75, 0.4, cells=RELATED_CELLS)) for k in range(12)]
    recommender = Recommender().fit(past)
    task = related_task("new", 0.75, 0.4, cells=RELATED_CELLS[:done])
    best, quick = (
        recommender.recommend(task, candidates=RELATED_CELLS, per_second=per_second)[0].config
        for per_second in (False, True)
    )
    assert quick["C"] < best["C"]


def test_every_learner_knows_gain_for_a_second() -> None:
    """Learners without scenarios, or without a past, are asked just the same."""
    for name in ("cold", "portfolio", "forest", "gaussian_process"):
        recommender = Recommender(name).fit([timed(task) for task in related_tasks(12)])
        for task in (related_task("new", 0.5, 0.4), related_task("new", 0.5, 0.4, cells=RELATED_CELLS[:3])):
            assert recommender.recommend(task, candidates=RELATED_CELLS, per_second=True)

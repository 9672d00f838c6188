"""The forest finds out which past tasks a new dataset will behave like."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor

from foretune.data.records import Task
from foretune.data.spaces import sobol_configs
from foretune.features.encoding import Encoder
from foretune.features.metaspace import MetaSpace
from foretune.learners.forest import FEWEST_TASKS, JUDGED, LEAF, TREES, Forest
from foretune.learners.learner import RegretScale
from foretune.learners.neighbours import Neighbours
from foretune.learners.surfaces import Surfaces
from foretune.testing import RELATED_CELLS, related_space, related_task, related_tasks


def with_distractors(tasks: list[Task], *, seed: int, n: int = 6) -> list[Task]:
    """The tasks with so many meta-features that tell nothing."""
    rng = np.random.default_rng(seed)
    return [
        replace(task, metafeatures={**task.metafeatures, **{f"noise {k}": rng.random() for k in range(n)}})
        for task in tasks
    ]


def test_weights_are_shares() -> None:
    """The weights of the past tasks are not negative, and sum to 1."""
    weights = Forest().fit(related_tasks()).weights(related_task("new", 0.3, 0.3))
    assert weights.sum() == pytest.approx(1.0)
    assert weights.min() >= 0


def test_weighing_is_what_the_forest_forecasts() -> None:
    """The weighted mean of the training targets equals what ExtraTreesRegressor predicts."""
    past = related_tasks(30)
    space = MetaSpace([task.metafeatures for task in past])
    losses = np.array([[trial.loss for trial in task.done] for task in past])
    badness = RegretScale.of(losses).badness(losses - losses.min(axis=1, keepdims=True))
    trees = ExtraTreesRegressor(TREES, min_samples_leaf=LEAF, max_features=1 / 3, random_state=0)
    trees.fit(space.known, badness)
    forest = Forest().fit(past)
    for new in (past[0], related_task("new", 0.3, 0.8), related_task("far", 3.0, -1.0)):
        expected = trees.predict(space.points([new.metafeatures]))[0]
        np.testing.assert_allclose(forest.weights(new) @ badness, expected, rtol=1e-9)


def test_truly_related_tasks_weigh_most_among_distractors() -> None:
    """Among useless meta-features the forest leans on tasks of like size more than plain similarity does."""
    past = with_distractors(related_tasks(40), seed=1)
    size = np.array([task.metafeatures["size"] for task in past])
    news = with_distractors([related_task(f"new {k}", k / 10, 0.5) for k in range(11)], seed=2)
    forest, neighbours = Forest().fit(past), Neighbours().fit(past)
    off = {
        learner: np.mean([learner.weights(new) @ abs(size - new.metafeatures["size"]) for new in news])
        for learner in (forest, neighbours)
    }
    anyone = np.mean([abs(size - new.metafeatures["size"]).mean() for new in news])
    assert off[forest] < 0.8 * anyone
    assert off[forest] < 0.9 * off[neighbours]


@pytest.mark.parametrize("n", [FEWEST_TASKS - 1, 20])
def test_without_enough_to_go_by_all_weigh_the_same(n: int) -> None:
    """Without meta-features, or with few tasks, there is nothing to prefer a past task by."""
    past = related_tasks(n)
    if n >= FEWEST_TASKS:
        past = [replace(task, metafeatures={}) for task in past]
    weights = Forest().fit(past).weights(related_task("new", 0.3, 0.3))
    assert weights.tolist() == [1 / n] * n


def test_tasks_that_tried_different_configs_are_compared_too() -> None:
    """Where no config was tried by half of the tasks, the surfaces stand in, and like sizes weigh most."""
    past = [
        related_task(f"past {k}", k / 29, 0.5, cells=sobol_configs(related_space(), 20, seed=k))
        for k in range(30)
    ]
    assert Surfaces(past, Encoder(related_space())).shared(JUDGED) == []
    weights = Forest().fit(past).weights(related_task("new", 0.0, 0.5))
    assert weights[:10].sum() > 0.8


def test_the_best_config_follows_the_metafeature() -> None:
    """Small datasets are advised a small C, and large ones a large C."""
    forest = Forest().fit(related_tasks(40))
    found = [
        RELATED_CELLS[int(np.argmin(forest.forecast(related_task("new", size, 0.5), RELATED_CELLS).mean))]
        for size in (0.0, 1.0)
    ]
    assert found[0]["C"] <= 0.1
    assert found[1]["C"] >= 10.0

"""The forest finds out which past tasks a new dataset will behave like."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.tree import ExtraTreeRegressor

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
    weights = Forest().fit(related_tasks()).weights(related_task("new", 0.3, 0.3), RELATED_CELLS)
    assert weights.sum() == pytest.approx(1.0)
    assert weights.min() >= 0


def test_weighing_is_what_the_forest_forecasts() -> None:
    """The weighted mean of the training targets equals the mean forecast of scikit-learn's own trees."""
    past = related_tasks(30)
    space = MetaSpace([task.metafeatures for task in past])
    losses = np.array([[trial.loss for trial in task.done] for task in past])
    badness = RegretScale.of(losses).badness(losses - losses.min(axis=1, keepdims=True))
    trees = [
        ExtraTreeRegressor(min_samples_leaf=LEAF, max_features=1 / 3, random_state=k).fit(
            space.known, badness
        )
        for k in range(TREES)
    ]
    forest = Forest().fit(past)
    for new in (past[0], related_task("new", 0.3, 0.8), related_task("far", 3.0, -1.0)):
        expected = np.mean([tree.predict(space.points([new.metafeatures]))[0] for tree in trees], axis=0)
        np.testing.assert_allclose(forest.weights(new, RELATED_CELLS) @ badness, expected, rtol=1e-9)


def test_truly_related_tasks_weigh_most_among_distractors() -> None:
    """Among useless meta-features the forest leans on tasks of like size more than plain similarity does."""
    past = with_distractors(related_tasks(40), seed=1)
    size = np.array([task.metafeatures["size"] for task in past])
    news = with_distractors([related_task(f"new {k}", k / 10, 0.5) for k in range(11)], seed=2)
    forest, neighbours = Forest().fit(past), Neighbours().fit(past)
    size_of = [(new, new.metafeatures["size"]) for new in news]
    of_forest = np.mean([forest.weights(new, RELATED_CELLS) @ abs(size - own) for new, own in size_of])
    of_neighbours = np.mean([neighbours.weights(new) @ abs(size - own) for new, own in size_of])
    anyone = np.mean([abs(size - own).mean() for _, own in size_of])
    assert of_forest < 0.85 * anyone
    assert of_forest < 0.95 * of_neighbours


@pytest.mark.parametrize("n", [FEWEST_TASKS - 1, 20])
def test_without_enough_to_go_by_all_weigh_the_same(n: int) -> None:
    """Without meta-features, or with few tasks, there is nothing to prefer a past task by."""
    past = related_tasks(n)
    if n >= FEWEST_TASKS:
        past = [replace(task, metafeatures={}) for task in past]
    weights = Forest().fit(past).weights(related_task("new", 0.3, 0.3), RELATED_CELLS)
    assert weights.tolist() == [1 / n] * n


def test_tasks_that_tried_different_configs_are_compared_too() -> None:
    """Where no config was tried by half of the tasks, the surfaces stand in, and like sizes weigh most."""
    past = [
        related_task(f"past {k}", k / 29, 0.5, cells=sobol_configs(related_space(), 20, seed=k))
        for k in range(30)
    ]
    assert Surfaces(past, Encoder(related_space())).shared(JUDGED) == []
    weights = Forest().fit(past).weights(related_task("new", 0.0, 0.5), RELATED_CELLS)
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


def test_a_choice_among_few_configs_is_judged_by_those() -> None:
    """Where only gamma varies, which never depends on the size, the size no longer tells tasks apart."""
    forest, new = Forest().fit(related_tasks(40)), related_task("new", 0.0, 0.5)
    sizes = np.array([task.metafeatures["size"] for task in related_tasks(40)])
    by_C, by_gamma = (
        forest.weights(new, cells) @ sizes
        for cells in ([{"C": 0.1}, {"C": 10.0}], [{"C": 10.0, "gamma": 0.01}, {"C": 10.0, "gamma": 1.0}])
    )
    assert by_C < 0.7 * sizes.mean()
    assert by_gamma == pytest.approx(sizes.mean())

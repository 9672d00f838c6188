"""The nearest past tasks weigh most."""

from dataclasses import replace

import numpy as np
import pytest

from foretune.learners.neighbours import Neighbours
from foretune.testing import related_task, related_tasks


def test_the_nearest_weigh_most() -> None:
    """Weights fall with the distance in meta-features, and sum to 1."""
    past, new = related_tasks(30), related_task("new", 0.3, 0.3)
    learner = Neighbours().fit(past)
    weights, alike = learner.weights(new), learner._mixture.metaspace.similarities(new.metafeatures)
    order = np.argsort(-alike)
    assert (np.diff(weights[order]) <= 1e-15).all()
    assert weights[order[0]] > 2 * weights[order[-1]]
    assert weights.sum() == pytest.approx(1.0)


def test_the_weight_falls_to_one_eth_at_the_last_neighbour() -> None:
    """With k neighbours, the k-th nearest weighs exp(-1) times what a task at no distance would."""
    past = related_tasks(30)
    learner = Neighbours(neighbours=4).fit(past)
    weights = np.sort(learner.weights(past[5]))[::-1]
    assert weights[3] / weights[0] == pytest.approx(np.exp(-1))


def test_without_metafeatures_all_weigh_the_same() -> None:
    """Nothing known of the new dataset, or of the past ones, means no preference."""
    past, new = related_tasks(12), related_task("new", 0.3, 0.3)
    unknown = replace(new, metafeatures={})
    assert Neighbours().fit(past).weights(unknown) == pytest.approx(np.full(12, 1 / 12))
    bare = [replace(task, metafeatures={}) for task in past]
    assert Neighbours().fit(bare).weights(new) == pytest.approx(np.full(12, 1 / 12))


def test_fewer_tasks_than_neighbours_still_teach() -> None:
    """Two tasks suffice, and the nearer one weighs more."""
    past = [related_task(f"past {k}", float(k), 0.5, cells=[{"C": 1.0}, {"C": 9.0}]) for k in range(2)]
    weights = Neighbours().fit(past).weights(past[0])
    assert weights[0] > weights[1] > 0

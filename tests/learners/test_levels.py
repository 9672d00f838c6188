"""The lowest loss that a new task allows: forecast from meta-features, then learned from its trials."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from foretune.learners.levels import Level, Levels


def points_and_best(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points whose first coordinate tells the level, and whose second does not."""
    points = np.random.default_rng(seed).random((n, 2))
    return points, 0.2 + 0.5 * points[:, 0]


def test_a_telling_metafeature_beats_the_mean() -> None:
    """On unseen datasets the forecast level is off by less than half of what the mean is."""
    points, best = points_and_best(40, 0)
    unseen, truth = points_and_best(40, 1)
    levels = Levels(points, best, points.any(axis=1))
    forecast = np.array([levels.forecast(point).mean for point in unseen])
    assert np.mean((forecast - truth) ** 2) < np.mean((best.mean() - truth) ** 2) / 4


def test_the_std_is_that_of_unseen_tasks() -> None:
    """What the forecast calls its std is what it is off by on unseen datasets, within a factor of two."""
    rng = np.random.default_rng(0)
    points, unseen = rng.random((2, 200, 2))
    best, truth = (p[:, 0] + 0.2 * rng.normal(size=200) for p in (points, unseen))
    levels = Levels(points, best, points.any(axis=1))
    error = np.sqrt(np.mean([(levels.forecast(p).mean - t) ** 2 for p, t in zip(unseen, truth, strict=True)]))
    assert 0.5 < error / levels.forecast(unseen[0]).std < 2


@pytest.mark.parametrize("points", [np.empty((12, 0)), np.random.default_rng(0).random((9, 2))])
def test_without_enough_to_go_by_the_level_is_the_mean(points: np.ndarray) -> None:
    """Without meta-features, or with fewer than ten tasks, the level is the mean and std of the past."""
    best = np.linspace(0, 1, len(points))
    level = Levels(points, best, points.any(axis=1)).forecast(points[0])
    assert (level.mean, level.std) == (pytest.approx(best.mean()), pytest.approx(best.std()))


def test_one_past_task_does_not_tell_how_tasks_differ() -> None:
    """Its level is forecast with the std that is given, not with certainty."""
    level = Levels(np.zeros((1, 0)), np.array([0.3]), np.array([False]), alone=0.2).forecast(np.zeros(0))
    assert (level.mean, level.std) == (0.3, pytest.approx(0.2))


@given(
    st.floats(-10, 10),
    st.floats(0.1, 10),
    st.lists(st.floats(-10, 10), min_size=1, max_size=5),
    st.floats(0.1, 10),
)
def test_an_update_is_bayes_rule(mean: float, std: float, observed: list[float], noise: float) -> None:
    """Updated by observations, the belief is the product of the normal densities, integrated numerically."""
    updated = Level(mean, std).updated(np.array(observed), noise)
    x = np.linspace(min(mean, *observed) - 80, max(mean, *observed) + 80, 40_001)
    log_density = -0.5 * ((x - mean) / std) ** 2
    for one in observed:
        log_density -= 0.5 * ((x - one) / noise) ** 2
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    expected = density @ x
    assert updated.mean == pytest.approx(expected, abs=1e-5)
    assert updated.std == pytest.approx(np.sqrt(density @ (x - expected) ** 2), rel=1e-3)


def test_observations_move_the_level_and_make_it_surer() -> None:
    """Each further observation brings the belief nearer to what is observed, and shrinks its std."""
    before = Level(0.5, 0.2)
    one, ten = (before.updated(np.full(n, 0.1), 0.2) for n in (1, 10))
    assert before.mean > one.mean > ten.mean > 0.1
    assert before.std > one.std > ten.std

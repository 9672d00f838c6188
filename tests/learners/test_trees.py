"""Trees grown and read one by one, beside scikit-learn's own forests."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.tree import ExtraTreeRegressor

from foretune.learners.trees import grow_trees


def data(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and a noisy target that depends on the first coordinate."""
    rng = np.random.default_rng(seed)
    points = rng.random((n, 3))
    return points, points[:, 0] + 0.1 * rng.normal(size=n)


def test_trees_are_read_as_scikit_learn_reads_them() -> None:
    """Leaves and forecasts are those of the same trees in scikit-learn's hands."""
    (points, target), (unseen, _) = data(60, 0), data(30, 1)
    grown = grow_trees(points, target, trees=8, leaf=3, share=0.5)
    theirs = [
        ExtraTreeRegressor(min_samples_leaf=3, max_features=0.5, random_state=k).fit(points, target)
        for k in range(8)
    ]
    assert np.array_equal(grown.leaves(unseen), np.transpose([tree.apply(unseen) for tree in theirs]))
    expected = np.mean([tree.predict(unseen) for tree in theirs], axis=0)
    np.testing.assert_allclose(grown.predict(unseen), expected, rtol=1e-12)


@pytest.mark.parametrize("bootstrap", [True, False])
def test_they_forecast_as_well_as_scikit_learns_forest(bootstrap: bool) -> None:
    """On unseen points the error is that of ExtraTreesRegressor, within an eighth."""
    (points, target), (unseen, truth) = data(100, 0), data(200, 1)
    ours = grow_trees(points, target, trees=200, leaf=2, share=1.0, bootstrap=bootstrap)
    theirs = ExtraTreesRegressor(
        200, min_samples_leaf=2, max_features=1.0, bootstrap=bootstrap, random_state=0
    ).fit(points, target)
    errors = [np.mean((forecast - truth) ** 2) for forecast in (ours.predict(unseen), theirs.predict(unseen))]
    assert errors[0] == pytest.approx(errors[1], rel=0.125)


def test_unseen_errors_leave_out_the_trees_that_saw_a_point() -> None:
    """Each point is forecast by just the trees whose sample it is not in."""
    points, target = data(40, 0)
    grown = grow_trees(points, target, trees=12, leaf=2, share=0.5, bootstrap=True)
    forecasts = [tree.predict(points) for tree in grown.trees]
    expected = []
    for k in range(40):
        blind = [forecasts[t][k] for t in range(12) if k not in grown.samples[t]]
        if blind:
            expected.append(target[k] - np.mean(blind))
    np.testing.assert_allclose(grown.unseen_errors(points, target), expected, rtol=1e-9)


def test_without_bootstrap_no_point_is_unseen() -> None:
    """Every tree saw every point, so that there is no error to tell."""
    points, target = data(20, 0)
    assert len(grow_trees(points, target, trees=3, leaf=2, share=0.5).unseen_errors(points, target)) == 0

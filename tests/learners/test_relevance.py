"""What past tasks say of the hyperparameters that matter."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from foretune.data.records import Floats
from foretune.learners.relevance import Relevance, _Unlikelihood


def scored(seed: int, *, n: int = 60, noise: float = 0.0) -> tuple[Floats, Floats]:
    """Points in the unit cube whose scores depend on the first column, and a little on the second.

    The last column is the same everywhere.
    """
    rng = np.random.default_rng(seed)
    X = rng.random((n, 4))
    X[:, 3] = 0.5
    y = np.sin(5 * X[:, 0] + rng.normal()) + 0.3 * X[:, 1] + noise * rng.normal(size=n)
    return X, (y - y.mean()) / y.std()


def test_what_matters_has_a_large_scale() -> None:
    """Scales order the columns as losses depend on them; one that never varied keeps its scale of 1."""
    scales = Relevance.learned([scored(k) for k in range(8)]).scales
    assert scales[0] > 2 * scales[1] > 4 * scales[2]
    assert scales[3] == 1.0


def test_noise_is_told_from_what_configs_explain() -> None:
    """Noise of a fifth of the variance is found within a third of it, and none where there is none."""
    noisy = Relevance.learned([scored(k, noise=0.37) for k in range(16)]).noise
    assert noisy == pytest.approx(0.2, rel=1 / 3)
    assert Relevance.learned([scored(k) for k in range(16)]).noise < 0.02


def test_few_trials_change_little() -> None:
    """Two trials of one task say little about four columns: no scale moves by a factor of e."""
    scales = Relevance.learned([scored(0, n=2)]).scales
    assert (np.abs(np.log(scales)) < 1).all()


def test_the_slope_is_that_of_the_unlikelihood() -> None:
    """What the optimiser is told agrees with finite differences."""
    told = [scored(k, n=12) for k in range(2)]
    unlikely = _Unlikelihood(told)
    for logs in (np.array([0.5, -0.3, -1.0, 0.2, -2.0]), np.array([-1.0, 0.0, 1.0, 0.0, -3.0])):
        slope = approx_fprime(logs, lambda at: unlikely(at)[0], 1e-6)
        assert unlikely(logs)[1] == pytest.approx(slope, rel=1e-3, abs=1e-3)


def test_relevance_knows_no_order() -> None:
    """Tasks and columns in another order give the same scales."""
    told = [scored(k) for k in range(4)]
    turned = [(X[:, ::-1], y) for X, y in reversed(told)]
    assert Relevance.learned(turned).scales[::-1] == pytest.approx(Relevance.learned(told).scales, rel=0.02)

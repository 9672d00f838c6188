"""Rivals are set up rightly: each finds the answer where it is known."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from check_peers import DRAWN_FROM, SEARCH, TRANSFER, first_proposals, search_regrets, smooth_task
from foretune.data.records import RUNNING, Task, Trial
from foretune.experiments.replay import play
from peers.cts import GaussianNetwork, normal_scores
from peers.gp import GaussianProcess
from peers.methods import METHODS


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    """Fifteen points in three columns."""
    return np.random.default_rng(0).random((15, 3))


@pytest.fixture(scope="module")
def heights(points: np.ndarray) -> np.ndarray:
    """A smooth function at the points, standardised."""
    y = np.sin(3 * points[:, 0]) + points[:, 1]
    return (y - y.mean()) / y.std()


def scikit_learns(gp: GaussianProcess, X: np.ndarray, y: np.ndarray) -> GaussianProcessRegressor:
    """The same process as scikit-learn has it."""
    kernel = ConstantKernel(gp.signal) * Matern(gp.lengths, nu=2.5)
    return GaussianProcessRegressor(kernel, alpha=gp.noise, optimizer=None).fit(X, y)


def test_the_process_is_scikit_learns(points: np.ndarray, heights: np.ndarray) -> None:
    """With the same lengths, signal and noise both give the same means and deviations."""
    gp = GaussianProcess().fit(points, heights)
    new = np.random.default_rng(1).random((5, 3))
    theirs = scikit_learns(gp, points, heights).predict(new, return_std=True)
    np.testing.assert_allclose(gp.predict(new), theirs, rtol=1e-6)


def test_leaving_one_out_is_fitting_without_it(points: np.ndarray, heights: np.ndarray) -> None:
    """Row j is what a process that never saw trial j says of all trials."""
    gp = GaussianProcess().fit(points, heights)
    means, covariances = gp.left_out()
    keep = np.arange(15) != 4
    mean, covariance = scikit_learns(gp, points[keep], heights[keep]).predict(points, return_cov=True)
    np.testing.assert_allclose(means[4], mean, rtol=1e-6)
    np.testing.assert_allclose(covariances[4], covariance, atol=1e-9)


def test_the_gradient_is_that_of_the_likelihood(points: np.ndarray, heights: np.ndarray) -> None:
    """It agrees with finite differences."""
    gp = GaussianProcess().fit(points, heights)
    squared = ((points[:, None] - points[None]) ** 2).transpose(2, 0, 1).copy()
    at = np.array([-0.5, 0.3, 1.0, 0.2, -3.0])
    assert check_grad(lambda x: gp.objective(x, squared)[0], lambda x: gp.objective(x, squared)[1], at) < 1e-4


def test_normal_scores_keep_the_order_and_forget_the_scale() -> None:
    """Losses of any scale become quantiles of one normal distribution, the extremes cut off."""
    y = np.random.default_rng(0).permutation(np.geomspace(1e-3, 1e6, 101))
    z = normal_scores(y)
    assert (np.diff(z[np.argsort(y)]) >= 0).all()
    assert abs(np.median(z)) < 0.05
    assert np.abs(z).max() < norm.ppf(0.99)
    np.testing.assert_array_equal(z, normal_scores(5 * y - 3))


def test_the_network_learns_mean_and_deviation() -> None:
    """On noise that grows with x it finds both, but for what dropout costs."""
    rng = np.random.default_rng(0)
    X = rng.random((5000, 1))
    z = rng.normal(2 * X[:, 0] - 1, 0.1 + 0.4 * X[:, 0])
    at = np.array([[0.2], [0.5], [0.8]])
    mean, std = GaussianNetwork(0).fit(X, z).predict(at)
    np.testing.assert_allclose(mean, 2 * at[:, 0] - 1, atol=0.2)
    np.testing.assert_allclose(std, 0.1 + 0.4 * at[:, 0], atol=0.1)


@pytest.mark.parametrize("method", TRANSFER)
def test_taught_five_copies_the_best_comes_first(method: str) -> None:
    """Of forty configs the first to be proposed is the best; drawn at random, one of the best five."""
    ranks = first_proposals(method, seeds=2)
    assert max(ranks) <= (DRAWN_FROM - 1 if method == "cts" else 0)


@pytest.mark.parametrize("method", [name for name in SEARCH if name != "optuna_gp"])
def test_searches_beat_random_search(method: str) -> None:
    """On smooth bowls, 30 trials leave less than half of random search's regret."""
    if method.startswith("optuna"):
        pytest.importorskip("optuna")
    assert search_regrets(method, seeds=3)[29] < 0.5 * search_regrets("random", seeds=20)[29]


@pytest.mark.filterwarnings("ignore:Argument ``group`` is an experimental feature")
@pytest.mark.parametrize("method", ["random", "cold_gp", "optuna_tpe", "rgpe", "cts"])
def test_proposals_are_the_objects_given_and_never_twice(method: str) -> None:
    """A search ends when every candidate was tried once, also where hyperparameters are conditional."""
    if method.startswith("optuna"):
        pytest.importorskip("optuna")
    tasks = [smooth_task(f"task {k}", (0.3, 0.7, 0.2), configs=16, conditional=True) for k in range(3)]
    made = METHODS[method].make(0, 30).fit(tasks[:2])
    first = play(method, made, tasks[2], trials=16)
    assert first.regret[-1] == 0.0
    assert len(first.seconds) == 16
    assert play(method, made, tasks[2], trials=16).regret.tolist() == first.regret.tolist()
    candidates = [trial.config for trial in tasks[2].done]
    trials = (tasks[2].done[0], Trial(candidates[1], status=RUNNING))
    some = Task("new", "svm", tasks[0].space, trials=trials)
    found = made.recommend(some, 3, candidates=candidates)
    assert len({id(one.config) for one in found}) == 3
    assert {id(one.config) for one in found} <= {id(config) for config in candidates[2:]}


def test_a_study_is_told_what_was_tried() -> None:
    """Optuna hears recorded configs with their own values and losses, and nothing of its own proposals."""
    pytest.importorskip("optuna")
    task = smooth_task("task", (0.3, 0.7, 0.2), configs=12)
    made = METHODS["optuna_tpe"].make(0, 30).fit([task])
    play("optuna_tpe", made, task, trials=12)
    done = [one for one in made.study.trials if one.state.name == "COMPLETE"]
    told = {tuple(one.params.items()): one.value for one in done}
    recorded = {tuple(trial.config.items()): trial.loss for trial in task.done}
    assert len(told) == 11  # the twelfth was proposed last
    assert told.items() <= recorded.items()

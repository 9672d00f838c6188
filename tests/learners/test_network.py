"""The research plan's network."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.neural_network import MLPRegressor

from foretune.data.records import Task, Trial
from foretune.learners.learner import Learner
from foretune.learners.network import Network
from foretune.learners.portfolio import Portfolio
from foretune.testing import RELATED_CELLS, related_loss, related_task, related_tasks

QUICK = {"hidden": (32,), "learning_rate": 0.01, "epochs": 40}


@pytest.fixture(scope="module")
def past() -> list[Task]:
    """Past tasks whose best C depends on a meta-feature."""
    return related_tasks(30)


@pytest.fixture(scope="module")
def network(past: list[Task]) -> Network:
    """A small network taught by them."""
    return Network(**QUICK).fit(past)


def disorder(learner: Learner, size: float) -> float:
    """How far the forecast order of the configs is from the true one: 0 = the same, 1 = unrelated."""
    truth = [related_loss(config, size, 0.5) for config in RELATED_CELLS]
    forecast = learner.forecast(related_task("new", size, 0.5), RELATED_CELLS)
    return 1 - float(spearmanr(forecast.mean, truth).statistic)


@pytest.mark.parametrize("size", [0.1, 0.9])
def test_it_learns_what_a_portfolio_cannot(network: Network, past: list[Task], size: float) -> None:
    """Where the best C depends on a meta-feature, its order is twice as right as the portfolio's."""
    assert disorder(network, size) < 0.5 * disorder(Portfolio().fit(past), size)


def test_its_pure_form_ignores_metafeatures(network: Network, past: list[Task]) -> None:
    """On hyperparameters alone, the differences between configs do not depend on the dataset."""
    news = [related_task("new", size, 0.5) for size in (0.1, 0.9)]
    pure = Network(**QUICK, metafeatures=False).fit(past)
    shapes = [pure.forecast(new, RELATED_CELLS).mean for new in news]
    assert np.ptp(shapes[0] - shapes[1]) < 1e-9
    shapes = [network.forecast(new, RELATED_CELLS).mean for new in news]
    assert np.ptp(shapes[0] - shapes[1]) > 0.1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {},
            {
                "hidden_layer_sizes": (128, 64),
                "learning_rate_init": 0.0005,
                "batch_size": 32,
                "max_iter": 100,
                "alpha": 0.0,
                "solver": "adam",
                "activation": "relu",
                "early_stopping": False,
            },
        ),
        ({"hidden": [256, 128, 64]}, {"hidden_layer_sizes": (256, 128, 64)}),
        ({"l2": 0.001}, {"alpha": 0.032}),
        ({"l2": 0.001, "batch": 16}, {"alpha": 0.016, "batch_size": 16}),
    ],
)
def test_options_reach_scikit_learn(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    """The defaults are the plan's, and every option is what scikit-learn's network is built with."""
    trained: list[MLPRegressor] = []
    fit = MLPRegressor.fit

    def quick_fit(self: MLPRegressor, X: np.ndarray, y: np.ndarray) -> MLPRegressor:
        trained.append(MLPRegressor(**self.get_params()))
        return fit(self.set_params(max_iter=1), X, y)

    monkeypatch.setattr(MLPRegressor, "fit", quick_fit)
    Network(**options).fit(related_tasks(3))
    for model in trained:
        params = model.get_params()
        assert {name: params[name] for name in expected} == expected
    assert len(trained) == 3 + 1  # three folds that judge, and the network itself


def test_the_penalty_is_that_of_keras() -> None:
    """What scikit-learn minimises is half of Keras' squared error plus l2 times the squared weights."""
    rng = np.random.default_rng(0)
    X, y, l2, batch = rng.random((8, 3)), rng.random(8), 0.3, 8
    model = MLPRegressor(
        hidden_layer_sizes=(4,),
        solver="sgd",
        momentum=0.0,
        learning_rate_init=1e-12,
        batch_size=batch,
        max_iter=1,
        n_iter_no_change=9,
        alpha=Network(l2=l2, batch=batch)._options["alpha"],
        random_state=0,
    )
    with pytest.warns(match="Maximum iterations"):
        model.fit(X, y)
    squared_error = np.mean((model.predict(X) - y) ** 2)
    penalty = l2 * sum(float((weights**2).sum()) for weights in model.coefs_)
    assert 2 * model.loss_ == pytest.approx(squared_error + penalty)


def test_trials_correct_the_forecast_nearby(network: Network) -> None:
    """A surprising trial moves configs near to it more than those far away, and makes them surer."""
    new = related_task("new", 0.5, 0.5)
    near, far = {"C": 0.0011, "gamma": 1e-5}, {"C": 900.0, "gamma": 9.0}
    trials = [
        Trial(c, related_loss(c, 0.5, 0.5)) for c in ({"C": 900.0, "gamma": 8.0}, {"C": 800.0, "gamma": 9.0})
    ]
    usual = new.plus(*trials)
    before = network.forecast(usual, [near, far])
    after = network.forecast(usual.plus(Trial({"C": 0.001, "gamma": 1e-5}, 5.0)), [near, far])
    moved = after.mean - before.mean
    assert moved[0] > 2 * abs(moved[1])
    assert after.std[0] < 0.8 * before.std[0]


def test_a_tried_config_is_forecast_near_its_loss(network: Network) -> None:
    """After some trials the network's forecast of those configs is nearer to their losses than before."""
    new = related_task("new", 0.5, 2.0)
    tried = related_task("new", 0.5, 2.0, cells=RELATED_CELLS[::4])
    losses = np.array([trial.loss for trial in tried.done])
    configs = [trial.config for trial in tried.done]
    before, after = (np.abs(network.forecast(task, configs).mean - losses).mean() for task in (new, tried))
    assert after < 0.1 * before


def test_its_error_is_measured_on_groups_it_never_saw(past: list[Task]) -> None:
    """With all tasks in one group there is nothing to judge by, and the scale's limit stands in."""
    together = [replace(task, group="the same") for task in past[:4]]
    network = Network(hidden=(4,), epochs=1).fit(together)
    assert network._std == network._mixture.scale.limit
    assert Network(hidden=(4,), epochs=1).fit(past[:4])._std != network._std


def test_the_seed_decides(past: list[Task]) -> None:
    """The same seed gives the same network, and another seed another one."""
    new = related_task("new", 0.5, 0.5)
    means = [
        Network(hidden=(4,), epochs=1, seed=seed).fit(past[:5]).forecast(new, RELATED_CELLS).mean
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(means[0], means[1])
    assert not np.allclose(means[0], means[2])

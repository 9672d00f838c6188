"""What a hyperparameter means on columns that are not standardised."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.svm import SVC, SVR

from foretune.faces.searching.units import Units

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 3))
y = X @ [1.0, -2.0, 0.5] + rng.normal(size=80)
labels = y > 0


@pytest.mark.parametrize(
    ("name", "model", "config"),
    [
        ("svm", SVC, {"kernel": "rbf", "C": 2.0, "gamma": 0.2}),
        ("svm", SVC, {"kernel": "linear", "C": 0.05}),
        ("svm", SVC, {"kernel": "poly", "degree": 2, "coef0": 1.0, "C": 0.5, "gamma": 0.1}),
        ("logistic_regression", LogisticRegression, {"C": 0.04}),
    ],
)
def test_a_classifier_is_the_same_function(name: str, model: type[Any], config: dict[str, Any]) -> None:
    """A config turned into the units of wider columns decides there as it did on standardised ones."""
    here = Units(columns=20.0).as_here(name, config)
    before, after = model(**config).fit(X, labels), model(**here).fit(20 * X, labels)
    assert np.allclose(before.decision_function(X), after.decision_function(20 * X), atol=0.02)


@pytest.mark.parametrize(
    ("name", "model", "config"),
    [
        ("svm", SVR, {"kernel": "rbf", "C": 2.0, "gamma": 0.2, "epsilon": 0.05}),
        ("svm", SVR, {"kernel": "linear", "C": 0.05, "epsilon": 0.2}),
        ("elastic_net", ElasticNet, {"alpha": 0.1, "l1_ratio": 1.0}),
    ],
)
def test_a_regressor_is_the_same_function(name: str, model: type[Any], config: dict[str, Any]) -> None:
    """With a wider target too it predicts as before, times the target's spread."""
    here = Units(columns=20.0, target=300.0).as_here(name, config)
    before, after = model(**config).fit(X, y), model(**here).fit(20 * X, 300 * y)
    assert np.allclose(before.predict(X), after.predict(20 * X) / 300, atol=0.02)


def test_to_the_past_and_back() -> None:
    """What is turned into the past's units and back is what it was; words and flags are left alone."""
    units, config = (
        Units(columns=7.0, target=0.3),
        {"C": 2.0, "gamma": "scale", "kernel": "rbf", "shrinking": True},
    )
    assert units.as_here("svm", units.as_past("svm", config)) == config
    assert units.as_past("random_forest", {"max_depth": 3}) == {"max_depth": 3}


def test_standardised_data_change_nothing() -> None:
    """On standardised columns a config stays the very same, to the last digit."""
    config = {"C": 0.123456789, "gamma": 1 / 3}
    assert Units().as_past("svm", config) == config

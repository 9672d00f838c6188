"""Which family an estimator is, and what its user has settled."""

import subprocess
import sys
from typing import Any

import pytest
from ConfigSpace import ConfigurationSpace
from lightgbm import LGBMClassifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRFClassifier

from foretune.collect.families import _REGISTERED, Family, family, register_family
from foretune.faces.searching.estimators import Model, preprocessed


class OwnSVC(SVC):
    """A class that a user made of the library's."""


@pytest.mark.parametrize(
    ("estimator", "name", "prefix"),
    [
        (SVC(), "svm", ""),
        (SVR(), "svm", ""),
        (OwnSVC(), "svm", ""),
        (RandomForestClassifier(), "random_forest", ""),
        (ExtraTreesClassifier(), "extra_trees", ""),
        (DecisionTreeRegressor(), "decision_tree", ""),
        (LGBMClassifier(), "lightgbm", ""),
        (XGBClassifier(), "xgboost", ""),
        (make_pipeline(StandardScaler(), SVC()), "svm", "svc__"),
        (Pipeline([("a", PCA()), ("b", Pipeline([("c", SVC())]))]), "svm", "b__c__"),
        (TransformedTargetRegressor(make_pipeline(SVR())), "svm", "regressor__svr__"),
    ],
)
def test_the_family_is_found(estimator: Any, name: str, prefix: str) -> None:
    """A model is known by its class, wherever it stands, and so is the prefix of its parameters."""
    model = Model.of(estimator)
    assert (model.name, model.prefix) == (name, prefix)
    assert model.known is family(name)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (Ridge(), "ridge"),
        (XGBRFClassifier(), "xgbrfclassifier"),
        (Pipeline([("a", PCA()), ("b", "passthrough")]), "pipeline"),
        (TransformedTargetRegressor(), "transformed_target_regressor"),
    ],
)
def test_another_model_is_of_no_family(estimator: Any, name: str) -> None:
    """What foretune does not know goes by its class's name; a library's own offspring is something else."""
    model = Model.of(estimator)
    assert (model.name, model.known) == (name, None)


def test_a_family_of_ones_own_is_found() -> None:
    """A registered family is found from its class, and a wide space comes with it."""
    space = ConfigurationSpace({"alpha": (0.01, 100.0)})
    mine = Family("mine", {"regression": Ridge}, lambda _: space, {"alpha": [0.1, 1.0]})
    register_family(mine)
    try:
        assert Model.of(make_pipeline(Ridge())).known is mine
    finally:
        del _REGISTERED["mine"]


def test_looking_for_families_imports_none() -> None:
    """Neither xgboost nor lightgbm is imported to tell that an estimator is not theirs."""
    code = (
        "import sys; from sklearn.svm import SVC; from foretune.faces.searching.estimators import Model; "
        "Model.of(SVC()); print({'xgboost', 'lightgbm'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("estimator", "settled"),
    [
        (SVC(), {}),
        (SVC(kernel="linear", C=1, random_state=3), {"kernel": "linear", "C": 1}),
        (SVC(kernel="rbf", C=1.0), {}),
        (make_pipeline(SVC(gamma=0.5)), {"gamma": 0.5}),
        (XGBClassifier(max_depth=3, n_jobs=1), {"max_depth": 3}),
        (Ridge(alpha=3), {}),
    ],
)
def test_what_the_user_has_set_is_settled(estimator: Any, settled: dict[str, Any]) -> None:
    """A hyperparameter set other than by default is settled; seeds and threads are none."""
    assert Model.of(estimator).settled == settled


def test_a_scaler_is_seen_wherever_it_is() -> None:
    """A scaler within a pipeline is seen, and so is the preprocessing."""
    assert Model.of(make_pipeline(make_pipeline(StandardScaler()), SVC())).scaled
    assert Model.of(preprocessed(SVC())).scaled
    assert not Model.of(make_pipeline(PCA(), SVC())).scaled


def test_preprocessing_goes_in_front() -> None:
    """It is one more step of a pipeline, and a regressor's target is standardised; the prefix is told."""
    given = [
        SVC(),
        make_pipeline(PCA(), SVC()),
        SVR(),
        make_pipeline(SVR()),
        TransformedTargetRegressor(SVR()),
    ]
    for estimator in given:
        model = Model.of(estimator, preprocess=True)
        name = next(iter(model.wrapped(model.outside({"C": 7}))))
        assert preprocessed(estimator).set_params(**{name: 7}).get_params()[name] == 7
        assert model.scaled and not (model.target == "regression" and model.own_target)

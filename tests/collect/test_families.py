"""The built-in families, and families of one's own."""

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ConfigSpace import Configuration, ConfigurationSpace, Float
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.svm import SVC

from foretune.collect import families as module
from foretune.collect.datasets import Dataset, load_dataset, make_image_dataset
from foretune.collect.evaluation import PreparedData, Protocol, measure
from foretune.collect.families import BUILT_IN, Family, as_asked, families, family, register_family
from foretune.collect.family import keywords
from foretune.data.errors import FamilyError, MissingExtraError, SpaceError
from foretune.data.metrics import Target
from foretune.data.records import Trial
from foretune.data.spaces import complete, sobol_configs, unfold

GRIDS = {
    "decision_tree": {"max_depth": [None, 10, 20, 30], "min_samples_split": [2, 5, 10]},
    "random_forest": {"n_estimators": [10, 50, 100], "max_depth": [None, 10, 20]},
    "svm": {"C": [0.1, 1, 10], "gamma": [0.001, 0.01, 0.1]},
    "cnn": {"num_filters": [32, 64, 128], "kernel_size": [3, 5], "pool_size": [2, 3]},
    "dense_net": {
        "hidden": [[128, 64], [256, 128, 64]],
        "l2": [0.0, 0.001],
        "dropout": [0.0, 0.5],
        "learning_rate": [0.001, 0.0005],
        "augmentation": [False, True],
    },
}
SERVED = [(one.name, target) for one in BUILT_IN.values() for target in one.estimators]
EVERY_FAMILY = pytest.mark.parametrize("name", BUILT_IN)
EVERY_MODEL = pytest.mark.parametrize(("name", "target"), SERVED)


def ridge_space(_: Target) -> ConfigurationSpace:
    """The penalty of a ridge regression."""
    space = ConfigurationSpace()
    space.add(Float("alpha", (1e-3, 1e3), log=True, default=1.0))
    return space


def ridge(name: str = "my_ridge", **changes: Any) -> Family:
    """A family of one's own."""
    parts = {
        "estimators": {"regression": Ridge},
        "space": ridge_space,
        "grid": {"alpha": [0.1, 1.0]},
    } | changes
    return Family(name, **parts)


@pytest.fixture(autouse=True)
def _nothing_stays_registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "_REGISTERED", {})
    yield


@pytest.mark.parametrize("name", GRIDS)
def test_the_standard_grid_is_the_one_of_the_plan(name: str) -> None:
    """The plan's families have its grids, values and types exactly."""
    assert json.dumps(family(name).grid) == json.dumps(GRIDS[name])


@EVERY_FAMILY
def test_the_standard_grid_is_small_and_holds_the_familiar(name: str) -> None:
    """A grid has 6 to 16 cells (the plan's network has 32), none twice, without seed and threads."""
    cells = [json.dumps(cell) for cell in family(name).cells()]
    assert 6 <= len({*cells}) == len(cells) <= (32 if name == "dense_net" else 16)
    assert not {"random_state", "n_jobs"} & {*family(name).hyperparameters()}


@EVERY_MODEL
def test_cells_and_default_are_legal_in_the_wide_space(name: str, target: Target) -> None:
    """The wide space holds the library's default and every cell of the grid."""
    one = family(name)
    for config in ({}, *one.cells()):
        space = one.wide_space(target)
        Configuration(space, values=unfold(space, complete(space, config)))


@pytest.mark.parametrize(("name", "target"), [place for place in SERVED if place[0] != "xgboost"])
def test_the_default_is_the_librarys(name: str, target: Target) -> None:
    """Every hyperparameter of the default has the value, and type, of the library's signature."""
    one = family(name)
    signature = keywords(one.estimator(target))
    default = one.default(target)
    assert json.dumps(default) == json.dumps(
        {hyperparameter: signature[hyperparameter] for hyperparameter in default}
    )


@EVERY_MODEL
def test_the_default_spelled_out_changes_nothing(name: str, target: Target) -> None:
    """A model with the default config predicts what one without any config does, to the bit."""
    data = load_dataset("iris" if target == "classification" else "diabetes")
    y = data.y if target == "classification" else data.y / data.y.std()
    X = data.X.to_numpy()
    if family(name).images == "only":
        X = np.tile((X * 20).astype(np.uint8)[:, None, :, None], (1, 4, 1, 1))
    models = [family(name).build(config, target, seed=0) for config in ({}, family(name).default(target))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a network that is not done after 200 epochs says so
        one, other = (model.fit(X, y).predict(X) for model in models)
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize("target", ["classification", "regression"])
def test_the_default_of_xgboost_is_what_its_core_says(target: Target) -> None:
    """Its signature leaves all to the core; the core's own settings are those of the default config."""
    one, X = family("xgboost"), np.arange(20.0)[:, None]
    booster = one.build({}, target, seed=0).fit(X, X[:, 0] > 9).get_booster()
    learner = json.loads(booster.save_config())["learner"]
    trees = learner["gradient_booster"]["tree_train_param"]
    default = one.default(target)
    assert default.pop("n_estimators") == booster.num_boosted_rounds()
    assert default == pytest.approx({name: float(trees[name]) for name in default})


@EVERY_MODEL
def test_every_config_builds_the_estimator(name: str, target: Target) -> None:
    """Sobol configs are keywords that the estimator takes and finds valid, without seed and n_jobs."""
    one = family(name)
    for config in sobol_configs(one.wide_space(target), 100):
        model = one.estimator(target)(**config)
        if hasattr(model, "_parameter_constraints"):
            model._validate_params()
        assert {*config} <= {*one.hyperparameters()}
        assert not {"random_state", "n_jobs"} & {*config}


@EVERY_MODEL
def test_every_config_is_fitted(name: str, target: Target) -> None:
    """Grid, default and Sobol configs are fitted and judged without an error, on one thread."""
    one = family(name)
    X, y = (
        make_classification(150, 4, random_state=0) if target == "classification" else make_regression(150, 4)
    )
    made = Dataset("made", pd.DataFrame(X), pd.Series(y), target)
    if one.images == "only":
        made = make_image_dataset("made", np.tile(np.clip(X / 8 + 0.5, 0, 1)[:40, None], (1, 4, 1)), y[:40])
    data = PreparedData(made, Protocol(folds=2))
    for config in [*one.cells(), *sobol_configs(one.wide_space(target), 8)]:
        quick = {"n_estimators": 5} if "n_estimators" in config else {}
        quick |= {"max_iter": 5} if "max_iter" in config else {}
        quick |= {"max_epochs": 1} if "max_epochs" in one.fixed else {}
        quick |= {"num_filters": 8} if "num_filters" in config else {}
        found = measure(one, config | quick, data)
        assert all(np.isfinite(values).all() for values in found.scores.values()), config


def test_a_config_is_what_svc_takes() -> None:
    """`SVC(**config)` holds the config's values unchanged."""
    for config in sobol_configs(family("svm").wide_space("classification"), 50):
        assert config.items() <= SVC(**config).get_params().items()


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_threads_are_fixed_and_no_hyperparameter(name: str) -> None:
    """A boosted model runs on one thread and says nothing, and a config of one's own cannot miss that."""
    assert family(name).build({}, "classification").get_params()["n_jobs"] == 1
    with pytest.raises(SpaceError, match="n_jobs"):
        family(name).cells({"n_jobs": [1]})


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "cnn", "dense_net"])
def test_a_family_whose_package_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left out of the families; asked for by name, the error says what to install."""
    monkeypatch.setattr("foretune.collect.family.find_spec", lambda _: None)
    assert name not in families()
    assert "hist_gradient_boosting" in families()
    wanted = rf"pip install 'foretune\[{BUILT_IN[name].extra}\]'"
    with pytest.raises(MissingExtraError, match=wanted):
        family(name)
    with pytest.raises(MissingExtraError, match=wanted):
        BUILT_IN[name].build({}, "classification")


def test_naming_the_families_imports_none_of_their_packages() -> None:
    """The list of families and their spaces costs no import of boosting, torch or scikit-learn's models."""
    program = (
        "import sys; from foretune.collect.families import families;"
        "[one.wide_space(target) for one in families().values() for target in one.estimators];"
        "sys.exit(bool({'xgboost', 'lightgbm', 'torch', 'sklearn.ensemble'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_lists_are_values() -> None:
    """A network's layers come out as the list that scikit-learn and JSON take; a tuple is the same config."""
    space = family("mlp").wide_space("classification")
    default = family("mlp").default("classification")
    assert default["hidden_layer_sizes"] == [100]
    assert complete(space, {"hidden_layer_sizes": (50, 50)})["hidden_layer_sizes"] == [50, 50]
    assert (
        Trial({"hidden_layer_sizes": (50, 50)}, 0.0).key == Trial({"hidden_layer_sizes": [50, 50]}, 0.0).key
    )


@EVERY_MODEL
def test_build_seeds_what_can_be_seeded(name: str, target: Target) -> None:
    """The seed becomes the random_state of an estimator that has one."""
    model = family(name).build({}, target, seed=7)
    assert model.get_params().get("random_state", 7) == 7


def test_a_grid_of_ones_own_is_checked() -> None:
    """Cells of a given grid come in order; a misspelt hyperparameter brings the nearest."""
    assert family("svm").cells({"C": [1, 2]}) == [{"C": 1}, {"C": 2}]
    with pytest.raises(SpaceError, match="svm has no hyperparameter 'gama': did you mean 'gamma'"):
        family("svm").cells({"gama": [1]})
    with pytest.raises(SpaceError, match="random_state"):
        family("svm").cells({"random_state": [1]})


def test_an_unknown_family_brings_the_nearest() -> None:
    """A misspelt family brings a suggestion; one that resembles none, the list."""
    with pytest.raises(FamilyError, match="did you mean 'random_forest'"):
        family("randomforest")
    with pytest.raises(FamilyError, match="there are decision_tree, random_forest, "):
        family("zzz")


def test_a_family_of_ones_own_is_found() -> None:
    """A registered family is there by its name, after the built-in ones, for the targets it serves."""
    mine = ridge()
    register_family(mine)
    assert family("my_ridge") is mine
    assert [*families()] == [*BUILT_IN, "my_ridge"]
    assert "my_ridge" in families("regression")
    assert "my_ridge" not in families("classification")


def test_a_family_serves_its_targets_only() -> None:
    """A model for the other kind of target is refused, and the message says what is served."""
    with pytest.raises(FamilyError, match="my_ridge serves regression, not classification"):
        ridge().build({}, "classification")
    with pytest.raises(FamilyError, match="my_ridge serves regression, not classification"):
        ridge().wide_space("classification")


@pytest.mark.parametrize("name", ["", "My", "my-model", "my model", "3d"])
def test_a_bad_name_is_refused(name: str) -> None:
    """A family's name is a lower-case identifier."""
    with pytest.raises(FamilyError, match="is no family name"):
        register_family(ridge(name))
    assert [*families()] == [*BUILT_IN]


def test_a_family_that_does_not_fit_is_refused() -> None:
    """A grid with an unknown hyperparameter, or a space of another kind, is not registered."""
    with pytest.raises(SpaceError, match="did you mean 'alpha'"):
        register_family(ridge(grid={"alfa": [1.0]}))
    with pytest.raises(SpaceError, match="must be a ConfigSpace"):
        register_family(ridge(space=lambda _: {"alpha": (0, 1)}))
    assert [*families()] == [*BUILT_IN]


class NoLicence(Ridge):
    """A model that cannot be built."""

    def __init__(self, alpha: float = 1.0) -> None:
        raise RuntimeError("the licence server\nis not reachable")


def broken_space(_: Target) -> ConfigurationSpace:
    """No space."""
    raise LookupError("no space today")


def open_ridge(**hyperparameters: Any) -> Any:
    """A builder that names none of its keywords."""
    return make_pipeline(PolynomialFeatures(2), Ridge(**hyperparameters))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"estimators": {"regression": NoLicence}},
            r"default \{'alpha': 1.0\} \(RuntimeError: the licence server\)",
        ),
        ({"estimators": {"regression": KNeighborsRegressor}, "grid": {}}, "builds no model .* 'alpha'"),
        ({"estimators": {"regression": Ridge()}}, r"is Ridge\(\), .* give a class or a function"),
        ({"estimators": {"regresion": Ridge}}, "'regresion': there are classification and regression"),
        ({"estimators": {}}, "has no estimator"),
        ({"estimators": {"regression": "sklearn.linear_model:Rigde"}}, "'sklearn.linear_model:Rigde' cannot"),
        ({"estimators": {"regression": "sklaern.linear_model:Ridge"}}, "No module named 'sklaern'"),
        ({"space": broken_space}, r"for regression cannot be made \(LookupError: no space today\)"),
        ({"space": ridge_space("regression")}, "give a function that takes the target"),
        ({"grid": None}, "grid is None: give values by name"),
        ({"grid": [1, 10]}, r"grid is \[1, 10\]: give values by name"),
    ],
)
def test_a_family_that_raises_is_refused(changes: dict[str, Any], words: str) -> None:
    """What is wrong with a family of one's own is said when it is registered, in one line."""
    with pytest.raises(FamilyError, match=words) as raised:
        register_family(ridge(**changes))
    assert len(str(raised.value).splitlines()) == 1
    assert [*families()] == [*BUILT_IN]


def test_a_builder_may_take_any_keywords() -> None:
    """A function of **kwargs is trusted to take what its space names, and nothing else."""
    register_family(ridge(estimators={"regression": open_ridge}))
    assert family("my_ridge").hyperparameters() == ["alpha"]
    assert family("my_ridge").cells() == [{"alpha": 0.1}, {"alpha": 1.0}]
    with pytest.raises(SpaceError, match="did you mean 'alpha'"):
        family("my_ridge").cells({"alhpa": [1.0]})


def test_a_grid_may_hold_arrays() -> None:
    """An array of values is the list of them, as plain Python."""
    register_family(ridge(grid={"alpha": np.logspace(-2, 2, 3)}))
    assert json.dumps(family("my_ridge").cells()) == '[{"alpha": 0.01}, {"alpha": 1.0}, {"alpha": 100.0}]'


def test_a_cell_outside_the_wide_space_is_refused() -> None:
    """A grid value beyond the wide space's range is refused at the door, naming the cell."""
    with pytest.raises(SpaceError, match="5000"):
        register_family(ridge(grid={"alpha": [1.0, 5000.0]}))
    assert [*families()] == [*BUILT_IN]


@pytest.mark.parametrize(
    ("metric", "names", "target"),
    [
        (None, [], "classification"),
        ("rmse", [], "regression"),
        ("rmse", ["svm"], "regression"),
        (None, ["elastic_net"], "regression"),
        (None, ["elastic_net", "svm"], "regression"),
        (None, ["svm", "knn"], "classification"),
        ("accuracy", ["elastic_net"], "classification"),
    ],
)
def test_few_whole_numbers_are_what_is_asked_of_them(
    metric: str | None, names: list[str], target: Target
) -> None:
    """Counts are classes, unless metric or families can only mean a regression; texts stay classes."""
    X, counts = pd.DataFrame({"x": range(40)}), pd.Series([*range(8)] * 5)
    assert as_asked(Dataset("counts", X, counts, "classification"), metric, names).target == target
    words = Dataset("words", X, counts.map(str), "classification")
    assert as_asked(words, metric, names) is words

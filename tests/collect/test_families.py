"""The built-in families, and families of one's own."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ConfigSpace import Configuration, ConfigurationSpace, Float
from sklearn.linear_model import Ridge
from sklearn.svm import SVC

from foretune.collect import families as module
from foretune.collect.families import Family, families, family, register_family
from foretune.data.errors import FamilyError, SpaceError
from foretune.data.metrics import Target
from foretune.data.spaces import complete, sobol_configs, unfold

GRIDS = {
    "decision_tree": {"max_depth": [None, 10, 20, 30], "min_samples_split": [2, 5, 10]},
    "random_forest": {"n_estimators": [10, 50, 100], "max_depth": [None, 10, 20]},
    "svm": {"C": [0.1, 1, 10], "gamma": [0.001, 0.01, 0.1]},
}
TARGETS: tuple[Target, ...] = ("classification", "regression")
EVERY_FAMILY = pytest.mark.parametrize("name", GRIDS)
EVERY_TARGET = pytest.mark.parametrize("target", TARGETS)


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


@EVERY_FAMILY
def test_the_standard_grid_is_the_one_of_the_plan(name: str) -> None:
    """Each family has the textbook grid, values and types exactly."""
    assert json.dumps(family(name).grid) == json.dumps(GRIDS[name])


@EVERY_FAMILY
@EVERY_TARGET
def test_cells_and_default_are_legal_in_the_wide_space(name: str, target: Target) -> None:
    """The wide space holds the library's default and every cell of the grid."""
    one = family(name)
    for config in ({}, *one.cells()):
        space = one.wide_space(target)
        Configuration(space, values=unfold(space, complete(space, config)))


@EVERY_FAMILY
@EVERY_TARGET
def test_the_default_is_the_librarys(name: str, target: Target) -> None:
    """Every hyperparameter of the default has the value, and type, of scikit-learn's signature."""
    one = family(name)
    signature = inspect.signature(one.estimator(target)).parameters
    default = one.default(target)
    wanted = {hyperparameter: signature[hyperparameter].default for hyperparameter in default}
    assert json.dumps(default) == json.dumps(wanted)


@EVERY_FAMILY
@EVERY_TARGET
def test_every_config_builds_the_estimator(name: str, target: Target) -> None:
    """Sobol configs are keywords that the estimator takes and finds valid, without seed and n_jobs."""
    one = family(name)
    for config in sobol_configs(one.wide_space(target), 100):
        one.estimator(target)(**config)._validate_params()
        assert not {"random_state", "n_jobs"} & {*config}


def test_a_config_is_what_svc_takes() -> None:
    """`SVC(**config)` holds the config's values unchanged."""
    for config in sobol_configs(family("svm").wide_space("classification"), 50):
        assert config.items() <= SVC(**config).get_params().items()


@EVERY_FAMILY
@EVERY_TARGET
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
    with pytest.raises(FamilyError, match="there are decision_tree, random_forest, svm"):
        family("zzz")


def test_a_family_of_ones_own_is_found() -> None:
    """A registered family is there by its name, after the built-in ones, for the targets it serves."""
    mine = ridge()
    register_family(mine)
    assert family("my_ridge") is mine
    assert [*families()] == [*GRIDS, "my_ridge"]
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
    assert [*families()] == [*GRIDS]


def test_a_family_that_does_not_fit_is_refused() -> None:
    """A grid with an unknown hyperparameter, or a space of another kind, is not registered."""
    with pytest.raises(SpaceError, match="did you mean 'alpha'"):
        register_family(ridge(grid={"alfa": [1.0]}))
    with pytest.raises(SpaceError, match="must be a ConfigSpace"):
        register_family(ridge(space=lambda _: {"alpha": (0, 1)}))
    assert [*families()] == [*GRIDS]


def test_a_cell_outside_the_wide_space_is_refused() -> None:
    """A grid value beyond the wide space's range is refused at the door, naming the cell."""
    with pytest.raises(SpaceError, match="5000"):
        register_family(ridge(grid={"alpha": [1.0, 5000.0]}))
    assert [*families()] == [*GRIDS]

"""Spaces: folding, completing, sampling, and grids."""

import json
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from ConfigSpace import (
    Categorical,
    Configuration,
    ConfigurationSpace,
    Constant,
    EqualsCondition,
    Float,
    GreaterThanCondition,
    InCondition,
    Integer,
    OrConjunction,
)
from ConfigSpace.hyperparameters import FloatHyperparameter, OrdinalHyperparameter
from hypothesis import given, strategies as st
from sklearn.model_selection import ParameterGrid

from foretune.collect.families import BUILT_IN
from foretune.data.errors import SpaceError
from foretune.data.metrics import Target
from foretune.data.records import Config, canonical
from foretune.data.spaces import (
    KIND,
    add_lists,
    add_mixed,
    check_names,
    complete,
    default_config,
    fold,
    grid_cells,
    names_of,
    sobol_configs,
    unfold,
)

SERVED = [(one.name, target) for one in BUILT_IN.values() for target in one.estimators]
PLACES = st.sampled_from(SERVED)
EVERY_SPACE = pytest.mark.parametrize(("name", "target"), SERVED)


def wide(name: str, target: Target) -> ConfigurationSpace:
    """The family's wide space."""
    return BUILT_IN[name].wide_space(target)


@cache
def samples(name: str, target: Target) -> list[dict[str, Any]]:
    """What ConfigSpace itself draws from the space: values by the space's own names."""
    space = wide(name, target)
    space.seed(0)
    return [dict(one) for one in space.sample_configuration(200)]


@st.composite
def drawn(draw: Any) -> tuple[ConfigurationSpace, dict[str, Any]]:
    """A built-in wide space with values that ConfigSpace drew from it."""
    place = draw(PLACES)
    return wide(*place), draw(st.sampled_from(samples(*place)))


@st.composite
def partly_named(draw: Any) -> tuple[ConfigurationSpace, dict[str, Any]]:
    """A built-in wide space and some of the hyperparameters of one of its configs, as in a grid cell."""
    space, values = draw(drawn())
    config = fold(values)
    names = draw(st.sets(st.sampled_from(sorted(config))))
    return space, {name: config[name] for name in sorted(names)}


def assert_legal(space: ConfigurationSpace, config: Config) -> None:
    """Raises where ConfigSpace does not take the config: unknown, out of range, missing or inactive names."""
    Configuration(space, values=unfold(space, config))


@given(drawn())
def test_unfold_undoes_fold(case: tuple[ConfigurationSpace, dict[str, Any]]) -> None:
    """What the space holds survives the way into the estimator's language and back."""
    space, values = case
    assert canonical(unfold(space, fold(values))) == canonical(values)


@given(drawn())
def test_a_folded_config_speaks_the_estimators_language(
    case: tuple[ConfigurationSpace, dict[str, Any]],
) -> None:
    """No name of the space's own (`gamma:kind`) and no numpy value gets out."""
    space, values = case
    config = fold(values)
    assert {*config} <= {*names_of(space)}
    assert not any(KIND in name for name in config)
    assert all(type(value) in (type(None), bool, int, float, str, list) for value in config.values())


@given(partly_named())
def test_complete_is_idempotent_and_legal(case: tuple[ConfigurationSpace, dict[str, Any]]) -> None:
    """Completed, a config has the active hyperparameters and no other; completed again, it is the same."""
    space, config = case
    whole = complete(space, config)
    assert_legal(space, whole)
    assert canonical(complete(space, whole)) == canonical(whole)


@given(partly_named())
def test_complete_keeps_what_was_named(case: tuple[ConfigurationSpace, dict[str, Any]]) -> None:
    """A named value either stays as it was or belonged to an inactive hyperparameter."""
    space, config = case
    whole = complete(space, config)
    assert all(whole.get(name, value) == value for name, value in config.items())


@EVERY_SPACE
def test_the_empty_config_completes_to_the_default(name: str, target: Target) -> None:
    """What is not named at all is the space's default config."""
    space = wide(name, target)
    assert complete(space, {}) == default_config(space)


def test_complete_drops_what_is_not_active() -> None:
    """A linear kernel has neither gamma nor degree, even where the config names them."""
    given_ = {"kernel": "linear", "gamma": 0.1, "degree": 3, "C": 2.0}
    assert complete(wide("svm", "classification"), given_) == {
        "kernel": "linear",
        "C": 2.0,
        "class_weight": None,
    }


def test_complete_keeps_unknown_names_at_the_end() -> None:
    """A hyperparameter outside the space is kept, after those of the space."""
    whole = complete(wide("svm", "classification"), {"shrinking": False, "C": 2.0})
    assert list(whole.items())[-1] == ("shrinking", False)


def test_complete_follows_every_kind_of_condition() -> None:
    """Chains, alternatives and comparisons of conditions decide as in ConfigSpace."""
    space = ConfigurationSpace()
    a, b = Categorical("a", ["x", "y", "z"], default="x"), Integer("b", (1, 9), default=5)
    c, d = Float("c", (0.0, 1.0), default=0.5), Float("d", (0.0, 1.0), default=0.5)
    space.add(a, b, c, d, InCondition(b, a, ["x", "y"]))
    space.add(
        OrConjunction(EqualsCondition(c, a, "z"), GreaterThanCondition(c, b, 6)), EqualsCondition(d, c, 0.25)
    )
    for config in ({}, {"a": "z"}, {"b": 7}, {"b": 7, "a": "z"}, {"a": "y", "b": 9, "c": 0.25, "d": 0.0}):
        assert_legal(space, complete(space, config))
    assert [*complete(space, {"b": 7})] == ["a", "b", "c"]


@EVERY_SPACE
def test_sobol_configs_are_legal_and_distinct(name: str, target: Target) -> None:
    """A hundred Sobol configs of a wide space are legal, and different where the space has room for them."""
    space = wide(name, target)
    configs = sobol_configs(space, 100)
    for config in configs:
        assert_legal(space, config)
    is_roomy = any(isinstance(space[one], FloatHyperparameter) for one in space)
    assert len({canonical(config) for config in configs}) >= (100 if is_roomy else 80)


@given(PLACES, st.integers(0, 40), st.integers(0, 40))
def test_a_longer_sobol_list_begins_with_the_shorter(place: tuple[str, Target], n: int, m: int) -> None:
    """The list is the same every time, and one prolongs the other."""
    short, long = sorted([n, m])
    assert sobol_configs(wide(*place), long)[:short] == sobol_configs(wide(*place), short)
    assert len(sobol_configs(wide(*place), long)) == long


def test_another_seed_is_another_sobol_list() -> None:
    """The seed chooses the sequence."""
    space = wide("svm", "classification")
    assert sobol_configs(space, 8, seed=1) != sobol_configs(space, 8)


def test_sobol_configs_spread_over_all_kinds_of_hyperparameters() -> None:
    """Ordinals, constants, weights and log scales are met in their shares."""
    space = ConfigurationSpace()
    space.add(
        OrdinalHyperparameter("steps", [1, 2, 4, 8]),
        Constant("fixed", 3),
        Categorical("c", "ab", weights=[3, 1]),
    )
    space.add(Float("rate", (1e-4, 1.0), log=True))
    configs = sobol_configs(space, 64)
    assert [sum(config["steps"] == step for config in configs) for step in (1, 2, 4, 8)] == [16] * 4
    assert sum(config["c"] == "a" for config in configs) == 48
    assert sum(config["rate"] < 1e-2 for config in configs) == 32
    assert all(config["fixed"] == 3 for config in configs)


@EVERY_SPACE
def test_a_sobol_sample_meets_every_choice(name: str, target: Target) -> None:
    """Special values and numbers of a mixed hyperparameter both come up among sixty configs."""
    space, configs = wide(name, target), sobol_configs(wide(name, target), 60)
    for mixed in (one.removesuffix(KIND) for one in space if one.endswith(KIND)):
        if mixed not in space:  # a choice among lists
            continue
        values = [config[mixed] for config in configs if mixed in config]
        special = [value for value in values if json.dumps(value) in space[mixed + KIND].choices]
        assert 0 < len(special) < len(values)


VALUES = st.lists(st.none() | st.booleans() | st.integers() | st.text(max_size=2), min_size=1, max_size=3)
GRIDS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=3)


@given(GRIDS | st.lists(GRIDS, max_size=3))
def test_grid_cells_come_in_scikit_learns_order(grid: Any) -> None:
    """Flat grids and lists of grids have the cells of `ParameterGrid`, made of the very same objects."""
    cells, theirs = grid_cells(grid), list(ParameterGrid(grid))
    assert cells == theirs
    for cell, other in zip(cells, theirs, strict=True):
        assert all(cell[name] is other[name] for name in other)


@pytest.mark.parametrize("values", ["rbf", 1.0, [], {1, 2}])
def test_a_grid_needs_lists(values: Any) -> None:
    """Values that are no list raise an error that names the hyperparameter."""
    with pytest.raises(SpaceError, match=r"'C' are .* give a list"):
        grid_cells({"C": values})


def test_an_unknown_name_brings_the_nearest() -> None:
    """A misspelt hyperparameter brings a suggestion; one that resembles none, the list."""
    check_names({"max_depth": 3}, ["max_depth"], family="decision_tree")
    with pytest.raises(
        SpaceError, match="decision_tree has no hyperparameter 'maxdepth': did you mean 'max_depth'"
    ):
        check_names({"maxdepth": 3}, ["criterion", "max_depth"], family="decision_tree")
    with pytest.raises(SpaceError, match="it has criterion, max_depth"):
        check_names({"zzz": 3}, ["criterion", "max_depth"], family="decision_tree")


@pytest.mark.parametrize("default", [None, "sqrt", 0.5])
def test_a_mixed_hyperparameter_defaults_to_what_was_asked(default: Any) -> None:
    """The default of a mixed hyperparameter is the special value, or the number's own default."""
    space = ConfigurationSpace()
    add_mixed(space, Float("max_features", (0.1, 1.0), default=0.5), [None, "sqrt"], default=default)
    assert default_config(space) == {"max_features": default}


def test_the_number_weighs_as_much_as_all_specials() -> None:
    """A uniform sample of a mixed hyperparameter is a number half of the time."""
    space = ConfigurationSpace()
    add_mixed(space, Float("f", (0.1, 1.0)), [None, "sqrt", "log2"], default=None)
    values = [config["f"] for config in sobol_configs(space, 64)]
    assert sum(isinstance(value, float) for value in values) == 32


def test_sobol_numbers_have_four_digits_at_most() -> None:
    """Numbers come rounded, and still spread over the log scale."""
    rates = sorted(config["C"] for config in sobol_configs(wide("svm", "regression"), 32))
    assert all(float(f"{rate:.4g}") == rate for rate in rates)
    assert max(np.log10(b / a) for a, b in pairwise(rates)) < 0.5


@pytest.mark.parametrize(("low", "high", "log"), [(1000.0, 1001.0, False), (0.9995, 0.9999, True)])
def test_numbers_of_a_narrow_range_are_all_over_it(low: float, high: float, log: bool) -> None:
    """Rounding does not leave a range of large numbers its ends alone: each point keeps its place."""
    space = ConfigurationSpace()
    space.add(Float("x", (low, high), log=log))
    shares = sorted((config["x"] - low) / (high - low) for config in sobol_configs(space, 32))
    assert max(b - a for a, b in pairwise(shares)) < 0.07


def test_lists_are_special_values() -> None:
    """A list goes into the space as its JSON text and comes out as a list; any other is told apart."""
    space = ConfigurationSpace()
    add_lists(space, "layers", [[8], [8, 8]], default=[8])
    assert default_config(space) == {"layers": [8]}
    assert fold(unfold(space, {"layers": (8, 8)})) == {"layers": [8, 8]}
    assert unfold(space, {"layers": [9]}) == {"layers:kind": "[9]"}
    assert fold(unfold(space, {"layers": [9]})) == {"layers": [9]}
    assert not space["layers:kind"].legal_value("[9]")
    assert names_of(space) == ["layers"]

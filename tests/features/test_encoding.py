"""Configs as points in the unit cube."""

from typing import Any

import numpy as np
import pytest
from ConfigSpace import Categorical, ConfigurationSpace, Constant, Float, Integer
from ConfigSpace.hyperparameters import OrdinalHyperparameter
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from foretune.collect.families import BUILT_IN
from foretune.data.metrics import Target
from foretune.data.records import canonical
from foretune.data.spaces import complete, sobol_configs
from foretune.features.encoding import INACTIVE, Encoder

PLACES = [(one.name, target) for one in BUILT_IN.values() for target in one.estimators]
EVERY_SPACE = pytest.mark.parametrize(("name", "target"), PLACES)


def wide(name: str, target: Target) -> ConfigurationSpace:
    """The family's wide space."""
    return BUILT_IN[name].wide_space(target)


CONFIGS = {place: sobol_configs(wide(*place), 100) for place in PLACES}


@st.composite
def legal(draw: Any) -> tuple[ConfigurationSpace, dict[str, Any]]:
    """A built-in wide space and one of its configs."""
    place = draw(st.sampled_from(PLACES))
    return wide(*place), draw(st.sampled_from(CONFIGS[place]))


def one_number() -> ConfigurationSpace:
    """A space of one number on a log scale."""
    space = ConfigurationSpace()
    space.add(Float("C", (0.01, 100.0), log=True, default=1.0))
    return space


@given(legal())
def test_a_legal_config_lies_in_the_unit_cube(case: tuple[ConfigurationSpace, dict[str, Any]]) -> None:
    """Every column of a legal config is a finite number in [0, 1], and each has its label."""
    space, config = case
    encoder = Encoder(space)
    points = encoder([config])
    assert points.shape == (1, len(encoder.columns))
    assert ((points >= 0) & (points <= 1)).all()


@given(legal(), st.data())
def test_equal_settings_are_equal_points(case: tuple[ConfigurationSpace, dict[str, Any]], data: Any) -> None:
    """A config that leaves out what is at its default lies where the whole config lies."""
    space, config = case
    default = complete(space, {})
    droppable = [name for name, value in config.items() if name in default and default[name] == value]
    dropped = data.draw(st.sets(st.sampled_from(droppable))) if droppable else set()
    short = {name: value for name, value in config.items() if name not in dropped}
    points = Encoder(space)([short, complete(space, short)])
    assert_array_equal(points[0], points[1])


@EVERY_SPACE
def test_a_grid_cell_lies_where_its_completion_does(name: str, target: Target) -> None:
    """Every cell of the standard grid and its completed form are one point, and the cells are apart."""
    family = BUILT_IN[name]
    space, cells = family.wide_space(target), family.cells()
    points = Encoder(space)(cells)
    assert_array_equal(points, Encoder(space)([complete(space, cell) for cell in cells]))
    assert len(np.unique(points, axis=0)) == len(cells)


@given(legal())
def test_different_configs_are_different_points(case: tuple[ConfigurationSpace, dict[str, Any]]) -> None:
    """Among a hundred configs, only a config itself lies where it lies."""
    space, config = case
    others = next(CONFIGS[place] for place in PLACES if config in CONFIGS[place] and wide(*place) is space)
    encoder = Encoder(space)
    same = (encoder(others) == encoder([config])).all(axis=1)
    assert {canonical(other) for other, here in zip(others, same, strict=True) if here} == {canonical(config)}


@given(st.floats(0.01, 100.0), st.integers(1, 40), st.floats(-1.0, 1.0), st.integers(2, 64))
def test_numbers_stand_where_configspace_puts_them(c: float, depth: int, coef: float, split: int) -> None:
    """Plain and log scales, of floats and whole numbers, agree with ConfigSpace's own vectors."""
    space = one_number()
    space.add(Integer("depth", (1, 40), log=True), Float("coef", (-1.0, 1.0)), Integer("split", (2, 64)))
    config = {"C": c, "depth": depth, "coef": coef, "split": split}
    encoder = Encoder(space)
    wanted = [space[name].to_vector(config[name]) for name in encoder.columns]
    assert_allclose(encoder([config])[0], wanted, atol=1e-9)


def test_the_log_scale_is_honoured() -> None:
    """Equal ratios are equal steps; beyond the range it goes on, up to half the range."""
    encoder = Encoder(one_number())
    points = encoder([{"C": c} for c in (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 1e9, 0)])
    assert_allclose(points[:, 0], [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, -0.5])


@given(legal(), st.integers() | st.text() | st.none())
def test_unknown_names_are_passed_over(case: tuple[ConfigurationSpace, dict[str, Any]], value: Any) -> None:
    """A hyperparameter outside the space moves no point."""
    space, config = case
    points = Encoder(space)([config, config | {"shrinking": value}])
    assert_array_equal(points[0], points[1])


@given(st.permutations(["a", "b", "c"]), st.floats(0.0, 1.0), st.integers(1, 9), st.sampled_from("xyz"))
def test_the_order_of_a_space_permutes_columns_only(order: list[str], a: float, b: int, c: str) -> None:
    """Hyperparameters under other names, so in another order, bring the same columns in that order."""
    config = {"a": a, "b": b, "c": c}
    places = dict(zip(["a", "b", "c"], order, strict=True))

    def columns(names: dict[str, str]) -> dict[str, float]:
        space = ConfigurationSpace()
        space.add(
            Float(names["a"], (0.0, 1.0)),
            Integer(names["b"], (1, 9)),
            Categorical(names["c"], ["x", "y", "z"]),
        )
        encoder = Encoder(space)
        old = {new: name for name, new in names.items()}
        labels = [old[label[0]] + label[1:] for label in encoder.columns]
        return dict(zip(labels, encoder([{names[n]: v for n, v in config.items()}])[0], strict=True))

    assert columns(places) == columns({name: name for name in config})


@pytest.mark.parametrize(
    ("name", "special", "number"),
    [
        ("svm", {"gamma": "scale"}, {"gamma": 0.1}),
        ("svm", {"gamma": "auto"}, {"gamma": "scale"}),
        ("decision_tree", {"max_depth": None}, {"max_depth": 10}),
        ("random_forest", {"max_features": "sqrt"}, {"max_features": 0.5}),
        ("decision_tree", {"ccp_alpha": 0.0}, {"ccp_alpha": 1e-5}),
    ],
)
def test_specials_stand_apart_from_numbers(
    name: str, special: dict[str, Any], number: dict[str, Any]
) -> None:
    """A special value differs from a number by a whole edge of the cube, not by a hair."""
    points = Encoder(wide(name, "classification"))([special, number])
    assert np.abs(points[0] - points[1]).max() >= 1


def test_a_choice_has_one_column_for_each_value() -> None:
    """The column of the value taken is 1; an unknown value has none, and a constant no column at all."""
    space = ConfigurationSpace()
    space.add(Categorical("kernel", ["rbf", "poly"], default="rbf"), Constant("cache", 200))
    encoder = Encoder(space)
    assert encoder.columns == ["kernel=rbf", "kernel=poly"]
    assert encoder([{"kernel": "poly"}, {}, {"kernel": "mine"}]).tolist() == [[0, 1], [1, 0], [0, 0]]


def test_what_is_not_active_stands_in_the_middle() -> None:
    """A linear kernel's gamma, degree and coef0 are neither low nor high."""
    encoder = Encoder(wide("svm", "classification"))
    point = dict(zip(encoder.columns, encoder([{"kernel": "linear"}])[0], strict=True))
    assert point["gamma"] == point["degree"] == point["coef0"] == INACTIVE
    assert all(point[label] == 0 for label in point if label.startswith("gamma:kind"))


def test_ordinals_stand_at_equal_steps() -> None:
    """The values of an ordinal go from 0 to 1 by their place; an unknown one stands in the middle."""
    space = ConfigurationSpace()
    space.add(OrdinalHyperparameter("size", [1, 10, 1000]))
    assert Encoder(space)([{"size": s} for s in (1, 10, 1000, 7)])[:, 0].tolist() == [0, 0.5, 1, 0.5]


@pytest.mark.parametrize("value", ["mine", None, [1.0, 2.0]])
def test_what_is_no_number_stands_in_the_middle(value: Any) -> None:
    """A value that the space cannot place, as other tools record them, does not stop the encoding."""
    assert Encoder(one_number())([{"C": value}]).tolist() == [[INACTIVE]]


def test_no_configs_are_no_points() -> None:
    """An empty list has shape (0, columns)."""
    assert Encoder(wide("svm", "regression"))([]).shape == (
        0,
        len(Encoder(wide("svm", "regression")).columns),
    )


def test_points_do_not_depend_on_company() -> None:
    """A config has the same point alone, in a list, and asked twice."""
    encoder, configs = Encoder(wide("svm", "classification")), CONFIGS["svm", "classification"]
    together = encoder(configs)
    assert_array_equal(
        together, np.vstack([Encoder(wide("svm", "classification"))([one]) for one in configs])
    )
    assert_array_equal(together, encoder(configs))

"""Conditions that are read off configs."""

from typing import Any

import pytest
from ConfigSpace import Categorical, ConfigurationSpace, Float, Integer

from foretune.data.spaces import complete
from foretune.history.readers.conditions import Rule, add_rules, rules_of

CHOICES = frozenset({"model", "kernel"})


@pytest.mark.parametrize(
    ("configs", "expected"),
    [
        ([{"model": "a", "x": 1}, {"model": "a", "x": 2}], {}),  # it is always there
        ([{"model": "a", "x": 1}, {"model": "b"}], {"x": Rule("model", ("a",))}),
        ([{"model": "a", "x": 1}, {"model": "b"}, {"model": "a"}], {}),  # the choice does not tell
        ([{"x": 1}, {"model": "b"}, {"model": "a"}], {}),  # it is there without its parent
        ([{"n": 3, "x": 1}, {"n": 1}, {"n": 2}, {"n": 4, "x": 1}], {"x": Rule("n", above=2)}),
        ([{"n": 1, "x": 1}, {"n": 2}], {"x": Rule("n", below=2)}),
        ([{"n": 1, "x": 1}, {"n": 2}, {"n": 3, "x": 1}], {}),  # no bound tells
        ([{"model": None, "x": 1}, {"model": [1, 2]}, {"model": True}], {"x": Rule("model", (None,))}),
        ([{"n": None, "x": 1}, {"n": 5}, {"n": 3, "x": 1}], {}),  # not all of them are numbers
        ([], {}),
    ],
)
def test_a_rule_holds_in_every_config(configs: list[dict[str, Any]], expected: dict[str, Rule]) -> None:
    """A rule is found where a choice or an integer tells exactly which configs have the hyperparameter."""
    found = rules_of(configs, choices=CHOICES, integers=frozenset({"n"}))
    assert {name: rule for name, rule in found.items() if name == "x"} == expected


def test_the_nearest_parent_is_taken() -> None:
    """Of nested choices the inner one rules, and both depend on what is above them."""
    configs = [
        {"model": "svm", "kernel": "rbf", "gamma": 1},
        {"model": "svm", "kernel": "linear"},
        {"model": "tree"},
    ]
    found = rules_of(configs, choices=CHOICES)
    assert found == {"kernel": Rule("model", ("svm",)), "gamma": Rule("kernel", ("rbf",))}


def test_rules_become_conditions() -> None:
    """In a space that was given rules, completing a config names what is active, and only that."""
    space = ConfigurationSpace()
    space.add(
        Categorical("model", ["a", "b"]), Integer("n", (1, 4)), Float("x", (0.0, 1.0)), Float("y", (0, 1))
    )
    add_rules(space, {"x": Rule("model", ("a", "unknown")), "y": Rule("n", above=2), "z": Rule("n", below=2)})
    assert set(complete(space, {"model": "a", "n": 2})) == {"model", "n", "x"}
    assert set(complete(space, {"model": "b", "n": 3})) == {"model", "n", "y"}

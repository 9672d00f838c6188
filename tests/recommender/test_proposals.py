"""What may be proposed."""

from typing import Any

import numpy as np
import pytest
from ConfigSpace import (
    Categorical,
    ConfigurationSpace,
    Constant,
    Float,
    ForbiddenAndConjunction,
    ForbiddenEqualsClause,
    Integer,
    OrdinalHyperparameter,
)

from foretune.collect.families import families, family
from foretune.data.records import Config, Task, Trial
from foretune.data.spaces import default_config, unfold
from foretune.features.encoding import Encoder
from foretune.recommender.proposals import FRESH, RECORDED, VARIANTS, Proposals, fitted, variant
from foretune.testing import RELATED_CELLS, related_space, related_task, related_tasks


def legal(space: ConfigurationSpace, config: Config) -> bool:
    """Whether each value is one that the space may hold."""
    return all(space[name].legal_value(value) for name, value in unfold(space, config).items())


def test_past_configs_and_fresh_points_are_candidates() -> None:
    """Before any trial: every config that the past tried, spelled out, and Sobol points."""
    space = related_space()
    key = Encoder(space).key
    found = Proposals(related_tasks(), space, key).of(related_task("new", 0.5, 0.5))
    assert {key(cell) for cell in RELATED_CELLS} <= set(found)
    assert len(found) == len(RELATED_CELLS) + FRESH
    assert all(legal(space, config) for config in found.values())


def test_of_a_large_past_the_best_configs_are_looked_at() -> None:
    """Where tasks tried hundreds of configs each their own, the best of every task is a candidate."""
    rng = np.random.default_rng(0)
    space = related_space()
    key = Encoder(space).key
    past = [
        related_task(
            f"past {k}", rng.random(), 0.5, cells=[{"C": float(c)} for c in 10 ** rng.uniform(-3, 3, 60)]
        )
        for k in range(40)
    ]
    found = Proposals(past, space, key).of(related_task("new", 0.5, 0.5))
    assert len(found) == RECORDED + FRESH
    assert {key(task.best.config) for task in past if task.best} <= set(found)


def test_variants_of_the_best_join_later() -> None:
    """From five trials on there are variants of the two best, the same ones when asked again."""
    space = related_space()
    candidates = Proposals(related_tasks(), space, Encoder(space).key)
    few, more = (
        related_task("new", 0.5, 0.5).plus(*(Trial({"C": float(k + 1)}, 0.1 * k) for k in range(n)))
        for n in (4, 5)
    )
    assert len(candidates.of(few)) == len(RELATED_CELLS) + FRESH
    assert 10 < len(candidates.of(more)) - len(candidates.of(few)) <= VARIANTS
    assert candidates.of(more) == candidates.of(more)


@pytest.mark.parametrize("name", families())
def test_variants_are_legal(name: str) -> None:
    """A variant of any family's default is a config of its space, close by but not the same."""
    for target in family(name).estimators:
        space, default = family(name).wide_space(target), family(name).default(target)
        rng = np.random.default_rng(0)
        found = [variant(space, default, rng, reach=0.2) for _ in range(20)]
        assert all(legal(space, config) for config in found)
        assert sum(config != default for config in found) > 10


def test_a_foreign_config_is_fitted_to_the_space() -> None:
    """Numbers are drawn into their ranges, unknown names and choices dropped, the rest is at its default."""
    space = related_space()
    space.add(Integer("k", (1, 9), default=3), Float("f", (0.0, 1.0), default=0.5))
    config = {"C": 1e9, "gamma": "never", "k": 40.2, "f": 1, "kernel": "rbf"}
    assert fitted(space, config) == default_config(space) | {"C": 1000.0, "k": 9, "f": 1.0, "gamma": "scale"}


@pytest.mark.parametrize(
    ("choices", "former"),
    [([0.1, 1.0], 1), ([True, False], 0), ([1, 2], 2.0), ([(1, 2), (3, 4)], (1.0, 2.0))],
)
def test_a_choice_is_what_the_space_spells(choices: list[Any], former: Any) -> None:
    """Where the past had a whole number and today's choice is an equal float, the choice is proposed."""
    for one in (Categorical("x", choices), OrdinalHyperparameter("x", choices), Constant("x", choices[0])):
        space = ConfigurationSpace()
        space.add(one)
        own = fitted(space, {"x": former})["x"]
        assert repr(own) in map(repr, choices)
        assert isinstance(one, Constant) or own == former


def test_what_a_space_forbids_is_not_proposed() -> None:
    """No candidate, past, fresh or near the best, is one that a forbidden clause speaks against."""
    space = ConfigurationSpace()
    kernel, shrink = (
        Categorical("kernel", ["rbf", "poly"]),
        Categorical("shrink", [True, False], default=False),
    )
    space.add(kernel, shrink, Float("C", (0.1, 10.0)))
    space.add(
        ForbiddenAndConjunction(ForbiddenEqualsClause(kernel, "rbf"), ForbiddenEqualsClause(shrink, True))
    )
    trials = [Trial({"kernel": "rbf", "shrink": True, "C": 1.0 + k}, 0.1 * k) for k in range(6)]
    past = Task("past", "f", space, trials=tuple(trials))
    found = Proposals([past], space, Encoder(space).key).of(past).values()
    assert found
    assert not any(config["kernel"] == "rbf" and config["shrink"] for config in found)


def test_none_may_be_a_choice() -> None:
    """A choice whose value is None is kept, also where the default is another."""
    space = ConfigurationSpace()
    space.add(Categorical("weight", [None, "balanced"], default="balanced"))
    assert fitted(space, {"weight": None}) == {"weight": None}


def test_a_constant_is_always_there() -> None:
    """A text that the space holds constant stands in every candidate."""
    space = ConfigurationSpace()
    space.add(Constant("kernel", "rbf"), Float("C", (0.1, 10.0)))
    past = Task("past", "f", space, trials=(Trial({"C": 1.0}, 0.1), Trial({"C": 2.0}, 0.2)))
    found = Proposals([past], space, Encoder(space).key).of(past).values()
    assert {config["kernel"] for config in found} == {"rbf"}


def test_what_is_not_named_is_the_default_of_its_own_space() -> None:
    """Where a default has changed since, a config that names nothing and one that spells it out are two."""
    today = ConfigurationSpace()
    today.add(Float("C", (0.1, 10.0), default=5.0))
    past = ConfigurationSpace()
    past.add(Float("C", (0.1, 10.0), default=1.0))
    task = Task("past", "svm", past, trials=(Trial({}, 0.1), Trial({"C": 1.0}, 0.2)))
    found = Proposals([task], today, Encoder(past).key).of(Task("new", "svm", today))
    assert [dict(config) for config in list(found.values())[:2]] == [{"C": 5.0}, {"C": 1.0}]

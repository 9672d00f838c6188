"""Configs that a caller names as candidates."""

from typing import Any

import numpy as np
import pytest
from ConfigSpace import Categorical, ConfigurationSpace, Float, Integer

from foretune.data.errors import SpaceError
from foretune.data.records import Task, Trial
from foretune.data.spaces import add_mixed
from foretune.recommender.recommender import Recommender


@pytest.fixture(scope="module")
def space() -> ConfigurationSpace:
    """A number, a choice, and a number that may be None."""
    space = ConfigurationSpace()
    space.add(Float("C", (0.1, 10.0), log=True, default=1.0), Categorical("kernel", ["rbf", "poly"]))
    add_mixed(space, Integer("depth", (1, 9), default=3), [None], default=None)
    return space


@pytest.fixture(scope="module")
def recommender(space: ConfigurationSpace) -> Recommender:
    """Taught by three tasks that were tried at both ends of C."""
    trials = (Trial({"C": 0.1}, 0.3), Trial({"C": 1.0}, 0.2), Trial({"C": 10.0}, 0.1))
    past = [Task(f"past {k}", "svm", space, trials=trials) for k in range(3)]
    return Recommender("portfolio").fit(past)


@pytest.mark.parametrize(
    ("candidate", "what"),
    [
        ({"c": 1.0}, "svm has no hyperparameter 'c'"),
        ({"kernels": "rbf"}, "did you mean 'kernel'"),
        ({"C": "x"}, r"svm cannot have C='x'.*Range: \[0.1, 10.0\]"),
        ({"C": None}, "svm cannot have C=None"),
        ({"depth": "deep"}, "svm cannot have depth='deep'"),
        ({"C": float("nan")}, "svm cannot have C=nan"),
        ({"depth": 10**400}, "svm cannot have depth=1000"),
        ({3: 1.0}, "names a hyperparameter 3"),
        ("rbf", "'rbf' is no config"),
    ],
)
def test_a_candidate_that_means_nothing_is_refused(
    recommender: Recommender, space: ConfigurationSpace, candidate: Any, what: str
) -> None:
    """Unknown names, texts for numbers and what is no config are refused, in the family's name."""
    task = Task("new", "svm", space)
    with pytest.raises(SpaceError, match=what):
        recommender.recommend(task, candidates=[{"C": 1.0}, candidate])


@pytest.mark.parametrize(
    "candidate",
    [
        {"C": 1000},
        {"C": 1.0, "kernel": "x"},
        {"depth": 99},
        {"depth": 2.5},
        {"kernel": ["rbf"]},
        {"kernel": {}},
    ],
)
def test_a_candidate_outside_the_space_is_recommended_with_a_note(
    recommender: Recommender, space: ConfigurationSpace, candidate: dict[str, Any]
) -> None:
    """A grid may go beyond what was ever tried, but then the forecast is a guess, and that is said."""
    (found,) = recommender.recommend(Task("new", "svm", space), candidates=[candidate])
    assert found.config is candidate
    assert found.note.startswith([*candidate][-1])


@pytest.mark.parametrize(
    "candidate",
    [{}, {"C": 10}, {"C": np.float32(2)}, {"depth": None}, {"depth": np.int64(9), "kernel": "poly"}],
)
def test_a_candidate_of_the_space_bears_no_note(
    recommender: Recommender, space: ConfigurationSpace, candidate: dict[str, Any]
) -> None:
    """What the space holds, whole numbers for floats included, needs no comment."""
    (found,) = recommender.recommend(Task("new", "svm", space), candidates=[candidate])
    assert not found.note


def test_what_a_past_space_had_may_be_a_candidate(
    recommender: Recommender, space: ConfigurationSpace
) -> None:
    """A hyperparameter that today's space has dropped is known from the past."""
    narrow = ConfigurationSpace()
    narrow.add(Categorical("kernel", ["rbf", "poly"]))
    (found,) = recommender.recommend(Task("new", "svm", narrow), candidates=[{"C": 10.0}])
    assert found.config == {"C": 10.0}

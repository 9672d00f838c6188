"""The settings that a search may try, and what the past sees of them."""

import json
from typing import Any

import numpy as np
import pytest
from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer
from scipy.stats import loguniform, randint
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from foretune.data.errors import FamilyError, SpaceError
from foretune.data.records import canonical
from foretune.faces.searching.candidates import Candidates, Words, cells_of
from foretune.faces.searching.estimators import Model
from foretune.faces.searching.units import Units
from foretune.features.encoding import Encoder
from foretune.testing import related_tasks

PIPE = Pipeline([("scale", StandardScaler()), ("pca", "passthrough"), ("svc", SVC(kernel="poly"))])


def rng() -> np.random.RandomState:
    """A fresh source of the same draws."""
    return np.random.RandomState(0)


def candidates(param_space: Any, estimator: Any = PIPE, **options: Any) -> Candidates:
    """The candidates of an estimator; a grid or distributions as the search takes them."""
    if isinstance(param_space, dict | list):
        param_space = cells_of(param_space, rng())
    return Candidates.of(param_space, Model.of(estimator), options.pop("units", Units()), **options)


def test_cells_keep_their_objects() -> None:
    """A cell's values are the very objects of the grid, and its order is scikit-learn's."""
    steps, kernel = [PCA(2), PCA(3)], lambda a, b: a @ b.T
    grid = [{"pca": steps, "svc__C": np.array([1, 10])}, {"svc__kernel": [kernel, "rbf"], "svc__C": (0.1,)}]
    found = candidates(grid).settings
    assert [*found] == [*ParameterGrid(grid)]
    assert found[0]["pca"] is steps[0]
    assert found[4]["svc__kernel"] is kernel


def test_the_past_sees_plain_configs() -> None:
    """In the family's own names, what a cell leaves open as the estimator has it, and words for objects."""
    found = candidates([{"pca": [PCA(2)], "svc__C": np.array([10])}, {"svc__degree": [2]}])
    assert found.seen == [
        {"kernel": "poly", "pca": "PCA(n_components=2)", "C": 10, "degree": 3},
        {"kernel": "poly", "pca": "passthrough", "C": 1.0, "degree": 2},
    ]
    assert found.first == {"kernel": "poly", "pca": "passthrough", "C": 1.0, "degree": 3}
    assert type(found.seen[0]["C"]) is int
    assert {"pca:kind", "C", "kernel"} <= {*found.space}


def test_every_cell_can_be_stored_and_encoded() -> None:
    """Whatever a grid holds, the past's view of it is JSON, and the space that comes with it encodes it."""
    values = [
        None,
        True,
        3,
        2.5,
        "a",
        (1, 2),
        [3],
        {"b": 1},
        {0: 1},
        len,
        PCA,
        Ridge(),
        np.float32(1),
        np.nan,
        np.eye(9),
    ]
    grid = {
        "C": [1, 2],
        "class_weight": [None, {0: 1}, {0: 2}],
        "odd": values,
        "n": [1, 100],
        "f": [0.5, None],
    }
    found = candidates(grid, SVC())
    assert len({canonical(config) for config in found.seen}) == len(found.seen)
    assert json.loads(json.dumps(found.seen)) == found.seen
    points = Encoder(found.space)(found.seen)
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) >= 2 * 2 * 2 * 14


def test_words_tell_objects_apart() -> None:
    """The same object has one word, two that look alike have two, and none shows an address."""
    words, one, other = Words(), object(), object()
    assert [words.config({"x": x})["x"] for x in (one, other, one)] == ["object", "object #2", "object"]
    assert words.config({"x": np.nan}) == {"x": "nan"}


def test_no_space_is_the_familys_own() -> None:
    """Without a space the family's wide one is searched, the library's default first; what is set stays."""
    found = candidates(None, make_pipeline(SVC()))
    assert found.settings[0] == {
        "svc__C": 1.0, "svc__class_weight": None, "svc__kernel": "rbf", "svc__gamma": "scale"
    }  # fmt: skip
    fixed = candidates(None, SVC(kernel="linear", class_weight={0: 2}))
    assert {name for one in fixed.settings for name in one} == {"C"}
    assert {one["kernel"] for one in fixed.seen} == {"linear"}
    assert {one["class_weight"] for one in fixed.seen} == {"{0: 2}"}


def test_no_space_and_no_family() -> None:
    """Where nothing says what to search, the error says what to give."""
    with pytest.raises(FamilyError, match=r"no family of Ridge.*param_space"):
        candidates(None, Ridge())


def test_past_configs_are_among_the_candidates() -> None:
    """What past tasks tried may be tried again, in the family's space and in a user's own."""
    past = related_tasks(3)
    tried = {(trial.config["C"], trial.config["gamma"]) for trial in past[0].trials}
    wide = {(one["C"], one.get("gamma")) for one in candidates(None, SVC(), past=past).seen}
    assert tried <= wide
    space = ConfigurationSpace({"svc__C": (0.05, 20.0)})
    own = [one["svc__C"] for one in candidates(space, past=past).settings]
    assert {0.1, 1.0, 10.0} <= {*own}
    assert all(0.05 <= C <= 20.0 for C in own)


@pytest.mark.parametrize("prefix", ["svc__", ""])
def test_a_space_by_either_name(prefix: str) -> None:
    """A ConfigSpace may name parameters as the pipeline does, or as the model; its conditions hold."""
    space = ConfigurationSpace()
    kernel = Categorical(f"{prefix}kernel", ["poly", "linear"])
    degree = Integer(f"{prefix}degree", (2, 5))
    space.add(kernel, degree, Float("pca__tol", (0.1, 1.0)), EqualsCondition(degree, kernel, "poly"))
    found = candidates(space, make_pipeline(PCA(), SVC()))
    assert {"svc__kernel", "pca__tol"} <= {*found.settings[0]}
    assert {*found.seen[0]} == {"kernel", "degree", "pca__tol"}
    assert all(("svc__degree" in one) == (one["svc__kernel"] == "poly") for one in found.settings)


def test_distributions_are_drawn_once() -> None:
    """Of distributions so many settings are drawn, the same ones for the same seed."""
    space = {"C": loguniform(1e-2, 1e2), "degree": randint(2, 5), "kernel": ["rbf", "poly"]}
    one, other = cells_of(space, rng(), most=50), cells_of(space, rng(), most=50)
    assert one == other
    assert len(one) == 50
    assert candidates(space, SVC()).space["C"].upper > 50


def test_a_huge_grid_is_drawn_from() -> None:
    """Of a grid too large to be weighed a part is drawn, in the grid's order, and quickly."""
    grid = {name: [*range(100)] for name in "abcd"}
    found = cells_of(grid, rng(), most=500)
    places = [((one["a"] * 100 + one["b"]) * 100 + one["c"]) * 100 + one["d"] for one in found]
    assert len(found) == 500
    assert places == sorted({*places})


@pytest.mark.parametrize(
    "wrong",
    [{"C": 1}, {"C": "rbf"}, {"C": []}, [{"C": [1]}, 3], {"C": np.eye(2)}, {"C": 1, "g": loguniform(1, 2)}],
)
def test_what_is_no_grid_is_refused(wrong: Any) -> None:
    """Anything else is an error that says what was wrong and what to give."""
    with pytest.raises(SpaceError, match=r"[^.]\. Give a grid, lists or scipy distributions"):
        cells_of(wrong, rng())


def test_values_are_translated_into_the_units_of_the_past() -> None:
    """On wide columns a gamma of the past becomes small, and a grid's gamma large in the past's eyes."""
    units = Units(columns=10.0)
    grid = candidates({"gamma": [0.001, "scale"]}, SVC(), units=units)
    assert [one["gamma"] for one in grid.seen] == [0.1, "scale"]
    assert [one["gamma"] for one in grid.settings] == [0.001, "scale"]
    wide = candidates(None, SVC(), units=units)
    k = next(k for k, one in enumerate(wide.seen) if isinstance(one.get("gamma"), float))
    assert wide.settings[k]["gamma"] == pytest.approx(wide.seen[k]["gamma"] / 100, rel=1e-3)


@pytest.mark.parametrize("param_space", [None, "C alone"])
def test_what_the_user_has_set_is_told_as_it_is(param_space: str | None) -> None:
    """On unscaled columns a settled gamma is translated for the past, and told as the user set it."""
    space = None
    if param_space is not None:
        space = ConfigurationSpace()
        space.add(Float("C", (0.1, 10.0), log=True, default=1.0))
    found = candidates(space, SVC(gamma=0.001), units=Units(columns=10.0), fresh=8)
    assert len(found.told) > 5
    assert {one["gamma"] for one in found.told if "gamma" in one} == {0.001}
    assert {one["gamma"] for one in found.seen if "gamma" in one} == {0.1}

"""Datasets as points of ranks."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from foretune.features.metaspace import UNKNOWN, MetaSpace, filled

numbers = st.floats(-1e6, 1e6)
columns = st.lists(numbers, min_size=2, max_size=12)


@given(columns, numbers)
def test_a_coordinate_is_the_share_of_lower_values(known: list[float], value: float) -> None:
    """A point's coordinate is the share of known values below it, ties counting half."""
    space = MetaSpace([{"a": one} for one in known])
    expected = np.mean([1.0 if one < value else 0.5 if one == value else 0.0 for one in known])
    assert space.points([{"a": value}])[0, 0] == pytest.approx(expected)


@given(columns, numbers)
def test_no_scale_matters(known: list[float], value: float) -> None:
    """A unit of another size, counted from elsewhere, leaves every point where it was."""
    space = MetaSpace([{"a": one} for one in known])
    other = MetaSpace([{"a": 4 * one} for one in known])
    assert np.array_equal(space.known, other.known)
    assert np.array_equal(space.points([{"a": value}]), other.points([{"a": 4 * value}]))


def test_only_what_half_of_the_datasets_have_is_used() -> None:
    """A meta-feature that fewer have, or that is not finite, makes no coordinate."""
    space = MetaSpace([{"a": 1.0, "b": 1.0}, {"a": 2.0, "b": math.nan}, {"a": 3.0, "c": 5.0}])
    assert space.names == ["a"]
    assert MetaSpace([{"a": 1.0}, {}]).names == ["a"]
    assert MetaSpace([{}, {}]).known.shape == (2, 0)


def test_what_is_not_known_stands_in_the_middle() -> None:
    """A missing value, NaN or infinity makes no dataset special, and unknown names are passed over."""
    space = MetaSpace([{"a": float(k), "b": 0.0} for k in range(5)])
    points = space.points([{}, {"a": math.nan, "b": math.inf}, {"z": 1.0}])
    assert points.tolist() == [[UNKNOWN, UNKNOWN]] * 3


def test_similarity_is_one_for_equals_and_falls_with_the_distance() -> None:
    """A dataset is like itself by 1, and the less alike the more ranks lie between."""
    space = MetaSpace([{"a": float(k), "b": 1.0} for k in range(6)])
    alike = space.similarities({"a": 0.0, "b": 1.0})
    assert alike[0] == 1.0
    assert (np.diff(alike) < 0).all()
    assert ((alike >= 0) & (alike <= 1)).all()


@pytest.mark.parametrize("dataset", [{}, {"z": 1.0}])
def test_nothing_to_compare_means_no_similarity(dataset: dict[str, float]) -> None:
    """Without a single known meta-feature a dataset's similarities are unknown, and so are those to it."""
    space = MetaSpace([{"a": 1.0}, {"a": 2.0}])
    assert np.isnan(space.similarities(dataset)).all()
    beside = MetaSpace([{"a": 1.0}, {}]).similarities({"a": 1.0})
    assert beside[0] == 1.0 and np.isnan(beside[1])


def test_datasets_without_meta_features_take_none_from_the_others() -> None:
    """However many they are: what counts is how many of the described ones have a meta-feature."""
    known = [{"a": float(k), **({"rare": 1.0} if k == 0 else {})} for k in range(4)]
    space = MetaSpace([*known, *({} for _ in range(100))])
    assert space.names == ["a"]
    assert space.described.tolist() == [True] * 4 + [False] * 100
    assert (
        filled(space.similarities({"a": 0.0}))[4:].tolist()
        == [np.median(space.similarities({"a": 0.0})[:4])] * 100
    )
    assert filled(np.full(2, np.nan)).tolist() == [1.0, 1.0]

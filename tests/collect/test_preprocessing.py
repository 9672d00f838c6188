"""What the fixed preprocessing makes of a table."""

import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from foretune.collect.datasets import Dataset
from foretune.collect.preprocessing import Preprocessing, make_preprocessing


def prepared(train: pd.DataFrame, test: pd.DataFrame | None = None) -> Any:
    """The test table, else the training table, after a preprocessing fitted on the training table."""
    steps = make_preprocessing(train)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in a sweep: unseen categories and empty columns warn
        steps.fit(train)
        return steps.transform(train if test is None else test)


def test_numbers_are_standardised_after_the_median_filled_their_gaps() -> None:
    """A gap takes the median of the training part; the column then has mean 0 and deviation 1."""
    out = prepared(pd.DataFrame({"a": [1.0, 2.0, np.nan, 9.0]}))[:, 0]
    filled = np.array([1.0, 2.0, 2.0, 9.0])
    assert_allclose(out, (filled - filled.mean()) / filled.std())


def test_the_test_part_changes_nothing() -> None:
    """Median, mean and deviation are the training part's alone."""
    train = pd.DataFrame({"a": [0.0, 2.0]})
    assert_allclose(prepared(train, pd.DataFrame({"a": [100.0, np.nan]}))[:, 0], [99.0, 0.0])


@pytest.mark.parametrize(
    "column",
    [
        [np.nan] * 4,
        pd.Series([None] * 4, dtype=object),
        [1.0] * 4,
        [np.inf, -np.inf, 1.0, 2.0],
        [1e308, -1e308, 1.0, 2.0],
        [True, False, True, True],
        pd.array([1, None, 2, 3], dtype="Int64"),
        pd.array([True, None, False, True], dtype="boolean"),
        pd.Categorical(["u", None, "v", "u"]),
        pd.to_datetime(["2020-01-01", "2021-01-01", None, "2020-01-01"]),
        pd.Series(["x", 1, 2.5, None], dtype=object),
    ],
    ids=[
        "hollow",
        "hollow text",
        "constant",
        "infinite",
        "huge",
        "bool",
        "Int64",
        "boolean",
        "category",
        "dates",
        "mix",
    ],
)
def test_no_column_leaves_nan_or_infinity(column: Any) -> None:
    """Whatever a column holds, what comes out is a dense array of finite floats, one row a row."""
    out = prepared(pd.DataFrame({"odd": column}))
    assert out.dtype == np.float64
    assert len(out) == 4
    assert out.shape[1] >= 1
    assert np.isfinite(out).all()


CELLS = st.none() | st.floats() | st.integers(-(2**60), 2**60) | st.sampled_from(["x", "y", "nan", ""])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(), CELLS), min_size=2, max_size=8), st.tuples(st.floats(), CELLS))
def test_no_table_leaves_nan_or_infinity(rows: list[tuple[float, Any]], unseen: tuple[float, Any]) -> None:
    """Any numbers and any mixture of values come out finite, also in a row that was not seen."""
    train = pd.DataFrame(
        {"a": [row[0] for row in rows], "b": pd.Series([row[1] for row in rows], dtype=object)}
    )
    test = pd.DataFrame({"a": [unseen[0]], "b": pd.Series([unseen[1]], dtype=object)})
    assert np.isfinite(prepared(train)).all()
    assert np.isfinite(prepared(train, test)).all()


def test_infinite_numbers_count_as_missing() -> None:
    """An infinite number is filled like a gap."""
    gap, infinite = (prepared(pd.DataFrame({"a": [1.0, 2.0, odd, 9.0]})) for odd in (np.nan, -np.inf))
    assert_array_equal(gap, infinite)


def test_a_column_that_is_empty_in_one_fold_keeps_its_place() -> None:
    """Training rows without any value of a column still give the columns that the test rows fill."""
    train = pd.DataFrame({"a": [1.0, 2.0], "hollow": [np.nan, np.nan]})
    test = pd.DataFrame({"a": [1.0], "hollow": [5.0]})
    assert prepared(train, test).shape == (1, 2)


def test_an_unseen_category_is_none_of_the_seen_ones() -> None:
    """A category that the training part did not hold has zeros in all columns."""
    train = pd.DataFrame({"c": ["x", "y", "x", "y"]})
    assert prepared(train, pd.DataFrame({"c": ["z", "y"]})).tolist() == [[0, 0], [0, 1]]


def test_a_missing_category_is_the_most_frequent_one() -> None:
    """A gap among categories takes the mode of the training part."""
    train = pd.DataFrame({"c": ["x", "x", "y"]})
    assert prepared(train, pd.DataFrame({"c": [None, "x"]})).tolist() == [[1, 0], [1, 0]]


def test_rare_categories_share_one_column() -> None:
    """Categories below one percent are grouped, and an unseen one joins them."""
    often, rare = ["x"] * 150 + ["y"] * 148, ["r1", "r2"]
    train = pd.DataFrame({"c": often + rare})
    out = prepared(train, pd.DataFrame({"c": ["x", "y", "r1", "r2", "new"]}))
    assert out.tolist() == [[1, 0, 0], [0, 1, 0], *[[0, 0, 1]] * 3]


def test_many_categories_make_thirty_columns() -> None:
    """Beyond the thirty most frequent, categories are grouped too."""
    train = pd.DataFrame({"c": [f"c{i % 50:02}" for i in range(1000)]})
    assert prepared(train).shape == (1000, 30)


def test_columns_that_come_out_have_names() -> None:
    """There is one name for each number and each category, and set_output makes tables with them."""
    table = pd.DataFrame({"age": [1.0, 2.0, 3.0], "town": ["x", "y", "x"]})
    fitted = Preprocessing().fit(table)
    names = [*fitted.get_feature_names_out()]
    assert [name.rpartition("__")[2] for name in names] == ["age", "town_x", "town_y"]
    assert [*Preprocessing().set_output(transform="pandas").fit_transform(table).columns] == names


def test_dates_and_objects_reach_the_model() -> None:
    """A target that a date decides, or numbers kept as objects, is learned."""
    days = pd.date_range("2020-01-01", periods=200)
    y = np.arange(200) > 120
    for column in (days, pd.Series(range(200), dtype=object), [Decimal(k) for k in range(200)]):
        X = pd.DataFrame({"a": column}).sample(frac=1, random_state=0)
        truth = y[X.index.to_numpy()]
        pipeline = make_pipeline(Preprocessing(), DecisionTreeClassifier(random_state=0))
        assert cross_val_score(pipeline, X, truth).mean() > 0.95
        data = Dataset("d", X.reset_index(drop=True), pd.Series(truth), "classification")
        assert pd.api.types.is_numeric_dtype(data.X["a"])


def test_any_names_of_columns_will_do() -> None:
    """Names that are not all texts, or not unique, are no obstacle."""
    X = pd.DataFrame([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])
    for names in ([1, "a", None], ["a", "a", "b"]):
        assert Preprocessing().fit_transform(X.set_axis(names, axis=1)).shape == (2, 3)

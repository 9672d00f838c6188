"""Columns as they are meant."""

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foretune.collect.datasets import Dataset
from foretune.features.columns import as_meant
from foretune.features.metafeatures import describe
from foretune.features.table import filled, target_of

DAYS = pd.date_range("2020-01-01", periods=3)
SECONDS = [1577836800.0, 1577923200.0, 1578009600.0]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (DAYS, SECONDS),
        (DAYS.tz_localize("Europe/Berlin").tz_convert("Asia/Tokyo"), [one - 3600 for one in SECONDS]),
        ([day.date() for day in DAYS], SECONDS),
        (
            [datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)],
            [-62135596800.0, np.nan, 253402214400.0],
        ),
        (np.array([-(2**62), 0, 2**62], dtype="M8[s]"), [-(2.0**62), 0.0, 2.0**62]),
        (pd.to_timedelta([1, None, 3], "h"), [3600.0, np.nan, 10800.0]),
        (pd.Series([1.5, None, 2], dtype=object), [1.5, np.nan, 2.0]),
        ([Decimal("1.5"), None, Decimal(2)], [1.5, np.nan, 2.0]),
        ([datetime.datetime(2020, 1, 1), pd.NaT, None], [SECONDS[0], np.nan, np.nan]),
    ],
)
def test_numbers_in_other_guises_are_numbers(column: Any, expected: list[float]) -> None:
    """Dates count seconds since 1970, wherever they were; what is missing stays so; any index will do."""
    found = as_meant(pd.DataFrame({"a": column}).set_axis([0, 0, 1]))
    assert found["a"].dtype == np.float64
    np.testing.assert_array_equal(found["a"], expected)
    assert found.index.tolist() == [0, 0, 1]


def test_words_stay_words() -> None:
    """Texts, mixed cells, booleans and categories are left alone, also beside a column that is not."""
    frame = pd.DataFrame({"t": ["a", None, "b"], "m": [1, "a", None], "b": [True, False, True], "d": DAYS})
    frame["c"] = pd.Categorical(["x", "y", "x"])
    found = as_meant(frame)
    pd.testing.assert_frame_equal(found.drop(columns="d"), frame.drop(columns="d"))


def test_a_plain_table_is_not_copied() -> None:
    """Where nothing is in another guise the very table comes back."""
    frame = pd.DataFrame({"a": [1, 2], "b": pd.Categorical(["x", "y"])})
    assert as_meant(frame) is frame


def test_a_list_of_rows_is_described_as_a_table() -> None:
    """A list of mixed rows has the meta-features of the same table; its numbers stay numbers."""
    rows = [[1.0, "a"], [2.0, "b"], [3.0, "a"], [4.0, "b"]] * 5
    y = [0, 1] * 10
    assert describe(rows, y) == pytest.approx(describe(pd.DataFrame(rows), y), nan_ok=True)
    assert describe(rows, y)["nr_num"] == 1


def test_a_gap_beside_the_largest_numbers_is_filled() -> None:
    """The median of numbers whose sum would be infinite is one of them (found by fuzzing)."""
    frame = pd.DataFrame({"a": [1e308, np.nan, np.nan], "b": [1.7e308, 1.7e308, np.nan]})
    assert not np.isinf([*describe(frame, [0, 1, 2]).values()]).any()
    np.testing.assert_array_equal(filled(frame.to_numpy())[2], [1e308, 1.7e308])


@pytest.mark.parametrize(("step", "target"), [("0.25", "regression"), ("1.00", "classification")])
def test_a_target_of_decimals_is_one_of_numbers(step: str, target: str) -> None:
    """Decimals of a database ask for what floats of the same values ask for, and teach the same."""
    decimals = pd.Series([k % 7 * Decimal(step) for k in range(70)], dtype=object)
    X = pd.DataFrame({"x": np.sqrt(np.arange(70))})
    assert target_of(decimals) == target_of(decimals.astype(float)) == target
    assert describe(X, decimals) == pytest.approx(describe(X, decimals.astype(float)), nan_ok=True)
    assert Dataset("new", X, decimals, target_of(decimals)).y.dtype == np.float64


def test_a_target_of_objects_is_what_its_cells_are() -> None:
    """Whole numbers that pandas holds as objects are numbers; texts and mixtures stay what they are."""
    X = pd.DataFrame({"x": np.arange(30.0)})
    counts = pd.Series([k % 6 for k in range(30)], dtype=object)
    assert Dataset("new", X, counts, "regression").y.dtype == np.int64
    assert Dataset("new", X, counts.map(str), "classification").y.tolist() == counts.map(str).tolist()
    assert target_of(counts / 4) == "regression"

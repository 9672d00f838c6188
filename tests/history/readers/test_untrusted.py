"""JSON that others wrote is read within bounds."""

import math
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from foretune.data.errors import HistoryError
from foretune.history.readers.untrusted import json_at, json_lines_at, json_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "cannot be read as JSON"),
        ("[" * 100 + "]" * 100, "nested more than 32 deep"),
        ('{"' + "x" * 10**6 + '": 1}', "1000000 characters"),
        ('{"a": "' + "x" * 10**6 + '"}', "a text of 1,000,000 characters"),
        ('{"a": "\\ud800"}', "not valid Unicode"),
        ('{"\\ud800": 1}', "not valid Unicode"),
        ("{'a': 1}", "cannot be read as JSON"),
        ("1" * 5000, "cannot be read as JSON"),
        ("1" * 200, "more than 100 digits"),
        ("", "cannot be read as JSON"),
    ],
)
def test_what_no_tool_writes_is_refused(text: str, words: str) -> None:
    """What is too deep, too long, no Unicode or no JSON is one clear error."""
    with pytest.raises(HistoryError, match=words):
        json_of(text, "a.json")


def test_what_is_no_number_is_told_or_refused() -> None:
    """NaN and infinities are floats; where all must be finite they are errors, however spelled."""
    first, second, third = json_of("[NaN, Infinity, 1e999]", "a.json")
    assert (math.isnan(first), second, third) == (True, math.inf, math.inf)
    for text in ("NaN", "-Infinity", "[1e999]"):
        with pytest.raises(HistoryError):
            json_of(text, "a.json", finite=True)


def test_of_equal_keys_the_last_counts() -> None:
    """A key that stands twice is no error."""
    assert json_of('{"a": 1, "a": 2}', "a.json") == {"a": 2}


def test_large_files_are_refused_unread(tmp_path: Path) -> None:
    """A file beyond the limit is one clear error, and so is one that is not there or no text."""
    (tmp_path / "a.json").write_text("[1, 2, 3]")
    (tmp_path / "b.json").write_bytes(b'["\xff"]')
    assert json_at(tmp_path / "a.json", most_bytes=9) == [1, 2, 3]
    with pytest.raises(HistoryError, match="at most 8 are read"):
        json_at(tmp_path / "a.json", most_bytes=8)
    with pytest.raises(HistoryError, match="at most 8 are read"):
        list(json_lines_at(tmp_path / "a.json", most_bytes=8))
    with pytest.raises(HistoryError, match="no UTF-8"):
        json_at(tmp_path / "b.json")
    with pytest.raises(HistoryError, match="FileNotFoundError"):
        json_at(tmp_path / "c.json")


def test_a_line_cut_short_is_passed_over(tmp_path: Path) -> None:
    """The last line of a file whose writer was killed is left out; a broken one before is an error."""
    (tmp_path / "a.json").write_text('{"a": 1}\n\n{"a": 2}\n{"a": ')
    assert [one["a"] for one in json_lines_at(tmp_path / "a.json")] == [1, 2]
    (tmp_path / "b.json").write_text('{"a": 1}\n{"a": \n{"a": 2}')
    with pytest.raises(HistoryError, match=r"line 2 of b\.json cannot be read as JSON"):
        list(json_lines_at(tmp_path / "b.json"))


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever the text holds, it is JSON or a `HistoryError`."""
    try:
        json_of(text, "a.json")
    except HistoryError as error:
        assert str(error)

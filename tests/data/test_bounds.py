"""What is beyond the limits is refused, and nothing else."""

import json
import os
from pathlib import Path

import pytest

from foretune.data.bounds import (
    DEEPEST,
    MOST_CHOICES,
    MOST_HYPERPARAMETERS,
    check_file,
    check_space,
    checked_name,
    content_of,
    may_be_odd,
    parsed,
)
from foretune.data.errors import DatasetError, HistoryError, SpaceError


def nested(depth: int) -> str:
    """So many lists within each other."""
    return "[" * depth + "]" * depth


def test_json_is_read_up_to_a_depth() -> None:
    """JSON is read as deep as the limit, and refused from there on, also beyond what Python's stack holds."""
    assert parsed(nested(DEEPEST), "it") is not None
    for depth in (DEEPEST + 1, 100_000):
        with pytest.raises(HistoryError, match=r"nested more than|cannot be read as JSON"):
            parsed(nested(depth), "it")


@pytest.mark.parametrize("text", ["", "{", b"\xff", "9" * 5000, "9" * 101, '{"a": [%s]}' % ("9" * 200), "1e"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    """Broken texts, bytes of no encoding and absurdly long whole numbers are the error asked for."""
    with pytest.raises(SpaceError):
        parsed(text, "it", error=SpaceError)


def test_strict_json_has_no_nan() -> None:
    """NaN is read unless JSON must be strict."""
    assert parsed("[NaN]", "it")[0] != 0
    with pytest.raises(HistoryError, match="NaN"):
        parsed("[NaN]", "it", strict=True)


def test_files_are_read_up_to_a_size(tmp_path: Path) -> None:
    """A file of as many bytes as the limit is read, a larger one is the error asked for."""
    (tmp_path / "file").write_bytes(b"12345")
    assert content_of(tmp_path / "file", most=5) == b"12345"
    with pytest.raises(DatasetError, match="5 bytes"):
        content_of(tmp_path / "file", most=4, error=DatasetError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """A named pipe, which would be waited for without end, is refused at once; so is a folder."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(HistoryError, match="no regular file"):
            check_file(path)


def test_links_are_refused_where_they_must_be(tmp_path: Path) -> None:
    """A link is followed, unless it is said that there may be none."""
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert content_of(tmp_path / "link") == b"1"
    with pytest.raises(HistoryError, match="is a link"):
        content_of(tmp_path / "link", links=False)


def test_names_have_a_length() -> None:
    """A name of a million characters, or with half a character in it, is no name."""
    assert checked_name("ä" * 1000, "it")
    for text in ("x" * 10**6, "\ud800"):
        with pytest.raises(HistoryError, match="it"):
            checked_name(text, "it")


def test_spaces_have_a_size() -> None:
    """A space of too many hyperparameters, or of one with too many choices, is refused."""
    one = {"name": "a", "choices": [1, 2]}
    check_space({"hyperparameters": [one]})
    for many in (
        {"hyperparameters": [one] * (MOST_HYPERPARAMETERS + 1)},
        {"hyperparameters": [one | {"choices": [1] * (MOST_CHOICES + 1)}]},
        {"hyperparameters": [one | {"name": "x" * 10**6}]},
        {"hyperparameters": [one], "conditions": [{}] * (MOST_CHOICES + 1)},
    ):
        with pytest.raises(HistoryError):
            check_space(many)


def test_plain_texts_need_no_second_look() -> None:
    """The quick look finds depth and long numbers, and passes a config."""
    assert not may_be_odd(json.dumps({"C": 1.5, "layers": [64, 32]}))
    assert may_be_odd(nested(DEEPEST + 1))
    assert may_be_odd("9" * 101)

"""JSON that others wrote, read within bounds: what is too large, too deep or no JSON is one clear error."""

import json
import re
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any, Final

from foretune.data.bounds import check_file, content_of, parsed
from foretune.data.errors import HistoryError
from foretune.history.readers.naming import checked

MOST_BYTES: Final = 256 * 2**20  # of one file; the parsed content takes about ten times as many
MOST_LINE: Final = 16 * 2**20  # bytes of a line
LONGEST_VALUE: Final = 500_000  # characters of a text that is no name
SURROGATE: Final = re.compile("[\ud800-\udfff]")  # half a character, which no store and no terminal takes


def json_at(path: Path, *, most_bytes: int = MOST_BYTES, finite: bool = False) -> Any:
    """The content of a JSON file, see `json_of`; `HistoryError` where it is larger than `most_bytes`."""
    return json_of(text_at(path, most_bytes=most_bytes), path.name, finite=finite)


def text_at(path: Path, *, most_bytes: int = MOST_BYTES) -> str:
    """The text of a UTF-8 file; `HistoryError` where there is none, or more than `most_bytes` of it."""
    try:
        return _decoded(content_of(path, most=most_bytes), path.name)
    except (OSError, ValueError) as error:
        raise HistoryError(f"{str(path)[:200]!r} cannot be read: {type(error).__name__}.") from None


def json_of(text: str, name: str, *, finite: bool = False) -> Any:
    """The content of a JSON text that is called `name`: of equal keys the last counts.

    NaN and infinities, which Python writes though JSON has none, are such floats, or are refused where all
    must be `finite`. Raises `HistoryError` where it is no JSON, nested too deeply, or holds a name
    over 1000 or a text over 500,000 characters.
    """
    content = parsed(text, name, strict=finite)
    _check(content, name, finite=finite)
    return content


def json_lines_at(path: Path, *, most_bytes: int = MOST_BYTES) -> Iterator[Any]:
    """The content of each line of a JSON Lines file; a last line that was cut short is passed over."""
    check_file(path, most=most_bytes)
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MOST_LINE):
            number += 1
            called = f"line {number} of {path.name}"
            if not line.endswith(b"\n"):
                if len(line) == MOST_LINE:
                    raise HistoryError(
                        f"{called} has more than {MOST_LINE:,} bytes: no tool writes such a one."
                    )
                if not _is_json(line):
                    return  # the tool was killed while it wrote
            if line.strip():
                yield json_of(_decoded(line, called), called)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise HistoryError(f"{name} is no UTF-8 text: take it from its source again.") from None


def _check(content: Any, name: str, *, finite: bool) -> None:
    """Raises `HistoryError` where a name or a text in the content is too long or no text."""
    left = [content]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            for key in one:
                checked(key, f"a name in {name}")
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
        elif isinstance(one, str):
            _check_text(one, name)
        elif finite and isinstance(one, float) and one in (inf, -inf):
            raise HistoryError(f"{name} holds {one}, where a finite number is wanted: mend it.")


def _check_text(text: str, name: str) -> None:
    if len(text) > LONGEST_VALUE:
        raise HistoryError(
            f"{name} holds a text of {len(text):,} characters: at most {LONGEST_VALUE:,} are read."
        )
    if not text.isascii() and SURROGATE.search(text):
        raise HistoryError(f"{name} holds a text that is not valid Unicode: take it from its source again.")

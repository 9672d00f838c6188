"""How much is read of files that may come from strangers; what is beyond these limits is refused in words.

The limits are far above anything that was met in earnest: a million trials of 2,000 tasks stay below all.
"""

import json
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any, Final, NoReturn

from foretune.data.errors import HistoryError

LONGEST_NAME: Final = 1000  # characters of a name or a choice; longer ones are no names
LONGEST_REASON: Final = 10_000  # characters that are kept of why a trial failed
LONGEST_TEXT: Final = 8 * 2**20  # characters of a text in a cell: a space, a curve, a config
DEEPEST: Final = 32  # lists and mappings within each other
MOST_ENTRIES: Final = 100_000  # of one list or mapping in a cell
MOST_HYPERPARAMETERS: Final = 1000
MOST_CHOICES: Final = 10_000  # of one hyperparameter; also conditions, and what is forbidden
MOST_COLUMNS: Final = 100_000
MOST_TASKS: Final = 1_000_000
MOST_JSON_BYTES: Final = 256 * 2**20
MOST_BYTES: Final = 4 * 2**30  # of one file
MOST_EXPANDED_BYTES: Final = 16 * 2**30  # that a compressed file may need once it is read
DAMAGED_ZIP: Final = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError)
"""What reading an archive raises where it is damaged, locked, or packed in a way that is not known."""
LONG_NUMBER: Final = re.compile(r"\d{100}")
MOST_WHOLE: Final = 10**100  # a whole number beyond is no hyperparameter, and overflows a float before long


def content_of(
    path: Path, *, most: int = MOST_BYTES, error: type[Exception] = HistoryError, links: bool = True
) -> bytes:
    """The bytes of a file of at most `most`; `error` where it is larger, or no file that ends.

    Without `links` one that only points elsewhere is refused.
    """
    check_file(path, most=most, error=error, links=links)
    with path.open("rb") as file:
        content = file.read(most + 1)  # a file may grow while it is read
    if len(content) > most:
        raise _too_large(path, len(content), most, error)
    return content


def check_file(
    path: Path, *, most: int = MOST_BYTES, error: type[Exception] = HistoryError, links: bool = True
) -> None:
    """Raises `error` where the file is larger than `most` bytes, or a pipe or device; `OSError` as usual."""
    if not links and path.is_symlink():
        raise error(f"{path} is a link to another place: put the file itself there.")
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise error(f"{path} is no regular file: give one.")
    if about.st_size > most:
        raise _too_large(path, about.st_size, most, error)


def parsed(
    text: str | bytes, what: str, *, error: type[Exception] = HistoryError, strict: bool = False
) -> Any:
    """What a JSON text holds; `error` where it is too large, too deep, or no JSON.

    NaN and the infinities, which JSON does not know but many write, are refused where it must be `strict`.
    """
    if len(text) > MOST_JSON_BYTES:
        raise error(f"{what} has {len(text):,} characters: at most {MOST_JSON_BYTES:,} are read.")
    try:
        value = json.loads(text, parse_constant=_refused if strict else None)
    except (ValueError, RecursionError) as problem:  # a UnicodeDecodeError is a ValueError
        raise error(f"{what} cannot be read as JSON ({brief(problem)}): write it anew.") from None
    check_nested(value, what, error=error)
    return value


def check_nested(value: Any, what: str, *, error: type[Exception] = HistoryError) -> None:
    """Raises `error` where lists and mappings hold each other too deeply, or a number is absurdly long."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise error(f"{what} is nested more than {DEEPEST} deep: it is not what it claims to be.")
        if any(type(one) is int and not -MOST_WHOLE < one < MOST_WHOLE for one in level):
            raise error(f"{what} holds a whole number of more than 100 digits: no result has one.")
        level = list(chain.from_iterable(map(_members, level)))


def check_space(values: Any, *, error: type[Exception] = HistoryError) -> None:
    """Raises `error` where a space, as ConfigSpace writes it, holds more than any search has."""
    hyperparameters = values["hyperparameters"]
    check_count(len(hyperparameters), MOST_HYPERPARAMETERS, "hyperparameters", error=error)
    for part in ("conditions", "forbiddens"):
        check_count(len(values.get(part, ())), MOST_CHOICES, f"{part} of a space", error=error)
    for one in hyperparameters:
        checked_name(str(one["name"]), "a hyperparameter", error=error)
        for part in ("choices", "sequence", "items", "weights"):
            check_count(len(one.get(part) or ()), MOST_CHOICES, f"{part} of a hyperparameter", error=error)


def may_be_odd(text: str) -> bool:
    """Whether `check_nested` should look at what this JSON text holds: most texts are too plain for that."""
    return text.count("[") + text.count("{") > DEEPEST or LONG_NUMBER.search(text) is not None


def checked_name(text: str, what: str, *, error: type[Exception] = HistoryError) -> str:
    """The text itself; `error` where it is too long for a name, or no valid Unicode."""
    if len(text) > LONGEST_NAME:
        raise error(f"{what} has {len(text)} characters ({text[:20]!r}...): give at most {LONGEST_NAME}.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise error(f"{what} is {text[:40]!r}, which is not valid Unicode: name it otherwise.") from None
    return text


def check_count(count: float, most: float, what: str, *, error: type[Exception] = HistoryError) -> None:
    """Raises `error` where there are more than so many: `what` says of what, in the plural."""
    if not count <= most:
        raise error(f"{count:,} {what}: at most {most:,} are read.")


def brief(problem: object, most: int = 200) -> str:
    """The first line of what went wrong, cut where it is long; its type where it says nothing."""
    lines = str(problem).strip().splitlines()
    return lines[0][:most] if lines else type(problem).__name__


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is not strict JSON")


def _too_large(path: Path, size: int, most: int, error: type[Exception]) -> Exception:
    return error(f"{path} has {size:,} bytes, and at most {most:,} are read: split it into several.")

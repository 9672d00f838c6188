"""What foretune calls what other tools left behind: families without a name, values that are not plain."""

import json
import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any, Final

from foretune.data.errors import HistoryError, SpaceError
from foretune.data.records import canonical, digest

LONGEST_FAMILY: Final = 60  # characters of a family that is called by its hyperparameters
LONGEST_TEXT: Final = 1000  # characters of any name or choice; longer ones are no names
ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")  # differs from run to run


def called_by(names: Iterable[str]) -> str:
    """What a family is called whose hyperparameters have these names: by them, as far as a file may be."""
    exact = "+".join(sorted(names))
    name = re.sub("[^a-z0-9]+", "_", exact.lower()).strip("_")[:LONGEST_FAMILY]
    return name if exact == name.replace("_", "+") else f"{name}_{digest(exact)[:8]}"


def plain_choice(choice: Any) -> Any:
    """A choice as foretune stores it: plain values as they are, tuples as lists, all else as text."""
    try:
        return json.loads(canonical({"": choice}))[""]
    except (SpaceError, RecursionError):
        return ADDRESS.sub("", repr(choice))


def checked(text: str, what: str) -> str:
    """The text itself; a `HistoryError` where it is too long for a name, or no valid Unicode."""
    if len(text) > LONGEST_TEXT:
        raise HistoryError(
            f"{what} has {len(text)} characters ({text[:20]!r}...): give at most {LONGEST_TEXT}."
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise HistoryError(
            f"{what} is {text[:40]!r}, which is not valid Unicode: name it otherwise."
        ) from None
    return text


def nearest(name: str, known: Collection[str]) -> str:
    """What to say to one who asked for a name that there is not."""
    near = get_close_matches(name[:LONGEST_TEXT], list(known)[:1000], n=1)
    listed = ", ".join(repr(one[:60]) for one in list(known)[:8]) + (", ..." if len(known) > 8 else "")
    return f"did you mean {near[0]!r}?" if near else f"there are {listed}."

"""What foretune calls what other tools left behind: families without a name, values that are not plain."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from foretune.data.bounds import LONGEST_NAME as LONGEST_TEXT, checked_name as checked
from foretune.data.errors import SpaceError
from foretune.data.records import canonical, digest

__all__ = ["LONGEST_TEXT", "called_by", "checked", "plain_choice"]
LONGEST_FAMILY: Final = 60  # characters of a family that is called by its hyperparameters
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

"""Mappings in cells of text, as JSON or as Python shows them: parsed within bounds, and never run."""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any, Final

LONGEST: Final = 100_000  # characters: a parser that is given more may be overwhelmed
SCALAR: Final = re.compile(r"\bnp\.\w+\(([^()]*)\)")  # np.float64(0.1), as numpy writes its scalars
TEXT_OR_WORD: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\b(?:nan|inf)\b")
LITERALS: Final = {"nan": "None", "inf": "1e999"}  # what Python shows, and no literal has


def mapping_in(cell: Any) -> Mapping[str, Any] | None:
    """The mapping in a cell; None where there is none. NaN becomes None.

    >>> mapping_in("{'loss': nan, 'lr': 0.1}"), mapping_in('{"opt": {"name": "adam"}}')
    ({'loss': None, 'lr': 0.1}, {'opt': {'name': 'adam'}})
    """
    if isinstance(cell, Mapping):
        return cell
    if not isinstance(cell, str) or len(cell) > LONGEST or not cell.lstrip().startswith("{"):
        return None
    found = _json(cell)
    found = _literal(cell) if found is None else found
    return {str(name): value for name, value in found.items()} if isinstance(found, dict) else None


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda word: None if word == "NaN" else float(word))
    except (ValueError, RecursionError):
        return None


def _literal(text: str) -> Any:
    plain = TEXT_OR_WORD.sub(lambda match: LITERALS.get(match[0], match[0]), SCALAR.sub(r"\1", text))
    try:
        return ast.literal_eval(plain.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None

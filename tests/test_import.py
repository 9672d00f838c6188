"""The door of the package: cheap to open, and every public name behind it."""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import pytest

import foretune

LIMIT_SECONDS = 0.15


def seconds(code: str) -> float:
    """The wall time of a fresh interpreter that runs the code."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def test_the_import_costs_next_to_nothing() -> None:
    """`import foretune` costs less than 0.15 s more than bare Python, in the quietest of seven pairs."""
    extra = [seconds("import foretune") - seconds("pass") for _ in range(7)]
    assert min(extra) < LIMIT_SECONDS


@pytest.mark.parametrize("name", sorted(set(foretune.__all__) - {"__version__"}))
def test_every_public_name_is_there(name: str) -> None:
    """Each name in __all__ can be had from the package, and dir() lists it."""
    assert getattr(foretune, name) is not None
    assert name in dir(foretune)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name fails as it does in any module."""
    with pytest.raises(AttributeError, match="Recomender"):
        foretune.Recomender  # noqa: B018


def test_the_package_is_typed() -> None:
    """The marker file that tells type checkers so is installed with the package."""
    spec = importlib.util.find_spec("foretune")
    assert spec is not None
    assert spec.submodule_search_locations
    assert (Path(spec.submodule_search_locations[0]) / "py.typed").is_file()

"""What `import foretune` costs, and that it gives what it names."""

import subprocess
import sys
from statistics import median

import pytest

import foretune

LIMIT_SECONDS = 0.15


def seconds(statement: str) -> float:
    """How long the statement takes in a fresh interpreter that has done nothing else."""
    program = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(run.stdout)


def test_importing_costs_next_to_nothing() -> None:
    """The import takes less than 0.15 s beyond bare Python (the best of three medians: cores may be busy)."""
    extra = []
    for _ in range(3):
        extra.append(median(seconds("import foretune") - seconds("pass") for _ in range(3)))
        if extra[-1] < LIMIT_SECONDS:
            break
    assert min(extra) < LIMIT_SECONDS


@pytest.mark.parametrize("name", foretune.__all__)
def test_every_public_name_resolves(name: str) -> None:
    """Each name in `__all__` is there, and is listed by dir()."""
    assert getattr(foretune, name) is not None
    assert name in dir(foretune)


def test_what_type_checkers_see_is_what_there_is() -> None:
    """The names imported for type checkers are those that are loaded on demand."""
    import ast
    from pathlib import Path

    tree = ast.parse(Path(foretune.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.asname
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {*foretune.__all__} - {"__version__"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """An unknown name fails as in any module, so that hasattr works."""
    with pytest.raises(AttributeError, match="'foretune' has no attribute 'nothing'"):
        _ = foretune.nothing
    assert not hasattr(foretune, "nothing")


def test_the_version_is_that_of_the_distribution() -> None:
    """`__version__` is what pip shows."""
    from importlib.metadata import version

    assert foretune.__version__ == version("foretune")

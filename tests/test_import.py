"""What `import foretune` costs, and that it gives what it names."""

import subprocess
import sys

import pytest

import foretune


def modules(statement: str) -> set[str]:
    """What a fresh interpreter has loaded after the statement."""
    program = f"{statement}; import sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {*run.stdout.split()}


def test_importing_costs_next_to_nothing() -> None:
    """The import loads foretune's first file and a few of Python's own, some milliseconds: nothing else."""
    extra = modules("import foretune") - modules("pass")
    assert {name for name in extra if name.partition(".")[0] not in sys.stdlib_module_names} == {"foretune"}
    assert len(extra) <= 40  # numpy alone has hundreds


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

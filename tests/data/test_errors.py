"""The tree of errors."""

import ast
import re
from pathlib import Path

import foretune.data.errors as module
from foretune.data.errors import ForetuneError

SOURCE = Path(module.__file__).parents[1]
ERRORS = {
    name: one for name, one in vars(module).items() if isinstance(one, type) and issubclass(one, Exception)
}


def drawn_tree() -> dict[str, str]:
    """Each error in the docstring's drawing with its parent; the root has none."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for branch, name in re.findall(r"^ {4}([│├└─ ]*)(\w+Error)\b", module.__doc__ or "", re.MULTILINE):
        path = [*path[: len(branch) // 4], name]
        parents[name] = path[-2] if len(path) > 1 else ""
    return parents


def raised_classes(tree: ast.Module) -> set[str]:
    """The classes in a module that are children of foretune's errors."""
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and {base.id for base in node.bases if isinstance(base, ast.Name)} & {*ERRORS}
    }


def test_the_drawing_is_the_code() -> None:
    """The tree in the docstring has the classes' names and parents."""
    code = {name: one.__bases__[0].__name__ for name, one in ERRORS.items()}
    assert drawn_tree() == code | {"ForetuneError": ""}


def test_the_root_has_at_most_eight_children() -> None:
    """The errors are few, and one `except ForetuneError` catches them all."""
    assert len(ERRORS) - 1 <= 8
    assert all(issubclass(error, ForetuneError) for error in ERRORS.values())


def test_no_other_file_adds_an_error() -> None:
    """Every child of foretune's errors is defined, and so drawn, in errors.py."""
    found = {
        (file.name, name)
        for file in SOURCE.rglob("*.py")
        for name in raised_classes(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert found == {("errors.py", name) for name in ERRORS if name != "ForetuneError"}


def test_each_error_is_documented() -> None:
    """Every class says in one line what it means, and it is not its parent's line."""
    lines = [error.__doc__ for error in ERRORS.values()]
    assert None not in lines
    assert len({*lines}) == len(ERRORS)

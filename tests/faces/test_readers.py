"""Which reader a source is for, and what each takes."""

from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

import foretune
from foretune.data.errors import HistoryError
from foretune.faces.cli_import import import_results
from foretune.faces.readers import READERS, reader_of


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_every_entry_is_true(reader: object) -> None:
    """Its function is public, takes the arguments named, and every option is the command's."""
    read = getattr(foretune, f"read_{reader.name}")
    assert read is getattr(import_module(f"foretune.history.readers.{reader.name}"), read.__name__)
    assert reader.words.keys() <= signature(read).parameters.keys()
    assert {*reader.words.values(), *reader.needs} <= signature(import_results).parameters.keys()


def test_a_history_and_what_nobody_knows_are_said(tmp_path: Path) -> None:
    """Nothing, an empty folder and a file of another type are each an error that names what is taken."""
    (tmp_path / "notes.txt").write_text("a,b")
    with pytest.raises(HistoryError, match="does not exist: give a storage of Optuna's"):
        reader_of(str(tmp_path / "none"))
    for place in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(HistoryError, match="of no kind that foretune imports"):
            reader_of(str(place))


@pytest.mark.parametrize(
    ("place", "name"),
    [("http://127.0.0.1:5000", "mlflow"), ("mysql://somewhere/optuna", "optuna")],
)
def test_a_url_tells_the_tool(place: str, name: str) -> None:
    """A web server is MLflow's and a database of no history Optuna's; neither is asked to find out."""
    assert reader_of(place).name == name

"""What `open_history` opens, and what it says of all else."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from foretune.data.errors import HistoryError, VersionError
from foretune.data.records import Task
from foretune.history.history import open_history
from foretune.history.parquet import PackHistory, write_pack
from foretune.history.sql import SqlHistory

OLD = Path(__file__).with_name("databases") / "v1.db"


@pytest.mark.parametrize("name", ["a.db", "b.sqlite", "c ü#?%20.db"])
def test_sqlite(tmp_path, name):
    """A path and its sqlite:/// URL open the same file, whatever its name."""
    path = tmp_path / name
    with open_history(path) as history:
        history.add(Task("d", "svm", None))
    with open_history(f"sqlite:///{path}") as history:
        assert isinstance(history, SqlHistory)
        assert [task.name for task in history.tasks()] == ["d"]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_relative_path(tmp_path, monkeypatch):
    """Three slashes begin a path relative to the working folder."""
    monkeypatch.chdir(tmp_path)
    open_history("sqlite:///own").close()
    assert (tmp_path / "own").is_file()


def test_pack(tmp_path):
    """A folder with a card is opened as a pack."""
    write_pack([], tmp_path / "pack", card={})
    with open_history(str(tmp_path / "pack"), read_only=True) as history:
        assert isinstance(history, PackHistory)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nowhere", "is no history"),
        ("", "folder without card.json"),
        ("mysql://host/db", "not a history that foretune opens.*sqlite:///PATH"),
        ("sqlite://own.db", "not a history that foretune opens"),
        ("sqlite:///", "not a history that foretune opens"),
        ("sqlite:///:memory:", "not a history that foretune opens"),
        ("no/such/folder/a.db", "no folder"),
        ("folder.db", "is a folder"),
    ],
)
def test_wrong_place(tmp_path, monkeypatch, url, reason):
    """What is no history is refused with what is served instead."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(HistoryError, match=reason):
        open_history(url)


def test_reading_creates_nothing(tmp_path):
    """A history that is opened only to be read is not created."""
    with pytest.raises(HistoryError, match="no history at"):
        open_history(tmp_path / "a.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_not_sqlite(tmp_path):
    """A file of another kind is refused and left as it is."""
    path = tmp_path / "letter.db"
    path.write_text("Dear reader, " * 500)
    with pytest.raises(HistoryError, match="not a SQLite database"):
        open_history(path)
    assert path.read_text() == "Dear reader, " * 500


def test_someone_elses_database(tmp_path):
    """A database of Optuna, say, is refused and left as it is."""
    path = tmp_path / "optuna.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE studies (study_id INTEGER)")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    before = path.read_bytes()
    with pytest.raises(HistoryError, match=r"something else.*alembic_version, studies"):
        open_history(path)
    assert path.read_bytes() == before


def test_damaged_database(tmp_path):
    """A database with garbage in its middle is told from a healthy one."""
    path = Path(shutil.copy(OLD, tmp_path / "damaged.db"))
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + b"\xff" * (len(whole) - 200))
    with pytest.raises(HistoryError, match="damaged"), open_history(path) as history:
        list(history.tasks())


def test_tables_missing(tmp_path):
    """A database that bears our version but lacks our tables is a `HistoryError`."""
    path = Path(shutil.copy(OLD, tmp_path / "half.db"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE trial")
    with open_history(path) as history, pytest.raises(HistoryError, match="no such table"):
        list(history.tasks())


@pytest.mark.parametrize("read_only", [True, False])
def test_newer_database(tmp_path, read_only):
    """A database of a newer foretune is refused and left as it is, byte for byte."""
    path = Path(shutil.copy(OLD, tmp_path / "newer.db"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE foretune_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(VersionError, match=r"newer foretune.*upgrade foretune"):
        open_history(path, read_only=read_only)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["newer.db"]


def test_newer_pack(tmp_path):
    """A pack of a newer format is refused, to read as well as to replace, and left as it is."""
    folder = tmp_path / "pack"
    write_pack([Task("d", "svm", None)], folder, card={})
    card = json.loads((folder / "card.json").read_text()) | {"format_version": 2}
    (folder / "card.json").write_text(json.dumps(card))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(VersionError, match="newer foretune"):
        open_history(folder)
    with pytest.raises(VersionError, match="newer foretune"):
        write_pack([], folder, card={})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "card",
    ["", "no json", "[]", "{}", '{"format_version": "1", "files": {}}', '{"format_version": 1}', "[" * 99999],
)
def test_damaged_card(tmp_path, card):
    """A card that cannot be read is a `HistoryError` that names it."""
    (tmp_path / "card.json").write_text(card)
    with pytest.raises(HistoryError, match=r"card\.json"):
        open_history(tmp_path)

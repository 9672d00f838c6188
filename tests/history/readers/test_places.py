"""What lies where is seen without opening it for good."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import foretune
from foretune.history.readers.places import kind_at


@pytest.mark.parametrize("url", ["postgresql+psycopg2://host/db", "mysql+pymysql://user@host/db"])
def test_a_servers_database_is_optunas(url: str) -> None:
    """A database on a server of a kind that holds no histories can only be Optuna's."""
    assert kind_at(url) == "optuna_database"


def test_files_are_told_apart(tmp_path: Path) -> None:
    """A history, a pack's folder, a journal, other files and nothing are told apart, by path or url."""
    with foretune.open_history(tmp_path / "history.db"):
        pass
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "card.json").write_text("{}")
    (tmp_path / "journal.log").write_text('{"op_code": 0}\n')
    (tmp_path / "notes.txt").write_text("a,b\n")
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE studies (id INTEGER)")
    assert kind_at(f"sqlite:///{tmp_path / 'history.db'}") == kind_at(tmp_path / "history.db") == "history"
    assert kind_at(tmp_path / "pack") == "history"
    assert kind_at(tmp_path / "journal.log") == "optuna_journal"
    assert kind_at(tmp_path / "notes.txt") == kind_at(tmp_path / "other.db") == kind_at(tmp_path) == "unknown"
    assert kind_at(tmp_path / "nothing") == "nothing"
    assert not (tmp_path / "nothing").exists()

"""A SQLite file from a stranger runs nothing, and answers in bounded time and space."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from foretune.data.errors import HistoryError
from foretune.data.records import Task, Trial
from foretune.history.history import open_history

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"

with closing(sqlite3.connect(":memory:")) as empty:
    HAS_FTS5 = empty.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()[0]
NEEDS_FTS5 = pytest.mark.skipif(
    not HAS_FTS5,
    reason="this SQLite has no full-text search, a kind of virtual table",
)


def received(folder: Path, *statements: str) -> Path:
    """A history of one task in which somebody ran these statements."""
    path = folder / "received.db"
    with open_history(path) as history:
        history.add(Task("iris", "svm", None, trials=(Trial({"C": 1.0}, 0.5),)))
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TRIGGER t AFTER INSERT ON trial BEGIN DELETE FROM trial; END"],
        ["ALTER TABLE task RENAME TO old", f"CREATE VIEW task AS {ENDLESS}"],
        pytest.param(["CREATE VIRTUAL TABLE words USING fts5(text)"], marks=NEEDS_FTS5),
    ],
)
def test_what_could_run_is_refused(tmp_path: Path, statements: list[str]) -> None:
    """Triggers, views and virtual tables are refused when the file is opened, and the file stays as it is."""
    path = received(tmp_path, *statements)
    before = path.read_bytes()
    for read_only in (True, False):
        with pytest.raises(HistoryError, match="may run when the file is used"):
            open_history(path, read_only=read_only)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE task SET name = zeroblob(100000000)",
        "UPDATE task SET name = printf('%.*c', 1000000, 'x')",
        "UPDATE task SET space = '{\"hyperparameters\": ' || printf('%.*c', 100000, '[') || '}'",
        "UPDATE trial SET config = '{\"C\": ' || printf('%.*c', 400, '9') || '}'",
        "UPDATE trial SET costs = '{\"C\": ' || printf('%.*c', 400, '9') || '}'",
        "UPDATE trial SET config = '{\"' || printf('%.*c', 1000000, 'x') || '\": 1}'",
        "UPDATE trial SET loss = 9e999",
        "UPDATE trial SET loss = 'low'",
        "UPDATE trial SET weight = 0",
        "UPDATE trial SET weight = 1e9",
        "UPDATE trial SET seed = 'x'",
        "UPDATE trial SET scores = '[]'",
        "UPDATE trial SET curve = '{}'",
    ],
)
def test_odd_cells_are_refused(tmp_path: Path, change: str) -> None:
    """Endless and absurd cells are a `HistoryError` of modest length."""
    path = received(tmp_path, change)
    with open_history(path) as history, pytest.raises(HistoryError) as raised:
        list(history.tasks())
    assert len(str(raised.value)) < 2000


@pytest.mark.parametrize(
    "task",
    [
        Task("x" * 10**6, "svm", None),
        Task("iris", "svm", None, metafeatures={"x" * 10**6: 1.0}),
        Task("iris", "svm", None, trials=(Trial({"x" * 10**6: 1}, 0.5),)),
        Task("iris", "x" * 10**6, None),
        Task("iris", "svm", None, group="\ud800"),
    ],
)
def test_odd_names_are_not_stored(tmp_path: Path, task: Task) -> None:
    """A name that is none is a `HistoryError`, and the store is as before."""
    path = received(tmp_path)
    with open_history(path) as history:
        before = [*history.tasks()]
        with pytest.raises(HistoryError):
            history.add(Task("fine", "svm", None), task)
        assert [*history.tasks()] == before


def test_a_long_reason_is_cut(tmp_path: Path) -> None:
    """Why a trial failed is kept in part where it is very long: the trial is not lost for it."""
    with open_history(tmp_path / "a.db") as history:
        history.add(Task("iris", "svm", None, trials=(Trial({}, status="failed", reason="x" * 10**6),)))
        (task,) = history.tasks()
    assert task.trials[0].reason == "x" * 10_000

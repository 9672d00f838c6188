"""A history in a SQLite file: old schemas, many writers of a new file, sudden death, hostile content."""

import itertools
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from foretune.data.errors import HistoryError
from foretune.data.records import Status, Task, Trial
from foretune.history import sql, sqlite, tables
from foretune.history.history import open_history
from foretune.history.sql import SqlHistory
from foretune.history.sqlite import SqliteFile

DATABASES = Path(__file__).with_name("databases")


@pytest.fixture
def fresh(empty_file, tmp_path) -> Iterator[Path]:
    """Paths of new, empty histories: copying one is quicker than creating one."""
    return (Path(shutil.copy(empty_file, tmp_path / f"{number}.db")) for number in itertools.count())


def run_sql(path: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """What SQLite answers, past foretune."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


FIFTY = """
import sys
from foretune.data.records import Task, Trial
from foretune.history.history import open_history
history, writer = open_history(sys.argv[1]), int(sys.argv[2])
for number in range(50):
    trial = Trial({"writer": writer, "number": number}, number / 7)
    history.add(Task(f"task {number % 5}", "svm", None, trials=(trial,)))
"""


def test_four_writers_at_once(tmp_path):
    """Four processes that create one file and write to it at once lose nothing and double nothing."""
    path = tmp_path / "shared.db"
    writers = [subprocess.Popen([sys.executable, "-c", FIFTY, path, str(writer)]) for writer in range(4)]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    with open_history(path) as history:
        stored = [(t.config["writer"], t.config["number"]) for task in history.tasks() for t in task.trials]
    assert sorted(stored) == [(writer, number) for writer in range(4) for number in range(50)]
    assert run_sql(path, "PRAGMA integrity_check") == [("ok",)]


ENDLESS_WRITER = """
import itertools, sys
from foretune.data.records import Task, Trial
from foretune.history.history import open_history
history = open_history(sys.argv[1])
for number in itertools.count():
    history.add(Task("d", "svm", None, trials=(Trial({"number": number}, 0.5),)))
    print(number, flush=True)
"""


def test_killed_writer(tmp_path):
    """A writer that is killed in the middle of its work loses no trial whose `add` had returned."""
    path = tmp_path / "killed.db"
    command = [sys.executable, "-c", ENDLESS_WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        for _ in range(20):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        told = 20 + len(writer.stdout.read().splitlines())
    with open_history(path) as history:
        (task,) = history.tasks()
    assert [trial.config["number"] for trial in task.trials][:told] == list(range(told))
    assert run_sql(path, "PRAGMA integrity_check") == [("ok",)]


def test_schema_is_what_the_migrations_make(fresh):
    """The tables in `tables.py` are those that the migrations make, and REVISION is the newest of these."""
    assert ScriptDirectory(str(Path(sql.__file__).with_name("migrations"))).get_heads() == [tables.REVISION]
    history = SqlHistory(SqliteFile(next(fresh)))
    with history._database.engine.connect() as connection:
        options = {"version_table": tables.VERSION_TABLE, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), tables.SCHEMA) == []


def test_old_database(tmp_path):
    """A database made by the first schema is read, and takes in more, today."""
    path = shutil.copy(DATABASES / "v1.db", tmp_path)
    with open_history(path) as history:
        iris, bare = history.tasks()
        assert (iris.name, iris.group, iris.metafeatures["n_rows"]) == ("iris ☃", "flowers", 150.0)
        assert math.isnan(iris.metafeatures["skew"])
        assert list(iris.space) == ["C", "kernel"]
        assert [t.status for t in iris.trials] == [Status.DONE, Status.FAILED, Status.RUNNING]
        assert iris.best.config == {"kernel": "rbf", "C": 1}
        assert iris.best.scores == {"accuracy": (0.8, 1.0)}
        assert (bare.metric, bare.space, bare.trials[0].curve) == ("log_loss", None, (1.0,))
        history.add(iris, bare.plus(Trial({"max_depth": 3}, 0.125)))
        assert len(history.table()) == 5


HOSTILE = {
    "name": [b"\xff", None],
    "space": ["[]", '{"hyperparameters": 3}', "no json"],
    "metafeatures": ['{"a": "b"}', '{"a": true}', '{"a": NaN}', "[]"],
    "provenance": ["3", '{"a": Infinity}'],
    "config": ["[1]", "no json", "[" * 100_000, b"\x80", '{"C": NaN}'],
    "scores": ['{"a": 1}', '{"a": ["x"]}', "[]"],
    "costs": ['{"a": []}', "7"],
    "curve": ["{}", "[[]]"],
    "status": ["sleeping", "failed", b"done"],
    "loss": [None, "high", math.inf],
    "seconds": ["long"],
    "seed": ["x", 0.5],
    "weight": ["heavy"],
}


@pytest.mark.parametrize(("column", "value"), [(c, v) for c, values in HOSTILE.items() for v in values])
def test_hostile_content(fresh, column, value):
    """Content that foretune never wrote is a `HistoryError` that names the file, never a raw traceback."""
    path = next(fresh)
    with open_history(path) as history:
        history.add(Task("d", "svm", None, trials=(Trial({"C": 1.0}, 0.5),)))
        of_task = column in ("name", "space", "metafeatures", "provenance")
        loosen(path, "task" if of_task else "trial")
        run_sql(path, f"UPDATE {'task' if of_task else 'trial'} SET {column} = ?", value)
        with pytest.raises(HistoryError, match=path.name):
            list(history.tasks())


def loosen(path: Path, table: str) -> None:
    """Rebuilds the table without its constraints, as a stranger's file might have it."""
    run_sql(path, f"CREATE TABLE loose AS SELECT * FROM {table}")
    run_sql(path, f"DROP TABLE {table}")
    run_sql(path, f"ALTER TABLE loose RENAME TO {table}")


@pytest.mark.parametrize(("column", "value"), [("status", "sleeping"), ("loss", None), ("loss", "high")])
def test_hostile_table(fresh, column, value):
    """The bulk path doubts statuses and losses as much as the tasks do."""
    path = next(fresh)
    with open_history(path) as history:
        history.add(Task("d", "svm", None, trials=(Trial({"C": 1.0}, 0.5),)))
        run_sql(path, f"UPDATE trial SET {column} = ?", value)
        with pytest.raises(HistoryError, match=path.name):
            history.table()


def test_hostile_merge(fresh):
    """To add to a task whose stored meta-features are no JSON is a `HistoryError`."""
    path = next(fresh)
    with open_history(path) as history:
        history.add(Task("d", "svm", None))
        run_sql(path, "UPDATE task SET metafeatures = 'no json'")
        with pytest.raises(HistoryError, match="cannot be read"):
            history.add(Task("d", "svm", None, metafeatures={"a": 1.0}))


def test_locked(fresh, monkeypatch):
    """A writer that waits in vain for another one says so."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    path = next(fresh)
    with open_history(path) as history, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HistoryError, match="locked by another process"):
            history.add(Task("d", "svm", None))
        assert list(history.tasks()) == []  # reading goes on


def test_full_disk(fresh):
    """On a full disk the call says so, and nothing of it is stored."""
    history = SqlHistory(SqliteFile(next(fresh)))
    limit = lambda connection, _: connection.execute("PRAGMA max_page_count=20")  # noqa: E731
    sa.event.listen(history._database.engine, "connect", limit)
    tasks = [Task(str(number), "svm", None, provenance={"by": "g" * 4000}) for number in range(50)]
    with pytest.raises(HistoryError, match="disk is full"):
        history.add(*tasks)
    assert list(history.tasks()) == []


def test_reading_keeps_the_log_of_the_killed(fresh, tmp_path):
    """A log that a killed process left is read, and is not folded into the file by one who may only read."""
    path, copy = next(fresh), tmp_path / "copy" / "killed.db"
    copy.parent.mkdir()
    with closing(sqlite3.connect(path)) as keeps_log, open_history(path) as history:
        keeps_log.execute("SELECT count(*) FROM task")
        history.add(Task("d", "svm", None))
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    before = copy.read_bytes()
    with open_history(copy, read_only=True) as history:
        assert [task.name for task in history.tasks()] == ["d"]
    assert copy.read_bytes() == before


def test_read_only_folder(fresh, monkeypatch):
    """A history in a folder that nobody may write to can still be read."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with open_history(next(fresh), read_only=True) as history:
        assert list(history.tasks()) == []

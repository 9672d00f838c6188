"""A history on a PostgreSQL server: urls, secrets, what else lies there, and a server that goes away."""

import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import foretune
from foretune.data.errors import HistoryError, VersionError
from foretune.data.records import Task, Trial
from foretune.history import postgres as module, tables
from foretune.history.history import open_history, without_password
from foretune.history.readers.places import kind_at
from foretune.testing import spelled

SECRET = "open sesame"


def schema_of(url):
    """The schema that holds the history at this url of `postgres_url`."""
    return url.rpartition("%3D")[2]


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_urls(postgres_url, scheme):
    """All common spellings of a url open one history."""
    url = postgres_url()
    with open_history(url) as history:
        history.add(Task("d", "svm", None))
    with foretune.open_history(url.replace("postgresql:", f"{scheme}:"), read_only=True) as history:
        assert [task.name for task in history.tasks()] == ["d"]


def test_schema_is_what_the_migrations_make(postgres_url):
    """The tables in `tables.py` are those that the migrations make on PostgreSQL too."""
    history = open_history(postgres_url())
    with history._database.engine.connect() as connection:
        options = {"version_table": tables.VERSION_TABLE, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), tables.SCHEMA) == []


def locked(postgres, password):
    """The url of the empty history for a user who needs a password."""
    return postgres.url("empty", user=f"locked:{password}").replace(" ", "%20")


def test_no_password_is_shown(postgres):
    """Neither a history's text, nor an error and its causes, nor a pickle holds the password."""
    url = locked(postgres, SECRET)
    with open_history(url, read_only=True) as history:
        shown = [repr(history), str(history), repr(history._database), pickle.dumps(history).decode("latin1")]
        with pytest.raises(HistoryError) as caught:
            history.add(Task("d", "svm", None))
    with pytest.raises(HistoryError, match=r"refuses|cannot be reached") as refused:
        open_history(locked(postgres, "wrong sesame"))
    with pytest.raises(HistoryError, match="no address") as unparsed:
        open_history("postgresql://me:wrong sesame@host:port/")
    for error in (caught.value, refused.value, unparsed.value):
        while error is not None:
            shown.append(repr(error))
            error = error.__cause__  # noqa: PLW2901 - down to the first cause
    assert not [text for text in shown if "sesame" in text]


def test_a_pickle_is_opened_with_a_password_of_its_own(postgres):
    """Another process opens a pickled history with the password that its environment holds."""
    code = "import pickle, sys; print(len(list(pickle.load(sys.stdin.buffer).tasks())))"
    with open_history(locked(postgres, SECRET), read_only=True) as history:
        pickled = pickle.dumps(history)
    for password, returns in ((SECRET, 0), ("wrong", 1)):
        environment = os.environ | {"PGPASSWORD": password}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, input=pickled, env=environment, capture_output=True, check=False)
        assert done.returncode == returns
    assert b"HistoryError" in done.stderr


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me@host/db"),
        ("postgresql://me:se:c@r/e?t@host:5/db?password=secret", "postgresql://me@host:5/db"),
        ("postgresql://host/db", "postgresql://host/db"),
        ("sqlite:///a@b.db", "sqlite:///a@b.db"),
    ],
)
def test_without_password(url, shown):
    """A url is shown without its password, wherever it holds one."""
    assert without_password(url) == shown


def test_someone_elses_database(postgres):
    """A database of Optuna, say, is told apart by its tables, refused, and left as it is."""
    url = postgres.new_database("optuna")
    assert kind_at(url) == "nothing"
    postgres.run("CREATE TABLE studies (id int)", "optuna")
    assert kind_at(url) == "unknown"
    postgres.run("CREATE TABLE version_info (id int)", "optuna")
    with pytest.raises(HistoryError, match=r"something else.*studies, version_info.*search_path"):
        open_history(url)
    assert postgres.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "optuna") == [(2,)]
    assert kind_at(url) == "optuna_database"
    assert kind_at(postgres.url("empty")) == "history"


def test_a_schema_of_its_own(postgres):
    """In a database of something else a history may have a schema of its own."""
    url = postgres.new_database("shared")
    postgres.run("CREATE TABLE trial (id int)", "shared")
    postgres.run("CREATE SCHEMA ours", "shared")
    with open_history(f"{url}&options=-csearch_path%3Dours") as history:
        history.add(Task("d", "svm", None, trials=tuple(Trial({"n": n}, n) for n in range(200))))
        assert sum(history.sizes().values()) == 200
    assert postgres.run("SELECT count(*) FROM trial", "shared") == [(0,)]


@pytest.mark.parametrize("read_only", [True, False])
def test_newer_database(postgres, postgres_url, read_only):
    """A database of a newer foretune is refused and left as it is."""
    url = postgres_url()
    name = schema_of(url)
    postgres.run(f"UPDATE {name}.foretune_version SET version_num = '9999'", "histories")
    with pytest.raises(VersionError, match=r"newer foretune.*upgrade foretune"):
        open_history(url, read_only=read_only)
    found = postgres.run(f"SELECT version_num FROM {name}.foretune_version", "histories")
    assert found == [("9999",)]


def test_reading_creates_nothing(postgres):
    """An empty database that is opened only to be read stays empty."""
    url = postgres.new_database("void")
    with pytest.raises(HistoryError, match="lacks the schema"):
        open_history(url, read_only=True)
    assert kind_at(url) == "nothing"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://postgres@127.0.0.1:1/db", "cannot be reached"),
        ("postgresql://postgres@host", "no address of a database"),
        ("postgresql://host:port/db", "no address of a database"),
        ("postgresql://u:se@cret@localhost:1/x", "%40 for an @ in the password"),
    ],
)
def test_wrong_address(url, reason):
    """A server that is not there, or an address that is none, is told at once."""
    with pytest.raises(HistoryError, match=reason):
        open_history(url)


def test_wrong_database(postgres):
    """A database that does not exist is a `HistoryError`, and is not created."""
    with pytest.raises(HistoryError, match="nowhere"):
        open_history(postgres.url("nowhere"))


def test_locked(postgres_url, monkeypatch):
    """A writer that waits in vain for another one says so; reading goes on."""
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.05)
    url = postgres_url()
    with open_history(url) as history, psycopg.connect(url) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({module.TURN}, {module.PLACE})")
        with pytest.raises(HistoryError, match="locked by another writer"):
            history.add(Task("d", "svm", None))
        assert list(history.tasks()) == []


def test_damaged(postgres, postgres_url):
    """A history without its trials, or with odd ones, is a `HistoryError`."""
    url = postgres_url()
    name = schema_of(url)
    with open_history(url) as history:
        history.add(Task("d", "svm", None, trials=(Trial({"C": 1.0}, 0.5),)))
        postgres.run(f"UPDATE {name}.trial SET config = 'no json'", "histories")
        with pytest.raises(HistoryError, match="cannot be read"):
            list(history.tasks())
        postgres.run(f"DROP TABLE {name}.trial", "histories")
        with pytest.raises(HistoryError, match="lacks tables"):
            list(history.tasks())


@pytest.mark.parametrize("moment", ["begin", "commit"])
def test_a_cut_connection(postgres, postgres_url, moment):
    """A connection that the server cuts, be it at the very end, is made anew; nothing is lost or doubled."""
    numbers = itertools.count()

    def cut(connection):
        if next(numbers) % 3 == 0:
            pid = connection.connection.driver_connection.info.backend_pid
            postgres.run(f"SELECT pg_terminate_backend({pid}, 10000)")

    with open_history(postgres_url()) as history:
        sa.event.listen(history._database.engine, moment, cut)
        for number in range(12):
            history.add(Task("d", "svm", None, trials=(Trial({"number": number}, 0.5),)))
        (task,) = history.tasks()
    assert [trial.config["number"] for trial in task.trials] == list(range(12))
    assert next(numbers) > 14


def test_a_server_that_restarts(postgres_url, postgres):
    """A server that crashes and comes back is waited for; one that stays away is an error that says so."""
    url = postgres_url()
    task = Task("d", "svm", None, trials=tuple(Trial({"n": n}, n) for n in range(3)))
    with open_history(url) as history:
        history.add(task)
        postgres.stop(signal.SIGQUIT)
        later = threading.Timer(0.2, postgres.start)
        later.start()
        history.add(task.plus(Trial({"n": 3}, 3)))
        later.join()
        assert spelled(list(history.tasks())) == spelled([task.plus(Trial({"n": 3}, 3))])


def test_a_server_that_is_starting_up(postgres_url, monkeypatch):
    """A history that is opened before the server is ready waits for it; a wrong address is told at once."""
    connect, refusals = psycopg.connect, iter(["the database system is starting up"] * 3)

    def not_yet(*words, **named):
        if why := next(refusals, None):
            raise psycopg.OperationalError(f"FATAL: {why}")
        return connect(*words, **named)

    url = postgres_url()
    monkeypatch.setattr(psycopg, "connect", not_yet)
    with open_history(url) as history:
        assert list(history.tasks()) == []
    assert next(refusals, None) is None
    refusals = iter(["no such host", "it was asked again"])
    with pytest.raises(HistoryError, match="no such host"):
        open_history(url)


def test_a_server_that_stays_away(postgres_url, postgres, monkeypatch):
    """Where a server does not come back, the error says so."""
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with open_history(postgres_url()) as history:
        postgres.stop()
        with pytest.raises(HistoryError, match="cannot be reached"):
            history.add(Task("d", "svm", None))
        postgres.start()

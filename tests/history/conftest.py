"""A PostgreSQL server for the tests that need one, and new histories of each kind."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from foretune.history.history import open_history
from local_postgres import LocalPostgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalPostgres]:
    """A server that holds an empty history, in the database `empty`; tests are skipped where none starts."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(LocalPostgres(fsync="off"))
        except (RuntimeError, OSError) as error:
            pytest.skip(f"no PostgreSQL server: {error}")
        server.new_database("histories")  # each in a schema of its own, which takes less than a database
        open_history(server.new_database("empty")).close()
        server.run("CREATE ROLE locked LOGIN SUPERUSER PASSWORD 'open sesame'")
        yield server


NUMBERS = itertools.count()


@pytest.fixture
def postgres_url(postgres: LocalPostgres) -> Callable[[], str]:
    """Makes a new, empty history on the server, and gives its url."""

    def make() -> str:
        name = f"history_{next(NUMBERS)}"
        postgres.run(f"CREATE SCHEMA {name}", "histories")
        url = f"{postgres.url('histories')}&options=-csearch_path%3D{name}"
        open_history(url).close()
        return url

    return make


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new, empty history in a file."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    open_history(path).close()
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path, empty_file: Path) -> Callable[[], str]:
    """Makes a new, empty history of each kind that can be written, and gives its url."""
    if request.param == "postgres":
        made: Callable[[], str] = request.getfixturevalue("postgres_url")
        return made
    return lambda: f"sqlite:///{shutil.copy(empty_file, tmp_path / f'{next(NUMBERS)}.db')}"

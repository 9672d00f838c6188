"""What lies at a url or path: a storage of Optuna's or MLflow's, a history, or nothing we know."""

import re
import sqlite3
from contextlib import closing
from os import PathLike
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from foretune.data.errors import HistoryError, MissingExtraError
from foretune.history.history import POSTGRES

Kind = Literal[
    "optuna_database", "optuna_journal", "history", "mlflow_database", "server", "unknown", "nothing"
]
SCHEME: Final = re.compile(r"sqlite(\+\w+)?:///")
FILE: Final = "file://"
HEADER: Final = b"SQLite format 3\0"
LONGEST_BEGIN: Final = 1000  # bytes of a file that tell what it is


def kind_at(place: str | PathLike[str]) -> Kind:
    """What is there; a database is told by its tables, and on a server without histories it is Optuna's.

    Raises `HistoryError` where a PostgreSQL server cannot be reached.
    """
    if is_server(place):
        return _kind_on_server(str(place))
    path = path_at(place)
    if path.is_dir():
        return "history" if (path / "card.json").is_file() else "unknown"
    if not path.is_file():
        return "nothing"
    with path.open("rb") as file:
        begin = file.read(LONGEST_BEGIN)
    if begin.startswith(HEADER):
        return _kind_of_database(path)
    return "optuna_journal" if begin.startswith(b"{") and b'"op_code"' in begin else "unknown"


def is_server(place: str | PathLike[str]) -> bool:
    """Whether a url leads to a server, and not to a file."""
    url = str(place)
    return "://" in url and not SCHEME.match(url) and not url.startswith(FILE)


def path_at(place: str | PathLike[str]) -> Path:
    """The path of a file, whether it is given as a url or not."""
    if str(place).startswith(FILE):
        return Path(unquote(urlsplit(str(place)).path))
    return Path(SCHEME.sub("", str(place)).partition("?")[0] if SCHEME.match(str(place)) else str(place))


def _kind_of_database(path: Path) -> Kind:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error as problem:
        raise HistoryError(
            f"{path} cannot be read as a database ({problem}): take it from its source again."
        ) from None
    return _kind_of_tables(tables) if tables else "nothing"


def _kind_on_server(url: str) -> Kind:
    if not POSTGRES.match(url):
        return "server" if url.startswith(("http://", "https://")) else "optuna_database"
    try:
        from foretune.history.postgres import tables_at  # noqa: PLC0415 - an extra, which a server needs
    except MissingExtraError:  # Optuna may have a driver of its own
        return "optuna_database"
    tables = tables_at(url)
    return _kind_of_tables(tables) if tables else "nothing"


def _kind_of_tables(tables: set[str]) -> Kind:
    if "foretune_version" in tables:
        return "history"
    if {"experiments", "runs", "params", "metrics"} <= tables:
        return "mlflow_database"
    return "optuna_database" if {"studies", "version_info"} <= tables else "unknown"

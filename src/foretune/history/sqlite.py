"""SQLite, one file: writers wait for each other, readers for none."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from foretune.data.errors import HistoryError
from foretune.history.sql import explained
from foretune.history.sqlite_trust import check_schema, limit_trust
from foretune.history.tables import VERSION_TABLE, WRITTEN, merging

T = TypeVar("T")
BUSY_SECONDS: Final = (
    60.0  # how long a writer waits for another; the longest import we know holds it for 20 s
)
MERGE: Final = merging(f"VALUES ({', '.join('?' * len(WRITTEN))})")
MEANINGS: Final = {
    "SQLITE_NOTADB": "is not a SQLite database: give the path of a foretune history, or of a new file",
    "SQLITE_BUSY": f"is locked by another process for more than {BUSY_SECONDS:.0f} s: end it, or wait",
    "SQLITE_FULL": "could not be written, the disk is full; nothing of this call was stored: free some space",
    "SQLITE_READONLY": "is read-only: open a file that you may write to",
    "SQLITE_CANTOPEN": "cannot be opened: check that its folder exists and that you may read and write there",
    "SQLITE_CORRUPT": "is damaged: restore it from a copy, or save what `sqlite3 FILE .recover` finds",
}


class SqliteFile:
    """The database in a SQLite file, which need not exist yet."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.name, self.read_only, self._path = str(path), read_only, path
        connect = partial(_connect, path, read_only=read_only)
        self.engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)
        sa.event.listen(self.engine, "begin", _begin)

    def revision(self) -> str | None:
        """The revision of the schema; None for a file that is missing or empty. It is left untouched."""
        if not self._path.exists():
            return None
        with closing(_connect(self._path, read_only=True)) as file:
            check_schema(file, self._path)
            tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type='table'")}
            if VERSION_TABLE in tables:
                (revision,) = file.execute(f"SELECT max(version_num) FROM {VERSION_TABLE}").fetchone()  # noqa: S608 - our own name
                return str(revision)
        if tables:
            raise HistoryError(
                f"{self.name} is a database of something else (it holds {', '.join(sorted(tables)[:3])}): "
                "give the path of a foretune history, or of a new file."
            )
        return None

    def ready(self) -> None:
        """Gives a new file a write-ahead log, with which readers need not wait."""
        if not self._path.exists() or not self._path.stat().st_size:
            with closing(_connect(self._path, read_only=False)) as file:
                file.execute("PRAGMA journal_mode=WAL")

    @contextmanager
    def begin_writing(self) -> Iterator[sa.Connection]:
        """A transaction that waits until no one else writes."""
        with self.engine.execution_options(foretune_writes=True).begin() as connection:
            yield connection

    def merge(self, connection: sa.Connection, trials: Iterable[tuple[Any, ...]], *, fresh: bool) -> None:
        """Merges trials one after the other; to know that they are new would save no time here."""
        file = connection.connection.driver_connection
        assert isinstance(file, sqlite3.Connection)
        file.executemany(MERGE, trials)

    def patiently(self, work: Callable[[], T]) -> T:
        """What the work gives; SQLite itself waits where another one writes."""
        with explained(self.name, _meaning):
            return work()

    def __reduce__(self) -> tuple[Callable[..., "SqliteFile"], tuple[Path]]:
        return partial(SqliteFile, read_only=self.read_only), (self._path,)


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={_reading_mode(path) if read_only else 'rwc'}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        limit_trust(connection)
        connection.execute(f"PRAGMA query_only={read_only:d}")
        connection.execute("PRAGMA foreign_keys=ON")
        # With a write-ahead log, a power cut may lose the last commits; the death of a process loses none.
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _reading_mode(path: Path) -> str:
    """How to open the file so that reading changes nothing and leaves nothing behind.

    SQLite keeps its locks in files beside a history, which only a connection that may write clears away;
    but one that may write would also fold a log, left by a killed process, into the file.
    """
    if Path(f"{path}-wal").exists():
        return "ro"
    return "rw" if os.access(path.parent, os.W_OK) else "ro&immutable=1"


def _begin(connection: sa.Connection) -> None:
    """A writer takes its lock at once: two that read first and then wait for each other would both fail."""
    writes = connection.get_execution_options().get("foretune_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _meaning(error: BaseException) -> str:
    """What to tell of an error; nothing where it is none of SQLite's."""
    if not isinstance(error, sqlite3.Error):
        return ""
    code = getattr(error, "sqlite_errorname", "")
    for start, meaning in MEANINGS.items():
        if code.startswith(start):
            return meaning
    return "could not be read or written: check it with `PRAGMA integrity_check`"

"""PostgreSQL, a database on a server: writers take turns, and a connection that is lost is made anew."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from foretune.data.errors import HistoryError, MissingExtraError
from foretune.history.history import without_password
from foretune.history.sql import explained
from foretune.history.tables import VERSION_TABLE, WRITTEN, merging, moves_forward, shielded

try:
    import psycopg
except ImportError as error:  # pragma: no cover - the tests need psycopg
    raise MissingExtraError(
        "a history on PostgreSQL needs a package that is not installed: pip install 'foretune[postgres]'."
    ) from error

T = TypeVar("T")
LOCK_SECONDS: Final = 60.0  # how long a writer waits for another
PATIENCE: Final = 60.0  # seconds that a server may be away, to restart say, before a call gives up
CONNECT_SECONDS: Final = 10  # for one connection, unless the url says otherwise
TURN: Final = 0x666F7265  # the number of the advisory lock that writers take: "fore"
PLACE: Final = "hashtext(current_schema())"  # beside it: histories in other schemas have turns of their own
FEW: Final = 100  # trials that are merged one by one, as a table of their own would take longer
COLUMNS: Final = ", ".join(f'"{name}"' for name in WRITTEN)
MERGE: Final = merging(f"VALUES ({', '.join(['%s'] * len(WRITTEN))})").encode()
ARRIVED: Final = f"SELECT {COLUMNS} FROM arrived ORDER BY place"  # noqa: S608 - the names are ours
KEY, STATUS, REASON = WRITTEN.index("key"), WRITTEN.index("status"), len(WRITTEN) - 1
LOST: Final = ("08", "57P01", "57P02", "57P03", "53300")  # connection failed or cut, no room for another
SOON: Final = ("starting up", "shutting down", "recovery mode")  # of a server that is there in a moment
MEANINGS: Final = {
    "28": "refuses this user or password: check both, or set PGPASSWORD",
    "3D": "does not exist: create it with CREATE DATABASE, or check its name",
    "25006": "is read-only: open it for writing, or ask for the right to",
    "42501": "may not be used so: ask for the right to read, write and create tables there",
    "42P01": "lacks tables of ours: it is damaged; restore it from a copy",
    "53100": "could not be written, the disk is full; nothing of this call was stored: free some space",
    "55P03": f"is locked by another writer for more than {LOCK_SECONDS:.0f} s: end it, or wait",
}
AWAY: Final = (
    "cannot be reached: check host, port, database, user and password, and that the server runs. "
    "What earlier calls stored is safe, and to repeat this one doubles nothing"
)
ODD: Final = "could not be read or written: what the server says tells why"
_PASSWORDS: dict[str, str] = {}  # by the url without it; a pickle holds none, so that none leaks into a file


class PostgresServer:
    """A database on a PostgreSQL server; its tables are those in the first schema of the search path."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        whole = _parsed(url)
        bare = sa.URL.create(whole.drivername, whole.username, None, *whole[3:])
        self._bare = bare.render_as_string()
        if whole.password is not None:
            _PASSWORDS[self._bare] = str(whole.password)
        self.name, self.read_only = without_password(url), read_only
        whole = bare.set(password=_PASSWORDS.get(self._bare))
        if "connect_timeout" not in whole.query:
            whole = whole.update_query_dict({"connect_timeout": str(CONNECT_SECONDS)})
        self.engine: sa.Engine = sa.create_engine(whole, poolclass=sa.NullPool)
        sa.event.listen(self.engine, "begin", self._begin)
        self._was_there = False

    def revision(self) -> str | None:
        """The revision of the schema; None where the database is empty."""
        with self.engine.connect() as connection:
            self._was_there = True
            tables = {*sa.inspect(connection).get_table_names()}
            if VERSION_TABLE in tables:
                return str(connection.scalar(sa.text(f"SELECT max(version_num) FROM {VERSION_TABLE}")))  # noqa: S608 - our own name
        if tables:
            raise HistoryError(
                f"{self.name} is a database of something else (it holds {', '.join(sorted(tables)[:3])}): "
                "give one that is empty, or an empty schema of it, by ?options=-csearch_path%3DNAME."
            )
        return None

    def ready(self) -> None:
        """Does nothing: a database is made by its owner."""

    def _begin(self, connection: sa.Connection) -> None:
        if self.read_only:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    @contextmanager
    def begin_writing(self) -> Iterator[sa.Connection]:
        """A transaction that waits until no one else writes to this database."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS:g}s'")
            if not self.read_only:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({TURN}, {PLACE})")
            yield connection

    def merge(self, connection: sa.Connection, trials: Iterable[tuple[Any, ...]], *, fresh: bool) -> None:
        """Merges trials: few one by one, many by COPY, at once into the table where their task is new."""
        raw = connection.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        rows = [*map(_storable, trials)]
        with raw.cursor() as cursor:
            if len(rows) < FEW:
                cursor.executemany(MERGE, rows)
                return
            rows = _settled(rows)
            if fresh:
                _copy(cursor, f"COPY trial ({COLUMNS}) FROM STDIN", rows)
                return
            cursor.execute("CREATE TEMPORARY TABLE arrived (LIKE trial) ON COMMIT DROP")
            cursor.execute("ALTER TABLE arrived DROP COLUMN id, ADD COLUMN place serial")
            _copy(cursor, f"COPY arrived ({COLUMNS}) FROM STDIN", rows)
            cursor.execute(merging(ARRIVED).encode())
            cursor.execute("DROP TABLE arrived")

    def patiently(self, work: Callable[[], T]) -> T:
        """What the work gives; where the connection is lost it is tried again for a minute."""
        deadline, pause = time.monotonic() + PATIENCE, 0.05
        while True:
            try:
                with explained(self.name, _meaning):
                    return work()
            except HistoryError as error:
                lost = _is_lost(error.__cause__) and (self._was_there or _is_back_soon(error.__cause__))
                if not lost or time.monotonic() > deadline:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, 2.0)

    def __reduce__(self) -> tuple[Callable[..., "PostgresServer"], tuple[str]]:
        """A copy without the password: this process and its forks remember it, others ask PGPASSWORD."""
        return partial(PostgresServer, read_only=self.read_only), (self._bare,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def tables_at(url: str) -> set[str]:
    """The names of the tables in the database; `HistoryError` where it cannot be reached."""
    server = PostgresServer(url, read_only=True)

    def names() -> set[str]:
        with server.engine.connect() as connection:
            return {*sa.inspect(connection).get_table_names()}

    return server.patiently(names)


def _parsed(url: str) -> sa.URL:
    try:
        whole = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # their words may hold the password
        whole = None
    if whole is None or not whole.database or "@" in (whole.host or ""):
        raise HistoryError(
            f"{without_password(url)!r} is no address of a database: "
            "give postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for an @ in the password."
        )
    return whole.set(drivername="postgresql+psycopg")


def _storable(trial: tuple[Any, ...]) -> tuple[Any, ...]:
    """The trial, with such text as PostgreSQL can hold: its reason, as JSON texts escape all else."""
    return trial if trial[REASON] == shielded(trial[REASON]) else (*trial[:REASON], shielded(trial[REASON]))


def _settled(trials: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Of equal trials the one that would stay: PostgreSQL cannot merge two in one statement."""
    known: dict[str, tuple[Any, ...]] = {}
    for trial in trials:
        before = known.setdefault(trial[KEY], trial)
        if before is not trial and moves_forward(before[STATUS], trial[STATUS]):
            known[trial[KEY]] = trial
    return [*known.values()]


def _copy(cursor: "psycopg.Cursor[Any]", statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(statement.encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _meaning(error: BaseException) -> str:
    """What to tell of an error; nothing where it is none of PostgreSQL's."""
    if not isinstance(error, psycopg.Error):
        return ""
    code = error.sqlstate or ""
    for start, meaning in MEANINGS.items():
        if code.startswith(start):
            return meaning
    return AWAY if _is_lost(error) else ODD


def _is_back_soon(error: BaseException | None) -> bool:
    """Whether there is a server that takes no connection yet: a failed connection has no code to tell."""
    return any(words in str(error) for words in SOON)


def _is_lost(error: BaseException | None) -> bool:
    """Whether the error tells that there is no connection, or no longer."""
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if not isinstance(cause, psycopg.OperationalError):
        return False
    return cause.sqlstate is None or cause.sqlstate.startswith(LOST)

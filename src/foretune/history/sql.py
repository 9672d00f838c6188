"""A history in one SQLite file: many processes may write at once, and a killed one loses nothing stored."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from foretune.data.errors import HistoryError, VersionError
from foretune.data.records import DONE, FAILED, RUNNING, Task
from foretune.history.rows import Row, RowReader, task_row, trial_row, with_texts
from foretune.history.sqlite_trust import check_schema, limit_trust

if TYPE_CHECKING:
    import pandas as pd

BUSY_SECONDS: Final = (
    60.0  # how long a writer waits for another; the longest import we know holds it for 20 s
)
REVISION: Final = "0001"  # the newest step in migrations/versions
VERSION_TABLE: Final = "foretune_version"  # not Alembic's own name, under which Optuna keeps its version
TASKS_AT_ONCE: Final = 200

SCHEMA: Final = sa.MetaData()
TASK: Final = sa.Table(
    "task",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("family", sa.Text, nullable=False),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("dataset", sa.Text),
    sa.Column("group", sa.Text),
    sa.Column("space", sa.Text),
    sa.Column("metafeatures", sa.Text, nullable=False),
    sa.Column("provenance", sa.Text, nullable=False),
)
TRIAL: Final = sa.Table(
    "trial",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("task_id", sa.Integer, sa.ForeignKey("task.id"), nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("config", sa.Text, nullable=False),
    sa.Column("loss", sa.Float),
    sa.Column("seconds", sa.Float),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("scores", sa.Text, nullable=False),
    sa.Column("costs", sa.Text, nullable=False),
    sa.Column("noise", sa.Float),
    sa.Column("fidelity", sa.Float),
    sa.Column("curve", sa.Text, nullable=False),
    sa.Column("seed", sa.Integer),
    sa.Column("repeat", sa.Integer, nullable=False),
    sa.Column("weight", sa.Float, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.UniqueConstraint("task_id", "key"),
)


def _merge_trial() -> sa.Executable:
    """Inserts a trial; a known one is replaced only where it was under way, or had failed and is done now."""
    new = insert(TRIAL)
    was, now = TRIAL.c.status, new.excluded.status
    return new.on_conflict_do_update(
        index_elements=["task_id", "key"],
        set_={c.name: new.excluded[c.name] for c in TRIAL.c if c.name not in ("id", "task_id", "key")},
        where=((was == RUNNING) & (now != RUNNING)) | ((was == FAILED) & (now == DONE)),
    )


class SqlHistory:
    """A history in a SQLite file, which is created where it is missing and upgraded where it is old.

    No connection stays open between calls, so that a history may cross a fork and needs no care at exit.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path, self._read_only = path, read_only
        self._reader = RowReader(str(path))
        connect = partial(_connect, path, read_only=read_only)
        self._engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)
        sa.event.listen(self._engine, "begin", _begin)
        with _explained(path):
            self._prepare(_revision(path), read_only=read_only)

    def add(self, *tasks: Task) -> None:
        """Merges the tasks into the history, all or none of them; to repeat it changes nothing."""
        rows = [(task_row(task), [with_texts(trial_row(trial)) for trial in task.trials]) for task in tasks]
        with _explained(self._path), self._writing() as connection:
            for task, trials in rows:
                task_id = self._merge_task(connection, task)
                if trials:
                    connection.execute(_merge_trial(), [{"task_id": task_id, **trial} for trial in trials])

    def tasks(
        self, family: str | None = None, *, metric: str | None = None, name: str | None = None
    ) -> Iterator[Task]:
        """The tasks, in the order in which they were first added; so are the trials of each."""
        wanted = _matching(family=family, metric=metric, name=name)
        with _explained(self._path), self._engine.begin() as connection:
            ids = connection.scalars(sa.select(TASK.c.id).where(*wanted).order_by(TASK.c.id)).all()
        for start in range(0, len(ids), TASKS_AT_ONCE):
            yield from self._read(ids[start : start + TASKS_AT_ONCE])

    def table(self, family: str | None = None, *, metric: str | None = None) -> "pd.DataFrame":
        """One row a trial, in the order of `tasks`, its config as JSON text; no trial object is built."""
        import pandas as pd  # noqa: PLC0415 - heavy, and most calls want tasks

        columns = [getattr(TRIAL.c, c) for c in ("config", "loss", "seconds", "status")]
        columns += [getattr(TRIAL.c, c) for c in ("noise", "fidelity", "weight")]
        query = sa.select(TASK.c.key.label("task"), TASK.c.name, *columns).join_from(TASK, TRIAL)
        query = query.where(*_matching(family=family, metric=metric)).order_by(TASK.c.id, TRIAL.c.id)
        with _explained(self._path), self._engine.begin() as connection:
            result = connection.execute(query)
            frame = pd.DataFrame.from_records(result.all(), columns=[*result.keys()])
        return self._reader.table(frame)

    def close(self) -> None:
        """Lets go of the file."""
        self._engine.dispose()

    def __reduce__(self) -> tuple[Callable[..., "SqlHistory"], tuple[Path]]:
        """A copy, in this process or another, opens the file anew: a search that is cloned needs that."""
        return partial(SqlHistory, read_only=self._read_only), (self._path,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _merge_task(self, connection: sa.Connection, row: Row) -> int:
        """The id of the task of this row, which was inserted, or has filled the gaps of the one known."""
        known = _rows(connection, sa.select(TASK).where(TASK.c.key == row["key"]))
        if not known:
            return int(connection.scalars(sa.insert(TASK).values(row).returning(TASK.c.id)).one())
        task_id = int(known[0].pop("id"))
        if (merged := self._reader.filled(known[0], row)) != known[0]:
            connection.execute(sa.update(TASK).where(TASK.c.id == task_id).values(merged))
        return task_id

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.execution_options(foretune_writes=True).begin() as connection:
            yield connection

    def _read(self, ids: Any) -> list[Task]:
        tasks = sa.select(TASK).where(TASK.c.id.in_(ids)).order_by(TASK.c.id)
        trials = sa.select(TRIAL).where(TRIAL.c.task_id.in_(ids)).order_by(TRIAL.c.task_id, TRIAL.c.id)
        with _explained(self._path), self._engine.begin() as connection:
            task_rows = _rows(connection, tasks)
            trial_rows = [self._reader.without_texts(row) for row in _rows(connection, trials)]
        of_task = {task_id: list(rows) for task_id, rows in groupby(trial_rows, itemgetter("task_id"))}
        return [self._reader.task(row, of_task.get(row["id"], ())) for row in task_rows]

    def _prepare(self, revision: str | None, *, read_only: bool) -> None:
        """Creates or upgrades the schema where it is not the newest."""
        if revision == REVISION:
            return
        if revision is not None:
            _check_known(self._path, revision)
        if read_only:
            raise HistoryError(
                f"{self._path} lacks the schema of today: open it once for writing, which upgrades it."
            )
        if revision is None:
            with closing(_connect(self._path, read_only=False)) as file:
                file.execute("PRAGMA journal_mode=WAL")
        with self._writing() as connection:
            _upgrade(connection)


def _matching(**wanted: str | None) -> list[sa.ColumnElement[bool]]:
    return [TASK.c[column] == value for column, value in wanted.items() if value is not None]


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[Row]:
    return [row._asdict() for row in connection.execute(query)]


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


def _revision(path: Path) -> str | None:
    """The revision of the schema; None for a file that is missing or empty. The file is left untouched."""
    if not path.exists():
        return None
    with closing(_connect(path, read_only=True)) as connection:
        check_schema(connection, path)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        if VERSION_TABLE in tables:
            (revision,) = connection.execute(f"SELECT max(version_num) FROM {VERSION_TABLE}").fetchone()  # noqa: S608
            return str(revision)
    if tables:
        raise HistoryError(
            f"{path} is a database of something else (it holds {', '.join(sorted(tables)[:3])}): "
            "give the path of a foretune history, or of a new file."
        )
    return None


def _check_known(path: Path, revision: str) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - slow to import, and rarely needed

    known = {script.revision for script in ScriptDirectory(_migrations()).walk_revisions()}
    if revision not in known:
        raise VersionError(
            f"{path} was written by a newer foretune (its schema is {revision!r}, ours {REVISION!r}) "
            "and was left untouched: upgrade foretune."
        )


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415 - slow to import, and rarely needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"configure": {"connection": connection, "version_table": VERSION_TABLE}})
    config.set_main_option("script_location", _migrations())
    command.upgrade(config, "head")


def _migrations() -> str:
    return str(Path(__file__).with_name("migrations"))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns what SQLite reports into a `HistoryError` that says what to do."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise HistoryError(f"{path} holds text that is no UTF-8: restore it from a copy.") from error
    except (sa.exc.DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        raise HistoryError(f"{path} {_explain(cause)} ({cause}).") from error


def _explain(cause: BaseException | None) -> str:
    code = getattr(cause, "sqlite_errorname", "")
    for start, meaning in MEANINGS.items():
        if code.startswith(start):
            return meaning
    return "could not be read or written: check it with `PRAGMA integrity_check`"


MEANINGS: Final = {
    "SQLITE_NOTADB": "is not a SQLite database: give the path of a foretune history, or of a new file",
    "SQLITE_BUSY": f"is locked by another process for more than {BUSY_SECONDS:.0f} s: end it, or wait",
    "SQLITE_FULL": "could not be written, the disk is full; nothing of this call was stored: free some space",
    "SQLITE_READONLY": "is read-only: open a file that you may write to",
    "SQLITE_CANTOPEN": "cannot be opened: check that its folder exists and that you may read and write there",
    "SQLITE_CORRUPT": "is damaged: restore it from a copy, or save what `sqlite3 FILE .recover` finds",
}

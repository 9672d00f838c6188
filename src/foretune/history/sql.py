"""A history in a database: many processes may write at once, and a killed one loses nothing stored."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

import sqlalchemy as sa

from foretune.data.errors import HistoryError, VersionError
from foretune.data.records import Task
from foretune.history.rows import Row, RowReader, TaskRows, rows_of
from foretune.history.tables import REVISION, TASK, TRIAL, VERSION_TABLE

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
TASKS_AT_ONCE: Final = 50  # that are read; their trials lie in memory twice for a moment


class Database(Protocol):
    """Where the tables are, and all that one kind of database does otherwise than another.

    No connection stays open between calls, so that a history may cross a fork and needs no care at exit.
    """

    name: str
    """What errors call it; never with a password."""
    read_only: bool
    engine: sa.Engine

    def revision(self) -> str | None:
        """The revision of its schema, None where it is empty; `HistoryError` where it is something else's."""
        ...

    def ready(self) -> None:
        """Does what must be done once, before the first tables are made."""
        ...

    def begin_writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that waits until no one else writes."""
        ...

    def merge(self, connection: sa.Connection, trials: Iterable[tuple[Any, ...]], *, fresh: bool) -> None:
        """Merges trials, each with the columns `WRITTEN`; `fresh`: their task was made just before."""
        ...

    def patiently(self, work: Callable[[], T]) -> T:
        """What the work gives, which is safe to repeat; errors of the database become a `HistoryError`."""
        ...


class SqlHistory:
    """A history in a database; its tables are created where they are missing, upgraded where they are old."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reader = RowReader(database.name)
        revision = database.patiently(database.revision)
        if revision != REVISION:
            self._prepare(revision)

    def add(self, *tasks: Task) -> None:
        """Merges the tasks into the history, all or none of them; to repeat it changes nothing."""
        self.add_rows(rows_of(tasks))

    def add_rows(self, tasks: Sequence[TaskRows]) -> None:
        """`add` for tasks as rows, which a reader of large tables gives without building a trial object."""
        self._database.patiently(lambda: self._add(tasks))

    def tasks(
        self,
        family: str | None = None,
        *,
        metric: str | None = None,
        name: str | None = None,
        trials: bool = True,
    ) -> Iterator[Task]:
        """The tasks, in the order in which they were first added; so are the trials of each."""
        wanted = _matching(family=family, metric=metric, name=name)
        ids = [row[0] for row in self._asked(sa.select(TASK.c.id).where(*wanted).order_by(TASK.c.id))]
        step = TASKS_AT_ONCE if trials else max(len(ids), 1)
        for start in range(0, len(ids), step):
            yield from self._read(ids[start : start + step], trials=trials)

    def table(self, family: str | None = None, *, metric: str | None = None) -> "pd.DataFrame":
        """One row a trial, in the order of `tasks`, its config as JSON text; no trial object is built."""
        import pandas as pd  # noqa: PLC0415 - heavy, and most calls want tasks

        columns = [getattr(TRIAL.c, c) for c in ("config", "loss", "seconds", "status")]
        columns += [getattr(TRIAL.c, c) for c in ("noise", "fidelity", "weight")]
        query = sa.select(TASK.c.key.label("task"), TASK.c.name, *columns).join_from(TASK, TRIAL)
        query = query.where(*_matching(family=family, metric=metric)).order_by(TASK.c.id, TRIAL.c.id)
        names = [column.name for column in query.selected_columns]
        return self._reader.table(pd.DataFrame.from_records(self._asked(query), columns=names))

    def sizes(self) -> dict[str, int]:
        """The number of trials of each task, by its key, in the order of `tasks`."""
        counted = sa.select(TRIAL.c.task_id, sa.func.count().label("n")).group_by(TRIAL.c.task_id).subquery()
        query = sa.select(TASK.c.key, sa.func.coalesce(counted.c.n, 0))
        found = self._asked(query.outerjoin(counted, counted.c.task_id == TASK.c.id).order_by(TASK.c.id))
        return {row[0]: int(row[1]) for row in found}

    def close(self) -> None:
        """Lets go of the database."""
        self._database.engine.dispose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._database.name!r})"

    def __reduce__(self) -> tuple[Callable[..., "SqlHistory"], tuple[Database]]:
        """A copy, in this process or another, opens the database anew: a search that is cloned needs that."""
        return type(self), (self._database,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _add(self, tasks: Sequence[TaskRows]) -> None:
        with self._database.begin_writing() as connection:
            for rows in tasks:
                task_id, fresh = self._merge_task(connection, rows.task)
                self._database.merge(connection, rows.with_task(task_id), fresh=fresh)

    def _merge_task(self, connection: sa.Connection, row: Row) -> tuple[int, bool]:
        """The id of the task of this row, and whether it is new; the gaps of a known one are filled."""
        known = _rows(connection, sa.select(TASK).where(TASK.c.key == row["key"]))
        if not known:
            return int(connection.scalars(sa.insert(TASK).values(row).returning(TASK.c.id)).one()), True
        task_id = int(known[0].pop("id"))
        if (merged := self._reader.filled(known[0], row)) != known[0]:
            connection.execute(sa.update(TASK).where(TASK.c.id == task_id).values(merged))
        return task_id, False

    def _asked(self, query: sa.Select[Any]) -> list[Any]:
        def ask() -> list[Any]:
            with self._database.engine.begin() as connection:
                return [*connection.execute(query)]

        return self._database.patiently(ask)

    def _read(self, ids: Sequence[int], *, trials: bool) -> list[Task]:
        """The tasks of these ids, as they are at one moment."""
        task_rows, trial_rows = self._database.patiently(lambda: self._fetched(ids, trials=trials))
        told = (self._reader.without_texts(row) for row in trial_rows)
        of_task = {task_id: list(rows) for task_id, rows in groupby(told, itemgetter("task_id"))}
        return [self._reader.task(row, of_task.get(row["id"], ())) for row in task_rows]

    def _fetched(self, ids: Sequence[int], *, trials: bool) -> tuple[list[Row], list[Row]]:
        # One range, as a statement takes so many values only; ids between them are of other families.
        wanted = TASK.c.id.between(min(ids), max(ids))
        of_trials = sa.select(TRIAL).where(TRIAL.c.task_id.in_(ids)).order_by(TRIAL.c.task_id, TRIAL.c.id)
        with self._database.engine.begin() as connection:
            found = [row for row in _rows(connection, sa.select(TASK).where(wanted)) if row["id"] in {*ids}]
            rows = _rows(connection, of_trials) if trials else []
        return sorted(found, key=itemgetter("id")), rows

    def _prepare(self, revision: str | None) -> None:
        """Creates or upgrades the schema, which is not the newest."""
        name = self._database.name
        if revision is not None:
            _check_known(name, revision)
        if self._database.read_only:
            raise HistoryError(
                f"{name} lacks the schema of today: open it once for writing, which upgrades it."
            )
        self._database.patiently(self._migrate)

    def _migrate(self) -> None:
        self._database.ready()
        with self._database.begin_writing() as connection:
            _upgrade(connection)


def _matching(**wanted: str | None) -> list[sa.ColumnElement[bool]]:
    return [TASK.c[column] == value for column, value in wanted.items() if value is not None]


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _check_known(name: str, revision: str) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - slow to import, and rarely needed

    known = {script.revision for script in ScriptDirectory(_migrations()).walk_revisions()}
    if revision not in known:
        raise VersionError(
            f"{name} was written by a newer foretune (its schema is {revision!r}, ours {REVISION!r}) "
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
def explained(name: str, meaning: Callable[[BaseException], str]) -> Iterator[None]:
    """Turns what a database reports into a `HistoryError` that says what to do."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise HistoryError(f"{name} holds text that is no UTF-8: restore it from a copy.") from error
    except Exception as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        if cause is None or not (what := meaning(cause)):
            raise
        line = " ".join(str(cause).split())[:300]
        raise HistoryError(f"{name} {what} ({line}).") from error

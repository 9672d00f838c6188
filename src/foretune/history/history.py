"""What a history is, and how one is opened."""

import re
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

from foretune.data.errors import HistoryError
from foretune.data.records import Task

if TYPE_CHECKING:
    import pandas as pd

    from foretune.history.rows import TaskRows

SQLITE_SUFFIXES: Final = frozenset({".db", ".sqlite", ".sqlite3"})
POSTGRES: Final = re.compile(r"postgres(ql)?(\+psycopg)?://")
SERVED: Final = (
    "give sqlite:///PATH, a path that ends in .db or .sqlite, postgresql://USER@HOST/DATABASE, "
    "or the folder of a pack"
)


class History(Protocol):
    """Past tasks, stored. `foretune.testing.check_history` checks that a class keeps this contract."""

    def add(self, *tasks: Task) -> None:
        """Merges the tasks into the history, all or none of them; to repeat it changes nothing.

        A known task is not overwritten: what it lacked is filled in. A known trial is replaced only where
        it was under way or had failed, and has ended anew.
        """
        ...

    def add_rows(self, tasks: "Sequence[TaskRows]") -> None:
        """`add` for tasks as rows, which a reader of large tables gives without building a trial object."""
        ...

    def tasks(
        self,
        family: str | None = None,
        *,
        metric: str | None = None,
        name: str | None = None,
        trials: bool = True,
    ) -> Iterator[Task]:
        """The tasks, in the order in which they were first added; so are the trials of each.

        `trials=False` leaves all trials out: it lists the tasks of a large history at once.
        """
        ...

    def sizes(self) -> dict[str, int]:
        """The number of trials of each task, by its key, in the order of `tasks`."""
        ...

    def table(self, family: str | None = None, *, metric: str | None = None) -> "pd.DataFrame":
        """One row a trial, in the order of `tasks`, without ever building a trial object.

        Its columns: task (the key), name, config (as JSON text), loss, seconds, status, noise, fidelity
        and weight.
        """
        ...

    def close(self) -> None:
        """Lets go of what is open."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def open_history(url: str | PathLike[str], *, read_only: bool = False) -> History:
    """The history at a url or path.

    It may be at `sqlite:///PATH`, at a path that ends in .db or .sqlite, in the folder of a pack, or in a
    database on a PostgreSQL server, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`. A SQLite file is
    created where it is missing, and tables in an empty database, unless `read_only`. Raises `HistoryError`
    where there is no such history, `VersionError` where a newer foretune wrote it, and `MissingExtraError`
    where PostgreSQL needs a package that is not installed.
    """
    if isinstance(url, str) and POSTGRES.match(url):
        from foretune.history.postgres import PostgresServer  # noqa: PLC0415 - only this branch needs it
        from foretune.history.sql import SqlHistory  # noqa: PLC0415

        return SqlHistory(PostgresServer(url, read_only=read_only))
    path = _path_of(url)
    if path.suffix in SQLITE_SUFFIXES or _has_scheme(url):
        return _open_sqlite(path, read_only=read_only)
    if (path / "card.json").is_file():
        from foretune.history.parquet import PackHistory  # noqa: PLC0415 - only this branch needs pyarrow

        return PackHistory(path)
    problem = "is a folder without card.json" if path.is_dir() else "is no history"
    raise HistoryError(f"{path} {problem}: {SERVED}.")


def without_password(url: str) -> str:
    """The url as it may be shown: without a password, and without options, which may hold one too."""
    return re.sub(r"(://[^:/@]*):.*@", r"\1@", url, flags=re.DOTALL).partition("?")[0]


def _open_sqlite(path: Path, *, read_only: bool) -> History:
    from foretune.history.sql import SqlHistory  # noqa: PLC0415 - only this branch needs SQLAlchemy
    from foretune.history.sqlite import SqliteFile  # noqa: PLC0415

    if path.is_dir():
        raise HistoryError(f"{path} is a folder, not a SQLite file: {SERVED}.")
    if not path.parent.is_dir():
        raise HistoryError(f"there is no folder {path.parent}: create it, or give another path.")
    if read_only and not path.exists():
        raise HistoryError(f"there is no history at {path}: check the path.")
    return SqlHistory(SqliteFile(path, read_only=read_only))


def _has_scheme(url: str | PathLike[str]) -> bool:
    return isinstance(url, str) and "://" in url


def _path_of(url: str | PathLike[str]) -> Path:
    if not _has_scheme(url):
        return Path(url)
    served = re.fullmatch(r"sqlite:///(?!:memory:)(.+)", str(url))
    if served is None:
        raise HistoryError(f"{without_password(str(url))!r} is not a history that foretune opens: {SERVED}.")
    return Path(served[1])

"""What a SQLite file from a stranger may not do: hold texts without end, or run anything when it is used.

A file may bring triggers, which run at every write, and views or virtual tables that answer in a table's
place, for as long as they like.
"""

import sqlite3
from pathlib import Path
from typing import Final

from foretune.data.errors import HistoryError

LONGEST_CELL: Final = 64 * 2**20  # bytes of a cell or a row
LONGEST_STATEMENT: Final = 2**20  # bytes of a statement, such as those that make up the schema


def limit_trust(connection: sqlite3.Connection) -> None:
    """Bounds what this connection reads and writes, and what the file's schema may call."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_CELL)
    connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, LONGEST_STATEMENT)
    connection.execute("PRAGMA trusted_schema=OFF")


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raises `HistoryError` where the file holds anything but plain tables and their indexes."""
    schema = connection.execute("SELECT type, name, sql FROM sqlite_master")
    for kind, name, statement in schema:
        if kind not in ("table", "index") or str(statement).upper().startswith("CREATE VIRTUAL"):
            raise HistoryError(
                f"{path} holds {kind} {str(name)[:60]!r}, which may run when the file is used, and no "
                "history needs: take the file from its source again, or drop it by `sqlite3 FILE`."
            )

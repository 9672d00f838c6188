"""Histories whose cells a fuzzer rewrites: their frame is sound, so that readers come to the cells.

The fuzzer's bytes are lines such as `trial.config={"C": 1}` or `task.name=iris`; what they do not name is as
in a small history. A value that looks like a number is one, NULL is none, all else is text.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import pyarrow as pa
from ConfigSpace import ConfigurationSpace, Float

from foretune.data.records import FAILED, Task, Trial
from foretune.history.history import open_history
from foretune.history.parquet import CARD, TASK_SCHEMA, TRIAL_SCHEMA, _column, _digest, _written
from foretune.history.rows import task_row, trial_row, with_texts

TASKS: Final = 3
SPECIALS: Final[dict[bytes, Any]] = {
    b"NULL": None,
    b"NaN": float("nan"),
    b"inf": float("inf"),
    b"-inf": float("-inf"),
}


def small_history() -> list[Task]:
    """Tasks of a mixed space, with trials of every kind."""
    space = ConfigurationSpace(name="svm", space={"kernel": ["rbf", "linear"], "degree": (1, 5)})
    space.add(Float("C", (0.01, 100.0), log=True))
    return [_task(number, space) for number in range(TASKS)]


def _task(number: int, space: ConfigurationSpace) -> Task:
    configs = [
        {"kernel": "rbf", "degree": 1 + k, "C": 0.1 * 3**k}
        if k % 2
        else {"kernel": "linear", "degree": 2, "C": k + 1.0}
        for k in range(4)
    ]
    trials = [
        Trial(
            config, -0.7 - 0.05 * k, seconds=0.5, scores={"accuracy": (0.7, 0.8)}, costs={"fit_seconds": 0.1}
        )
        for k, config in enumerate(configs)
    ]
    trials.append(Trial({"kernel": "rbf", "degree": 1, "C": 90.0}, status=FAILED, reason="too slow", seed=1))
    return Task(
        f"data {number}",
        "svm",
        space,
        dataset=f"d{number}",
        metafeatures={"rows": 100.0 * number, "columns": 5.0},
        trials=tuple(trials),
        provenance={"versions": {"scikit-learn": "1.8.0"}, "rows": 100, "protocol": {"folds": 2}},
    )


def cells_of(data: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Table, column and raw value of each line that names them."""
    for line in data.split(b"\n"):
        place, is_there, value = line.partition(b"=")
        table, _, column = place.decode(errors="replace").partition(".")
        if is_there:
            yield table, column, value


def value_of(raw: bytes) -> Any:
    """What a raw value stands for; bytes that are no text stay bytes."""
    if raw in SPECIALS:
        return SPECIALS[raw]
    for kind in (int, float):
        try:
            return kind(raw)
        except ValueError:
            continue
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def cell_seeds() -> list[bytes]:
    """The cells of the small history, a line each, and all together."""
    task = small_history()[0]
    rows = {"task": task_row(task), "trial": with_texts(trial_row(task.trials[0]))}
    lines = [
        f"{table}.{column}={value if isinstance(value, str) else json.dumps(value)}".encode()
        for table, row in rows.items()
        for column, value in row.items()
    ]
    return [*lines, b"\n".join(lines)]


@cache
def database(*, is_empty: bool = False) -> Path:
    """A SQLite file that holds the small history, or none."""
    path = Path(mkdtemp(prefix="foretune-fuzz-seed-")) / "history.db"
    with open_history(path) as history:
        history.add(*(() if is_empty else small_history()))
    return path


def write_database(data: bytes, path: Path, original: Path) -> None:
    """Writes a copy of a SQLite file with these cells in every row; those that it refuses are passed over."""
    shutil.copy(original, path)
    with closing(sqlite3.connect(path)) as connection:
        for table, column, raw in cells_of(data):
            value = value_of(raw)
            # SQLite keeps any bytes as text, of whatever encoding they are.
            new = "CAST(? AS TEXT)" if isinstance(value, bytes) else "?"
            try:
                connection.execute(f'UPDATE "{table[:40]}" SET "{column[:40]}" = {new}', (value,))
            except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError):
                continue
        connection.commit()


def seeds_of(path: Path) -> list[bytes]:
    """The cells of the first row of each table of a SQLite file, a line each."""
    lines = []
    with closing(sqlite3.connect(path)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = connection.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in rows.description]
            for name, value in zip(names, rows.fetchone() or (), strict=False):
                lines.append(f"{table}.{name}={'NULL' if value is None else value}".encode())
    return lines


def rows_with(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows of a task and of a trial of the small history, with these cells."""
    task = small_history()[0]
    rows = {"task": task_row(task), "trial": with_texts(trial_row(task.trials[0]))}
    for table, column, raw in cells_of(data):
        if column in rows.get(table, ()):
            rows[table][column] = value_of(raw)
    return rows["task"], rows["trial"]


def write_cells(data: bytes, folder: Path, **card: Any) -> bool:
    """Writes a pack with these cells in every row; False where Parquet cannot hold them.

    A line `card.NAME=JSON` puts an entry into the card.
    """
    tasks = small_history()
    rows = {"task": [task_row(task) for task in tasks]}
    rows["trial"] = [{"task": k, **trial_row(trial)} for k, task in enumerate(tasks) for trial in task.trials]
    for table, column, raw in cells_of(data):
        value = value_of(raw)
        if table == "card":
            card[column] = _json_of(raw)
        for row in rows.get(table, ()):
            if column in row:
                is_measured = column in ("scores", "costs", "curve")
                row[column] = _json_of(raw) if is_measured else value
    try:
        write_pack_of(rows["task"], rows["trial"], folder, card)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError, RecursionError):
        return False
    return True


def write_pack_of(
    tasks: list[dict[str, Any]], trials: list[dict[str, Any]], folder: Path, card: dict[str, Any]
) -> None:
    """Writes the rows as a pack whose digests are right."""
    files = {"tasks.parquet": _packed(tasks, TASK_SCHEMA), "svm.parquet": _packed(trials, TRIAL_SCHEMA)}
    write_files(files, folder, card)


def _packed(rows: list[dict[str, Any]], schema: pa.Schema) -> bytes:
    """The rows as a Parquet file, without the compression that a pack has and that takes a while."""
    columns = {field.name: _column(field, [row[field.name] for row in rows]) for field in schema}
    return _written(pa.table(columns, schema=schema), store_schema=False)


def write_files(files: dict[str, bytes], folder: Path, card: dict[str, Any]) -> None:
    """Writes the files and a card with their digests."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    whole = {"format_version": 1, "files": {name: _digest(content) for name, content in files.items()}}
    (folder / CARD).write_text(json.dumps(whole | card))


def _json_of(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode(errors="replace")

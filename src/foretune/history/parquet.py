"""A pack: a history as a folder of Parquet files, small enough to ship and read-only.

    card.json         what the pack is, the counts, and the digest of each file beside it
    tasks.parquet     one row a task
    FAMILY.parquet    the trials of one family, one row a trial

The trials of a dataset's metrics repeat the same config, fold scores and costs. So that they lie side by
side, and cost next to nothing once compressed, the rows are sorted by dataset, then by place within the task.
"""

import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise
from os import getpid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from foretune.data.bounds import MOST_JSON_BYTES, MOST_TASKS, check_count, content_of, parsed
from foretune.data.errors import HistoryError, VersionError
from foretune.data.records import Task
from foretune.history.anonymous import NAMELESS
from foretune.history.expansion import table_in
from foretune.history.rows import TABLE_TYPES, Row, RowReader, TaskRows, task_row, trial_row

if TYPE_CHECKING:
    import pandas as pd

FORMAT_VERSION: Final = 1
CARD: Final = "card.json"
TASKS: Final = "tasks"
# Of a pack of 100 datasets x 43 configs x 5 metrics, level 19 saves 1.5 % over 15, and 22 nothing more.
ZSTD_LEVEL: Final = 19

TASK_SCHEMA: Final = pa.schema(
    [
        pa.field(name, pa.string())
        for name in (
            "key",
            "name",
            "family",
            "metric",
            "dataset",
            "group",
            "space",
            "metafeatures",
            "provenance",
        )
    ]
)
TRIAL_SCHEMA: Final = pa.schema(
    {
        "task": pa.int32(),  # the row of its task in tasks.parquet
        "config": pa.string(),
        "loss": pa.float64(),
        "seconds": pa.float64(),
        "status": pa.string(),
        "scores": pa.map_(pa.string(), pa.list_(pa.float64())),
        "costs": pa.map_(pa.string(), pa.float64()),
        "noise": pa.float64(),
        "fidelity": pa.float64(),
        "curve": pa.list_(pa.float64()),
        "seed": pa.int64(),
        "repeat": pa.int64(),
        "weight": pa.float64(),
        "reason": pa.string(),
    }
)


def read_card(folder: Path | str) -> dict[str, Any]:
    """What the pack in this folder says of itself; `HistoryError` where there is none."""
    return _read_card(Path(folder) / CARD)


class PackHistory:
    """A history read from a pack; each file is read when its tasks are first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reader = RowReader(str(folder))
        self.card = _read_card(folder / CARD)

    def add(self, *tasks: Task) -> NoReturn:
        """Raises `HistoryError`: a pack never changes."""
        raise HistoryError(
            f"{self._folder} is a pack, and packs are read-only: open a SQLite history instead, "
            "and merge the pack into it (foretune history merge, in Python history.add(*pack.tasks()))."
        )

    def add_rows(self, tasks: Sequence[TaskRows]) -> NoReturn:
        """Raises `HistoryError`, as `add` does."""
        self.add()

    def tasks(
        self,
        family: str | None = None,
        *,
        metric: str | None = None,
        name: str | None = None,
        trials: bool = True,
    ) -> Iterator[Task]:
        """The tasks, in the order in which they were written; so are the trials of each."""
        found = self._find(family=family, metric=metric, name=name)
        of_task: dict[int, list[Row]] = defaultdict(list)
        for row in _rows(self._trials(found)) if trials else ():
            of_task[row["task"]].append(row)
        for index, row in found.items():
            yield self._reader.task(row, of_task[index])

    def sizes(self) -> dict[str, int]:
        """The number of trials of each task, by its key, in the order of `tasks`."""
        found = self._find()
        counts = Counter(self._trials(found)["task"].to_pylist())
        return {row["key"]: counts[index] for index, row in found.items()}

    def table(self, family: str | None = None, *, metric: str | None = None) -> "pd.DataFrame":
        """One row a trial, in the order of `tasks`, its config as JSON text; no trial object is built."""
        found = self._find(family=family, metric=metric)
        trials = self._trials(found).select(
            [name for name in TRIAL_SCHEMA.names if name in {"task", *TABLE_TYPES}]
        )
        frame = trials.to_pandas().sort_values("task", kind="stable", ignore_index=True)
        frame["name"] = frame["task"].map({index: row["name"] for index, row in found.items()})
        frame["task"] = frame["task"].map({index: row["key"] for index, row in found.items()})
        return self._reader.table(frame)

    def close(self) -> None:
        """Does nothing: no file stays open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _find(self, **wanted: str | None) -> dict[int, Row]:
        """The rows of the wanted tasks, by their place in tasks.parquet."""
        table = self._read(TASKS, TASK_SCHEMA)
        check_count(len(table), MOST_TASKS, "tasks in a pack")
        if pc.count_distinct(table["key"]).as_py() < len(table):
            raise _damaged(self._folder, "a task comes twice")
        places = pa.array(range(len(table)), pa.int64())
        for column, value in wanted.items():
            if value is not None:
                places = places.filter(pc.equal(table[column].take(places), value))
        return dict(zip(places.to_pylist(), table.take(places).to_pylist(), strict=True))

    def _trials(self, found: Mapping[int, Row]) -> pa.Table:
        """The trials of these tasks, family after family."""
        families = dict.fromkeys(row["family"] for row in found.values())
        tables = [self._read(_checked(family), TRIAL_SCHEMA) for family in families]
        wanted = pa.array(list(found), pa.int32())
        some = [table.filter(pc.is_in(table["task"], wanted)) for table in tables]
        return pa.concat_tables([TRIAL_SCHEMA.empty_table(), *some])

    def _read(self, name: str, schema: pa.Schema) -> pa.Table:
        """The content of one file, once its digest and its schema have been checked."""
        path = self._folder / f"{name}.parquet"
        try:
            content = content_of(path, links=False)
            if _digest(content) != self.card["files"][path.name]:
                raise ValueError("it differs from what the card tells")
            table = table_in(content)
        except HistoryError:
            raise
        except Exception as error:  # pyarrow raises errors of many kinds for a damaged file
            raise _damaged(path, error) from error
        if not table.schema.equals(schema):
            raise _damaged(path, f"its columns are {table.schema.names} of other names or types than ours")
        return table


def write_pack(
    tasks: Iterable[Task], folder: Path | str, *, card: Mapping[str, Any], reveal: bool = False
) -> None:
    """Writes the tasks as a pack into a new folder, or in the place of an older pack; all of it or nothing.

    `card` says what the pack is: title, licence, sources. Without `reveal` an anonymous pack gives way to
    anonymous ones only. Raises `HistoryError` where a task or a trial comes twice: merge them in a SQLite
    history first.
    """
    folder = Path(folder).resolve()
    _check_replaceable(folder)
    if not reveal:
        _check_named(folder, card)
    files = _files(list(tasks), card)
    fresh = folder.with_name(f".{folder.name}.{getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        _put_in_place(fresh, folder)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise HistoryError(
            f"the pack {folder} could not be written ({error}); nothing was changed."
        ) from error


def _put_in_place(fresh: Path, folder: Path) -> None:
    old = fresh.with_suffix(".old")
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _check_replaceable(folder: Path) -> None:
    """Nobody's files are ever thrown away: only a pack, or nothing, gives way to a pack."""
    if not folder.exists():
        return
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else {folder.name}
    ours = {CARD, *_read_card(folder / CARD)["files"]} if CARD in names else set()
    if others := names - ours:
        named = ", ".join(sorted(others)[:3])
        raise HistoryError(f"{folder} holds other files ({named}): give a new folder, or that of a pack.")


def _check_named(folder: Path, card: Mapping[str, Any]) -> None:
    """Who reads a folder in which a pack reveals no names was promised that none will."""
    former = _read_card(folder / CARD) if (folder / CARD).is_file() else {}
    if NAMELESS in json.dumps(former.get("sharing")) and NAMELESS not in json.dumps(card.get("sharing")):
        raise HistoryError(
            f"the pack in {folder} reveals no names, and the new one would: write to another folder, make it "
            "anonymous, too, or say that it may (--reveal, in Python reveal=True)."
        )


def _files(tasks: Sequence[Task], card: Mapping[str, Any]) -> dict[str, bytes]:
    """The content of each file of the pack, by name."""
    rows = [task_row(task) for task in tasks]
    _check_once([row["key"] for row in rows], "a task")
    of_family: dict[str, dict[int, Task]] = defaultdict(dict)
    for index, task in enumerate(tasks):
        of_family[_checked(task.family)][index] = task
    files = {f"{TASKS}.parquet": _parquet(rows, TASK_SCHEMA)}
    for family, members in of_family.items():
        files[f"{family}.parquet"] = _parquet(_sorted_trials(members), TRIAL_SCHEMA)
    return files | {CARD: _card(tasks, card, files)}


def _card(tasks: Sequence[Task], card: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    counts = {
        "tasks": len(tasks),
        "datasets": len({task.dataset or task.name for task in tasks}),
        "trials": sum(len(task.trials) for task in tasks),
    }
    digests = {name: _digest(content) for name, content in files.items()}
    whole = {"format_version": FORMAT_VERSION} | dict(card) | {"counts": counts, "files": digests}
    try:
        return json.dumps(whole, indent=2, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise HistoryError(f"the card cannot be stored ({error}): use plain values.") from error


def _sorted_trials(tasks: Mapping[int, Task]) -> list[Row]:
    """The trials of a family's tasks as rows, those of equal config and dataset side by side."""
    ranks: dict[str, int] = {}
    placed = []
    for index, task in tasks.items():
        rows = [trial_row(trial) for trial in task.trials]
        _check_once([row["key"] for row in rows], f"a trial of {task.name!r}")
        rank = ranks.setdefault(task.dataset or task.name, len(ranks))
        placed += [((rank, place, index), {"task": index, **row}) for place, row in enumerate(rows)]
    return [row for _, row in sorted(placed, key=lambda pair: pair[0])]


def _check_once(keys: Sequence[str], what: str) -> None:
    if len(set(keys)) < len(keys):
        raise HistoryError(f"{what} comes twice: add the tasks to a SQLite history, then write its tasks.")


def _parquet(rows: Sequence[Row], schema: pa.Schema) -> bytes:
    """The file's content. Dictionaries suit repeated texts; floats shrink more with their bytes regrouped."""
    columns = {field.name: _column(field, [row[field.name] for row in rows]) for field in schema}
    floats = _leaves(schema)
    return _written(
        pa.table(columns, schema=schema),
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        use_dictionary=[path for path, is_float in floats.items() if not is_float],
        use_byte_stream_split=[path for path, is_float in floats.items() if is_float],
        store_schema=False,
    )


def _leaves(schema: pa.Schema) -> dict[str, bool]:
    """The paths of the columns that Parquet lays out for the schema, and whether each holds floats."""
    layout = pq.ParquetFile(pa.BufferReader(_written(schema.empty_table()))).schema
    leaves = [layout.column(place) for place in range(len(layout))]
    return {leaf.path: leaf.physical_type == "DOUBLE" for leaf in leaves}


def _written(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _column(field: pa.Field, values: Sequence[Any]) -> pa.Array:
    entries = [tuple(value.items()) for value in values] if pa.types.is_map(field.type) else values
    return pa.array(entries, field.type)


def _rows(table: pa.Table) -> Iterator[Row]:
    names, columns = table.column_names, [_values(column.combine_chunks()) for column in table.columns]
    return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))


def _values(array: pa.Array) -> list[Any]:
    """What the array holds, as Python objects.

    A table's own `to_pylist` takes six times as long where it holds maps (4,300 trials: 195 ms, not 32).
    """
    if pa.types.is_map(array.type):
        names, values = _values(array.keys), _values(array.items)
        return [
            dict(zip(names[a:b], values[a:b], strict=True))
            for a, b in pairwise(array.offsets.to_numpy().tolist())
        ]
    if pa.types.is_list(array.type):
        values = _values(array.values)
        return [tuple(values[a:b]) for a, b in pairwise(array.offsets.to_numpy().tolist())]
    if pa.types.is_integer(array.type):
        return list(array.to_pylist())  # numpy would turn a missing one, and so all, into floats
    return list(array.to_numpy(zero_copy_only=False).tolist())


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = parsed(content_of(path, most=MOST_JSON_BYTES, links=False), str(path))
        version = card["format_version"]
        if not isinstance(version, int) or not isinstance(card.get("files"), dict):
            raise TypeError("it lacks its version or its files")
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, error) from error
    if version > FORMAT_VERSION:
        raise VersionError(
            f"{path.parent} was written by a newer foretune (format {version}, ours {FORMAT_VERSION}) "
            "and was left untouched: upgrade foretune."
        )
    return dict(card)


def _checked(family: str) -> str:
    """The family, where it may name a file."""
    if not re.fullmatch(r"[a-z0-9_]+", str(family)) or family == TASKS:
        raise HistoryError(
            f"a pack cannot hold the family {family!r}: it names a file, so it must match [a-z0-9_]+ "
            f"and not be {TASKS!r}."
        )
    return family


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _damaged(path: Path, error: object) -> HistoryError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return HistoryError(f"there is no {path.name} in {path.parent}: give the folder of a pack.")
    return HistoryError(
        f"{path} cannot be read ({error}): it is damaged; take the pack from its source again."
    )

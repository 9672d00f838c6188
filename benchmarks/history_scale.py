"""What a history of many trials costs: import beside a bare bulk insert, opening and listing, a fit.

    python benchmarks/history_scale.py [--trials 10000 100000 1000000] [--no-postgres]

Trials are made up, 500 a task; of 10^6 a fifth is of the family that is learned from. Configs have two
numbers of full precision, two choices and a whole number that only some have. Each import is compared with a
bare insert, of rows that lie ready, into the same tables: `sqlite3.executemany`, and COPY on PostgreSQL.
Each step runs in a process of its own.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from foretune.history.history import open_history
from foretune.history.postgres import COLUMNS
from foretune.history.readers.table import TableTask, table_rows
from foretune.history.tables import WRITTEN
from foretune.recommender.recommender import Recommender
from local_postgres import LocalPostgres

RESULTS = Path(__file__).with_name("results") / "history"
OF_A_TASK = 500  # trials
FITTED = 200_000  # trials at most that are learned from
LEARNED, OTHER = "learned", "other"


def main() -> None:
    """Prints a line for each size, and writes all to results/history/scale.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--no-postgres", action="store_true")
    parser.add_argument("--no-fit", action="store_true")
    parser.add_argument("--output", type=Path, default=RESULTS / "scale.json")
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    found = []
    for trials in options.trials:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = None if options.no_postgres else stack.enter_context(LocalPostgres(max_wal_size="8GB"))
            found.append(_measured(folder, trials, server, fit=not options.no_fit))
        print(json.dumps(found[-1]), flush=True)
        options.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _measured(folder: Path, trials: int, server: LocalPostgres | None, *, fit: bool) -> dict[str, Any]:
    alone(write_table, folder, trials)
    found: dict[str, Any] = {"trials": trials, "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    stores = {"sqlite": f"sqlite:///{folder / 'imported.db'}"}
    if server is not None:
        stores["postgres"] = server.new_database("imported")
    for store, url in stores.items():
        found[store] = alone(bare, folder, url, server)
        for kind in ("csv", "parquet"):
            place = url if kind == "parquet" else _other(url, server)
            one = alone(imported, folder / f"table.{kind}", place)
            one["share"] = round(one["trials_per_second"] / found[store]["bare"]["trials_per_second"], 3)
            if store == "sqlite":  # all of its work is done in the process that is measured
                one["cpu_share"] = round(found[store]["bare"]["cpu_seconds"] / one["cpu_seconds"], 3)
            found[store][kind] = one
        found[store]["listing"] = alone(listed, url)
    if fit:
        found["fit"] = alone(fitted, stores["sqlite"])
    return found


def _other(url: str, server: LocalPostgres | None) -> str:
    """The url of another new history beside this one."""
    if url.startswith("sqlite"):
        return url.replace("imported.db", "other.db")
    assert server is not None
    return server.new_database("other")


def alone(work: Callable[..., Any], *words: Any) -> Any:
    """What the work gives in a process of its own."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    plain = [_Away(word) if isinstance(word, LocalPostgres) else word for word in words]
    process = multiprocessing.get_context("fork").Process(target=_told, args=(sender, work, plain))
    process.start()
    sender.close()
    found = receiver.recv()
    process.join()
    return found


class _Away:
    """A server as a child sees it, which must not stop it."""

    def __init__(self, server: LocalPostgres) -> None:
        self.new_database = server.new_database


def _told(sender: Any, work: Callable[..., Any], words: list[Any]) -> None:
    sender.send(work(*words))


class Clock:
    """Seconds on the wall and of this process since it was made."""

    def __init__(self) -> None:
        self._wall, self._busy = time.perf_counter(), time.process_time()

    def rate(self, trials: int) -> dict[str, Any]:
        """What so many trials took."""
        wall, busy = time.perf_counter() - self._wall, time.process_time() - self._busy
        return {
            "seconds": round(wall, 3),
            "cpu_seconds": round(busy, 3),
            "trials_per_second": round(trials / wall),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


def write_table(folder: Path, trials: int) -> None:
    """Writes the made-up results as CSV and as Parquet."""
    rng = np.random.default_rng(0)
    of_task = np.arange(trials) // OF_A_TASK
    kernel = rng.choice(["rbf", "poly", "linear"], trials)
    C, gamma = 10 ** rng.uniform(-3, 3, trials), 10 ** rng.uniform(-5, 1, trials)
    best = rng.normal(size=of_task[-1] + 1)[of_task]
    accuracy = 0.9 - 0.02 * (np.log10(C) - best) ** 2 - 0.01 * np.abs(np.log10(gamma) + 2)
    learned = of_task < max(FITTED, trials // 10) // OF_A_TASK if trials > FITTED else of_task >= 0
    table = pd.DataFrame(
        {
            "dataset": [f"data-{k:05d}" for k in of_task],
            "family": np.where(learned, LEARNED, OTHER),
            "C": C,
            "gamma": gamma,
            "kernel": kernel,
            "degree": pd.array(rng.integers(2, 6, trials), dtype="Int64"),
            "shrinking": rng.choice([True, False], trials),
            "accuracy": accuracy + rng.normal(scale=0.005, size=trials),
            "seconds": rng.exponential(2.0, trials).round(4),
            "rows": (10.0 ** (2 + of_task % 7 / 2)).round(),
        }
    )
    table.loc[kernel != "poly", "degree"] = pd.NA
    table.to_csv(folder / "table.csv", index=False)
    table.to_parquet(folder / "table.parquet", index=False)


def read(source: Path) -> list[TableTask]:
    """The table as `foretune import` reads it."""
    return table_rows(
        source,
        task="dataset",
        family="family",
        score="accuracy",
        metric="accuracy",
        seconds="seconds",
        metafeatures=["rows"],
    )


def imported(source: Path, url: str) -> dict[str, Any]:
    """What importing the file takes, from its first byte to the last commit."""
    open_history(url).close()
    clock = Clock()
    told, spaces = read(source), dict[int, str]()
    with open_history(url) as history:
        history.add_rows([one.rows(spaces) for one in told])
    return clock.rate(sum(map(len, told)))


def bare(folder: Path, url: str, server: Any) -> dict[str, Any]:
    """What a bare insert of the very same rows takes, with a task of no content for each of theirs."""
    told = read(folder / "table.parquet")
    ready = list(_rows(told))
    tasks = [(k, str(k)) for k in range(len(told))]
    url = url.replace("imported.db", "bare.db") if url.startswith("sqlite") else server.new_database("bare")
    open_history(url).close()
    insert = _bare_sqlite if url.startswith("sqlite") else _bare_postgres
    clock = Clock()
    insert(url, tasks, ready)
    return {"bare": clock.rate(len(ready))}


def _rows(told: list[TableTask]) -> Iterator[tuple[Any, ...]]:
    for k, one in enumerate(told):
        yield from one.rows({}).with_task(k)


TASK = "INSERT INTO task (id, key, name, family, metric, metafeatures, provenance) VALUES "


def _bare_sqlite(url: str, tasks: list[tuple[int, str]], rows: list[tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.executemany(f"{TASK} (?, ?, '', '', '', '{{}}', '{{}}')", tasks)
        places = ", ".join("?" * len(WRITTEN))
        connection.executemany(f"INSERT INTO trial ({COLUMNS}) VALUES ({places})", rows)


def _bare_postgres(url: str, tasks: list[tuple[int, str]], rows: list[tuple[Any, ...]]) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(f"{TASK} (%s, %s, '', '', '', '{{}}', '{{}}')".encode(), tasks)
        with cursor.copy(f"COPY trial ({COLUMNS}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)


def listed(url: str) -> dict[str, Any]:
    """What opening the history and listing its tasks with their sizes takes."""
    start = time.perf_counter()
    with open_history(url, read_only=True) as history:
        opened = time.perf_counter()
        tasks = list(history.tasks(trials=False))
        told = time.perf_counter()
        sizes = history.sizes()
    return {
        "tasks": len(tasks),
        "trials": sum(sizes.values()),
        "open_seconds": round(opened - start, 3),
        "tasks_seconds": round(told - opened, 3),
        "sizes_seconds": round(time.perf_counter() - told, 3),
    }


def fitted(url: str) -> dict[str, Any]:
    """What learning from the one family takes, without rehearsals that were remembered."""
    os.environ["FORETUNE_CACHE"] = tempfile.mkdtemp()
    clock, start = Clock(), time.perf_counter()
    with open_history(url, read_only=True) as history:
        tasks = list(history.tasks(LEARNED))
    reading = time.perf_counter() - start
    recommender = Recommender().fit(tasks)
    shutil.rmtree(os.environ["FORETUNE_CACHE"])
    trials = sum(len(task.trials) for task in tasks)
    told = {"tasks": len(tasks), "trials": trials, "reading_seconds": round(reading, 3), **clock.rate(trials)}
    start = time.perf_counter()
    recommender.recommend(tasks[0].__class__("new", LEARNED, tasks[0].space, metafeatures={"rows": 1e3}))
    return told | {"first_answer_seconds": round(time.perf_counter() - start, 3)}


if __name__ == "__main__":
    main()

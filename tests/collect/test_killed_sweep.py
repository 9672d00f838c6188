"""A sweep that is killed twenty times stores in the end what one that was left alone stores."""

import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from foretune.collect.datasets import load_dataset
from foretune.collect.evaluation import Protocol
from foretune.collect.families import family
from foretune.collect.sweep import Plan, collect, measured_metrics
from foretune.data.records import Status, Trial
from foretune.history.history import open_history

KILLS: Final = 20
BY_COMMAND: Final = {0, 5, 10}  # the command needs some 6 s to its first trial, a fork with all imported 2 s
PLAN: Final = Plan([family("decision_tree"), family("svm")], wide=150, protocol=Protocol(folds=3))
COMMAND: Final = [sys.executable, "-c", "from foretune.faces.cli import main; main()", "collect"]
OPTIONS: Final = ["--family=decision_tree", "--family=svm", "--wide=150", "--folds=3", "--jobs=2"]


def test_a_sweep_killed_twenty_times_loses_and_repeats_nothing(csv: Path, tmp_path: Path) -> None:
    """Killed at start-up and amid its trials, it ends with the planned trials, a whole file and no orphan."""
    path, rng = tmp_path / "history.db", random.Random(0)
    sessions, amid = [], 0
    for i in range(KILLS):
        with (started_by_command if i in BY_COMMAND else forked)(csv, path) as parent:
            sessions.append(parent)
            before = trials_in(path)
            wait_for(path, parent, rng)
            amid += 0 < trials_in(path) != before
            assert is_alive(parent), "the sweep ended before it could be killed: give it more to do"
            os.kill(parent, signal.SIGKILL)
    assert amid >= KILLS // 3
    subprocess.run(command(csv, path), check=True, capture_output=True)
    assert stored(path) == planned(csv)
    assert integrity(path) == "ok"
    assert all_gone(sessions, seconds=10)


def command(csv: Path, path: Path) -> list[str]:
    """The command line of the sweep."""
    return [*COMMAND, str(csv), "--history", f"sqlite:///{path}", *OPTIONS]


@contextmanager
def started_by_command(csv: Path, path: Path) -> Iterator[int]:
    """The sweep as a user starts it, in a session of its own; yields the id of its process."""
    silent = subprocess.DEVNULL
    with subprocess.Popen(
        command(csv, path), start_new_session=True, stdout=silent, stderr=silent
    ) as process:
        try:
            yield process.pid
        finally:
            process.kill()


@contextmanager
def forked(csv: Path, path: Path) -> Iterator[int]:
    """The sweep in a fork of a server that has imported everything: it reaches its first trial sooner."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["foretune.collect.sweep", "foretune.history.sql", "alembic.command"])
    process = context.Process(target=_sweep, args=(csv, path))
    process.start()
    assert process.pid is not None
    try:
        yield process.pid
    finally:
        process.kill()
        process.join()
        process.close()


def _sweep(csv: Path, path: Path) -> None:
    os.setsid()
    with open_history(path) as history:
        collect(history, [load_dataset(csv)], PLAN, jobs=1)


def wait_for(path: Path, parent: int, rng: random.Random) -> None:
    """Returns at a moment for the kill: soon after the start, or when some trials were written."""
    if rng.random() < 0.4:
        time.sleep(rng.uniform(0.0, 2.0))
        return
    enough = trials_in(path) + rng.randint(1, 25)
    _until(lambda: trials_in(path) >= enough or not is_alive(parent), seconds=60)
    time.sleep(rng.uniform(0.0, 0.05))


def _until(happened: Callable[[], bool], *, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not (result := happened()) and time.monotonic() < end:
        time.sleep(0.005)
    return result


def trials_in(path: Path) -> int:
    """How many trials the file holds; none where there is no file or no table yet."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM trial").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def integrity(path: Path) -> str:
    """What SQLite itself says of the file."""
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def stored(path: Path) -> list[tuple[str, str, Status]]:
    """Task, trial and status of all that the file holds, repeats included."""
    with open_history(path, read_only=True) as history:
        return sorted(
            (task.key, trial.key, trial.status) for task in history.tasks() for trial in task.trials
        )


def planned(csv: Path) -> list[tuple[str, str, Status]]:
    """Task, trial and status of a sweep that nobody kills."""
    data = load_dataset(csv)
    return sorted(
        (PLAN.task(one, data, metric).key, Trial(config, 0.0, seed=0).key, Status.DONE)
        for one in PLAN.families
        for metric in measured_metrics(one, data)
        for config in PLAN.configs(one, data)
    )


def is_alive(pid: int) -> bool:
    """Whether the process runs: it is there, and no zombie."""
    return any(alive == pid for alive, _ in _running())


def all_gone(sessions: list[int], *, seconds: float) -> bool:
    """Whether no process of these sessions is left, now or before the seconds are over."""
    return _until(lambda: not any(session in sessions for _, session in _running()), seconds=seconds)


def _running() -> Iterator[tuple[int, int]]:
    """Process and session id of all processes that are not zombies."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = stat.read_text().rsplit(")", 1)[1].split()[:4]
        except OSError:
            continue
        if state != "Z":
            yield int(stat.parent.name), int(session)

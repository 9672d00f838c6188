"""Many writers of one history, killed at random and started again: what is lost, what doubled.

    python benchmarks/history_torture.py --postgres --writers 8 --trials 100000 --kills 50 --restarts 5

Each writer has a share of the trials and adds them some at a time; killed, it is started again and adds what
the history lacks of its share. `--restarts` lets the PostgreSQL server crash and come back as often.
"""

import argparse
import json
import multiprocessing
import random
import signal
import tempfile
import time
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from foretune.data.records import Task, Trial
from foretune.history.history import open_history
from local_postgres import LocalPostgres

TASKS = 20  # that all writers share
AT_ONCE = 50  # trials of one call
RESULTS = Path(__file__).with_name("results") / "history"


def main() -> None:
    """Prints what was planned, lost and doubled; writes it to results/history."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--restarts", type=int, default=0)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    name = "torture-postgres.json" if options.postgres else "torture-sqlite.json"
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(LocalPostgres()) if options.postgres else None
        url = server.new_database("tortured") if server else f"sqlite:///{folder}/tortured.db"
        words = {"writers": options.writers, "trials": options.trials, "kills": options.kills}
        found = tortured(url, **words, server=server, restarts=options.restarts)
    text = json.dumps(found, indent=2) + "\n"
    print(text)
    output = options.output or RESULTS / name
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")


def tortured(
    url: str,
    *,
    writers: int,
    trials: int,
    kills: int,
    server: LocalPostgres | None = None,
    restarts: int = 0,
) -> dict[str, Any]:
    """What came of it: how many trials were planned, stored, lost and doubled, and how often what was killed.

    The kills are spread over the work: each comes when its share of the trials is stored.
    """
    start, rng, killed, crashed = time.monotonic(), random.Random(0), 0, 0
    open_history(url).close()
    shares = [range(k, trials, writers) for k in range(writers)]
    running = [_started(url, share) for share in shares]
    while any(process.is_alive() for process in running) or any(process.exitcode for process in running):
        stored = _stored(url)
        if killed < kills and stored >= killed * trials // (kills + 1):
            victim = rng.choice([k for k in range(writers) if running[k].is_alive()] or [0])
            running[victim].kill()
            killed += 1
        if server is not None and crashed < restarts and stored >= (crashed + 0.5) * trials // restarts:
            server.stop(signal.SIGQUIT)
            server.start()
            crashed += 1
        for k, process in enumerate(running):
            if process.exitcode:
                running[k] = _started(url, shares[k])
        time.sleep(0.02)
    for process in running:
        process.join()
    return _verdict(url, trials) | {
        "writers": writers,
        "kills": killed,
        "restarts": crashed,
        "seconds": round(time.monotonic() - start, 1),
    }


def write(url: str, share: range) -> None:
    """Adds those of the share's trials that the history lacks."""
    with open_history(url) as history:
        known = {json.loads(config)["number"] for config in history.table()["config"]}
        lacking = [number for number in share if number not in known]
        for begin in range(0, len(lacking), AT_ONCE):
            history.add(*_tasks(lacking[begin : begin + AT_ONCE]))


def _tasks(numbers: list[int]) -> list[Task]:
    parts: dict[int, list[Trial]] = {}
    for number in numbers:
        parts.setdefault(number % TASKS, []).append(Trial({"number": number}, number / 7, seed=number))
    return [Task(f"task {k}", "svm", None, trials=tuple(trials)) for k, trials in parts.items()]


def _started(url: str, share: range) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=write, args=(url, share))
    process.start()
    return process


def _stored(url: str) -> int:
    with open_history(url, read_only=True) as history:
        return sum(history.sizes().values())


def _verdict(url: str, planned: int) -> dict[str, Any]:
    with open_history(url, read_only=True) as history:
        told = [(task, trial) for task in history.tasks() for trial in task.trials]
    right = {
        trial.config["number"]
        for task, trial in told
        if trial.loss == trial.config["number"] / 7 and task.name == f"task {trial.config['number'] % TASKS}"
    }
    return {
        "planned": planned,
        "stored": len(told),
        "lost": len(set(range(planned)) - right),
        "doubled": len(told) - len({trial.config["number"] for _, trial in told}),
    }


if __name__ == "__main__":
    main()

"""Plays methods on the left-out tasks of published histories and keeps every regret curve.

    python benchmarks/replay.py ../shared/histories --history hebo-xgboost --method cold_gp --method portfolio
    python benchmarks/tables.py benchmarks/results

One JSON a history, merged with what is already there: methods can be added later, a run that was stopped goes
on where it was, and more `--tasks` add to those played. Options that change a curve begin its method anew.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, Final
from zlib import crc32

import numpy as np

from foretune.data.records import Task, groups_of
from foretune.experiments.judging import Search
from foretune.experiments.replay import Split, leave_groups_out, play
from foretune.learners.learner import taught
from histories import read_history
from peers.methods import METHODS, PEERS

SAVE_EVERY: Final = 20.0  # seconds
PACKAGES: Final = ("foretune", "numpy", "scipy", "scikit-learn", "ConfigSpace", "optuna", "torch")
Results = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One method on one split, with all its seeds."""

    folder: Path
    method: str
    past: tuple[str, ...]
    new: tuple[str, ...]
    trials: int
    seeds: int
    past_trials: int  # of each past task; 0 = all


def main() -> None:
    """Plays what is missing and saves as it goes."""
    options = _options()
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of the processes that play
    for name in options.history or _histories(options.folder):
        play_history(options.folder / name, options)


def play_history(folder: Path, options: argparse.Namespace) -> None:
    """Plays every method that is asked for on one history, where that was not done before."""
    tasks = taught(read_history(folder))
    file = options.output / f"{folder.name}.json"
    results = _opened(file, folder)
    splits = splits_of(tasks, folds=options.folds, most=options.tasks)
    jobs: list[Job] = []
    for method in options.method or [*PEERS, "portfolio", "neighbours"]:
        seeds = options.seeds if METHODS[method].random else 1
        entry = _entry(results, method, _settings(options, seeds))
        planned = len(jobs)
        for split in splits:
            new = tuple(task.name for task in split.new if task.name not in entry["tasks"])
            past = tuple(task.name for task in split.past)
            if new:
                jobs.append(Job(folder, method, past, new, options.trials, seeds, options.past_trials))
        if len(jobs) > planned:
            entry |= _provenance()
    print(
        f"{folder.name}: {sum(len(s.new) for s in splits)} tasks, {len(jobs)} searches of splits to play",
        flush=True,
    )
    try:
        _run(jobs, results, file, workers=options.jobs)
    finally:
        save(results, file)


def _run(jobs: Sequence[Job], results: Results, file: Path, *, workers: int) -> None:
    saved = started = monotonic()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(run, job): job for job in jobs}
        try:
            for done, finished in enumerate(as_completed(waiting), start=1):
                _keep(results, waiting[finished], finished)
                if monotonic() - saved > SAVE_EVERY:
                    save(results, file)
                    saved = monotonic()
                    print(f"  {done}/{len(jobs)} after {saved - started:.0f} s", flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _keep(results: Results, job: Job, finished: Future[Results]) -> None:
    results["methods"][job.method]["tasks"] |= finished.result()


def run(job: Job) -> Results:
    """The rows of one job by task, means over the seeds: what the JSON holds."""
    tasks = _tasks(job.folder)
    past = [_thinned(tasks[name], job.past_trials) for name in job.past]
    new = [tasks[name] for name in job.new]
    searches: dict[str, list[Search]] = {}
    fitting = []
    for seed in range(job.seeds):
        start = perf_counter()
        method = METHODS[job.method].make(seed, job.trials).fit(past)
        fitting.append(perf_counter() - start)
        for task in new:
            searches.setdefault(task.name, []).append(play(job.method, method, task, trials=job.trials))
    return {name: row(found, fit_seconds=float(np.mean(fitting))) for name, found in searches.items()}


def _thinned(task: Task, most: int) -> Task:
    """The task with so many of its trials, drawn at random: other ones in each task; 0 = all."""
    if not most:
        return task
    drawn = np.random.default_rng(crc32(task.name.encode())).permutation(len(task.trials))[:most]
    return replace(task, trials=tuple(task.trials[k] for k in sorted(drawn)))


def row(searches: Sequence[Search], *, fit_seconds: float) -> Results:
    """One task's results: the mean curve, when each seed found the best, seconds, calibration."""
    judged = sorted({one.trials for search in searches for one in search.calibration})
    at = {n: [one for search in searches for one in search.calibration if one.trials == n] for n in judged}
    return {
        "configs": len(searches[0].truth),
        "regret": np.mean([search.regret for search in searches], axis=0).round(5).tolist(),
        "solved_after": [search.solved_after for search in searches],
        "ms": round(1000 * float(np.mean([np.mean(search.seconds) for search in searches])), 3),
        "fit_seconds": round(fit_seconds, 3),
        "calibration": {
            str(n): [
                round(float(np.mean([getattr(one, part) for one in found])), 4)
                for part in ("inside", "width")
            ]
            for n, found in at.items()
        },
    }


def splits_of(tasks: Sequence[Task], *, folds: int, most: int, seed: int = 0) -> list[Split]:
    """Splits that together leave out `most` tasks (0 = all), whole groups, drawn in one fixed order.

    More tasks add to those of fewer, and what a task is judged with does not depend on how many there are.
    """
    sides = list(groups_of(tasks).values())
    chosen: list[str] = []
    for k in np.random.default_rng(seed).permutation(len(sides)):
        if not most or len(chosen) + len(sides[k]) <= most:
            chosen += [task.name for task in sides[k]]
    splits = leave_groups_out(tasks, folds=folds or None, seed=seed)
    kept = [Split(split.past, [task for task in split.new if task.name in set(chosen)]) for split in splits]
    return [split for split in kept if split.new]


@cache
def _tasks(folder: Path) -> Mapping[str, Task]:
    return {task.name: task for task in read_history(folder)}


def _opened(file: Path, folder: Path) -> Results:
    if file.exists():
        found: Results = json.loads(file.read_text(encoding="utf-8"))
        return found
    return {"history": folder.name, "methods": {}}


def _settings(options: argparse.Namespace, seeds: int) -> Results:
    """The options that change a curve."""
    thin = {"past_trials": options.past_trials} if options.past_trials else {}
    return {"trials": options.trials, "folds": options.folds, "seeds": seeds, **thin}


def _entry(results: Results, method: str, options: Results) -> Results:
    """What is known of a method, begun anew where its options were others."""
    entry = results["methods"].get(method)
    if entry is None or entry["options"] != options:
        if entry is not None:
            print(f"  {method}: played with {entry['options']} before, begun anew", flush=True)
        entry = results["methods"][method] = {"options": options, "tasks": {}}
    known: Results = entry
    return known


def _provenance() -> Results:
    """How this run was made; of a path only the last part, for where it lies is this machine's affair."""
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return {
        "command": shlex.join(["python", "benchmarks/replay.py", *words]),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def save(results: Results, file: Path) -> None:
    """Writes the results, a line for each task of each method; a reader never meets half a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    unfinished.write_text("".join(_lines(results)), encoding="utf-8")
    unfinished.replace(file)


def _lines(results: Results) -> Iterator[str]:
    head = {key: value for key, value in results.items() if key != "methods"}
    yield json.dumps(head)[:-1] + ', "methods": {'
    for k, (name, entry) in enumerate(results["methods"].items()):
        told = {key: value for key, value in entry.items() if key != "tasks"}
        yield f'{"," * (k > 0)}\n{json.dumps(name)}: {json.dumps(told)[:-1]}, "tasks": {{'
        rows = [
            f"\n {json.dumps(task)}: {json.dumps(found)}" for task, found in sorted(entry["tasks"].items())
        ]
        yield ",".join(rows) + "}}"
    yield "\n}}\n"


def _histories(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("*/card.json"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path, help="the folder of histories")
    parser.add_argument("--history", action="append", help="repeat it for several; else all")
    parser.add_argument("--method", action="append", choices=list(METHODS), help="repeat it for several")
    parser.add_argument("--tasks", type=int, default=0, help="leave out at most so many; 0 = all")
    parser.add_argument(
        "--folds", type=int, default=0, help="leave groups out in so many parts; 0 = one by one"
    )
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument(
        "--past-trials", type=int, default=0, help="teach so many trials of each past task, drawn at random"
    )
    parser.add_argument("--seeds", type=int, default=3, help="for methods that chance plays a part in")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()

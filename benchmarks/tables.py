"""Prints the tables of played replays as markdown.

    python benchmarks/tables.py benchmarks/results [--method NAME ...] [--versus NAME]

A task counts after k trials only where it has at least 2 k configs: later, chance alone finds the best. Rank,
area and share solved go over the same trials. `--versus` compares one method with the best of the others on
each history, by a paired bootstrap over tasks.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.stats import rankdata

from foretune.data.records import Floats, Ints
from foretune.experiments.judging import CHECKPOINTS

RESAMPLES: Final = 10_000
LEVEL: Final = 0.95
AT: Final = (1, 5, 10)  # where methods are compared by bootstrap


@dataclass(frozen=True)
class Played:
    """What one history's results hold on the tasks that all of `methods` have played.

    `regret` (methods, tasks, trials); `last` (tasks,) is the last trial that counts; `solved_after` is NaN
    where the best was not found, (methods, tasks) lists of one number a seed.
    """

    history: str
    methods: list[str]
    regret: Floats
    last: Ints
    solved_after: list[list[list[float]]]
    ms: Floats
    calibration: list[dict[str, Floats]]

    @property
    def checkpoints(self) -> list[int]:
        """The numbers of trials that count for at least one task."""
        return [k for k in CHECKPOINTS if k <= self.last.max()]

    def at(self, k: int) -> Floats:
        """The regrets (methods, n) after k trials of the n tasks that count there."""
        return np.asarray(self.regret[:, self.last >= k, k - 1])

    @property
    def rank(self) -> Floats:
        """The mean rank (methods,) over the checkpoints."""
        ranks = [rankdata(self.at(k).round(5), axis=0).mean(axis=1) for k in self.checkpoints]
        return np.asarray(np.mean(ranks, axis=0))

    @property
    def area(self) -> Floats:
        """The mean regret (methods,) over the trials that count."""
        curves = [self.regret[:, t, :last].mean(axis=1) for t, last in enumerate(self.last)]
        return np.asarray(np.mean(curves, axis=0))

    @property
    def solved(self) -> Floats:
        """The share (methods,) of searches that found the best config within the trials that count."""
        return np.array(
            [
                np.mean(
                    [np.mean(np.array(found) <= last) for found, last in zip(one, self.last, strict=True)]
                )
                for one in self.solved_after
            ]
        )


def read(file: Path, chosen: Sequence[str] | None = None) -> Played | None:
    """The results in a file, of these methods or all; None where no task was played by all, or by any."""
    results = json.loads(file.read_text(encoding="utf-8"))
    methods = results.get("methods", {})  # files of other benchmarks lie beside
    entries = {name: one["tasks"] for name, one in methods.items() if not chosen or name in chosen}
    entries = {name: tasks for name, tasks in entries.items() if tasks}
    if not entries or not (tasks := sorted(set.intersection(*map(set, entries.values())))):
        return None
    rows = [[found[task] for task in tasks] for found in entries.values()]
    trials = min(len(row["regret"]) for one in rows for row in one)
    return Played(
        results["history"],
        list(entries),
        np.array([[row["regret"][:trials] for row in one] for one in rows]),
        np.maximum(np.minimum([row["configs"] // 2 for row in rows[0]], trials), 1),
        [[[np.nan if n is None else n for n in row["solved_after"]] for row in one] for one in rows],
        np.array([np.mean([row["ms"] for row in one]) for one in rows]),
        [_calibration(one) for one in rows],
    )


def _calibration(rows: Sequence[dict[str, Any]]) -> dict[str, Floats]:
    """By trials: the mean share inside of the intervals and their mean width."""
    at = sorted({n for row in rows for n in row["calibration"]}, key=int)
    return {
        n: np.mean([row["calibration"][n] for row in rows if n in row["calibration"]], axis=0) for n in at
    }


def history_table(played: Played) -> str:
    """Regret, rank, share solved, area and speed of every method on one history."""
    head = [played.history, *map(str, played.checkpoints), "rank", "solved", "area", "ms"]
    rows = []
    for m, name in enumerate(played.methods):
        regrets = [f"{played.at(k)[m].mean():.4f}" for k in played.checkpoints]
        told = [
            f"{played.rank[m]:.2f}",
            f"{played.solved[m]:.2f}",
            f"{played.area[m]:.4f}",
            f"{played.ms[m]:.1f}",
        ]
        rows.append([name, *regrets, *told])
    return f"{len(played.last)} tasks\n\n{_markdown(head, rows)}"


def overall_table(everything: Sequence[Played]) -> str:
    """Means over histories, of the methods that were played on all of them."""
    names = [n for n in everything[0].methods if all(n in one.methods for one in everything)]
    checkpoints = [k for k in CHECKPOINTS if any(k in one.checkpoints for one in everything)]
    head = ["mean over histories", *map(str, checkpoints), "rank", "solved", "area", "ms"]
    rows = []
    for name in names:
        at = [(one, one.methods.index(name)) for one in everything]
        regrets = [
            np.mean([one.at(k)[m].mean() for one, m in at if k in one.checkpoints]) for k in checkpoints
        ]
        told = [np.mean([values(one)[m] for one, m in at]) for values in (_ranks, _solved, _areas, _ms)]
        rows.append(
            [
                name,
                *(f"{x:.4f}" for x in regrets),
                f"{told[0]:.2f}",
                f"{told[1]:.2f}",
                f"{told[2]:.4f}",
                f"{told[3]:.1f}",
            ]
        )
    counts = ", ".join(f"{k}: {sum(k in one.checkpoints for one in everything)}" for k in checkpoints)
    return f"Histories that count after so many trials: {counts}\n\n{_markdown(head, rows)}"


def _ranks(one: Played) -> Floats:
    return one.rank


def _solved(one: Played) -> Floats:
    return one.solved


def _areas(one: Played) -> Floats:
    return one.area


def _ms(one: Played) -> Floats:
    return one.ms


def calibration_table(everything: Sequence[Played]) -> str:
    """Share of true losses in 80 % intervals, and the intervals' width, of the methods that forecast."""
    at = sorted({n for one in everything for told in one.calibration for n in told}, key=int)
    rows = []
    for one in everything:
        for name, told in zip(one.methods, one.calibration, strict=True):
            if told:
                cells = [f"{told[n][0]:.2f} ({told[n][1]:.2f})" if n in told else "" for n in at]
                rows.append([one.history, name, *cells])
    return _markdown(["80 % intervals: inside (width)", "method", *(f"after {n}" for n in at)], rows)


def versus_table(everything: Sequence[Played], method: str, at: Iterable[int]) -> str:
    """One method minus the best of the others on each history, with its bootstrap interval."""
    rows = []
    for one in everything:
        if method not in one.methods or len(one.methods) < 2:
            continue
        m = one.methods.index(method)
        for k in [k for k in at if k in one.checkpoints]:
            regret = one.at(k)
            others = [o for o in np.argsort(regret.mean(axis=1), kind="stable") if o != m]
            difference = regret[m] - regret[others[0]]
            low, high = bootstrap(difference)
            told = [one.methods[others[0]], f"{difference.mean():+.4f}", f"[{low:+.4f}, {high:+.4f}]"]
            rows.append([one.history, str(k), str(len(difference)), *told])
    return _markdown([f"{method} minus the best other", "k", "tasks", "other", "difference", "95 %"], rows)


def bootstrap(difference: Floats, *, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean of paired differences (tasks,): percentiles over resampled tasks.

    Source: Efron, Tibshirani 1993, doi:10.1201/9780429246593, chapter 13.
    """
    rng = np.random.default_rng(seed)
    means = [rng.choice(difference, len(difference)).mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Prints a table for each history, the means over them, the calibration, and the comparison asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--method", action="append", help="repeat it for several; else all")
    parser.add_argument("--versus", help="the method that is compared with the best of the others")
    parser.add_argument("--at", type=int, action="append", help=f"trials of that comparison; else {AT}")
    options = parser.parse_args()
    found = [read(file, options.method) for file in sorted(options.folder.glob("*.json"))]
    everything = [played for played in found if played]
    if not everything:
        parser.error(f"{options.folder} holds no results of these methods: run benchmarks/replay.py first.")
    tables = [*map(history_table, everything), overall_table(everything), calibration_table(everything)]
    if options.versus:
        tables.append(versus_table(everything, options.versus, options.at or AT))
    print("\n\n".join(tables))


if __name__ == "__main__":
    main()

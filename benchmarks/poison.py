"""What a misleading history costs: past losses reversed, shuffled, copied or drawn at random.

    python benchmarks/poison.py HISTORIES --history pimp-svm --tasks 30 --output benchmarks/results/poison

Plays `auto` on the poisoned and on the honest history, and the cold Gaussian process, on the same left-out
tasks, and prints the mean normalised regret after some of the trials.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from foretune.data.records import Task
from foretune.experiments.replay import play
from foretune.recommender.recommender import Recommender
from histories import read_history
from replay import splits_of

AT: Final = (1, 5, 10, 20, 30)
COPIES: Final = 100


def honest(tasks: Sequence[Task], _: np.random.Generator) -> list[Task]:
    """The history as it is."""
    return list(tasks)


def reversed_scores(tasks: Sequence[Task], _: np.random.Generator) -> list[Task]:
    """The best config of each task becomes its worst."""
    return [_with_losses(task, [-loss for loss in _losses(task)]) for task in tasks]


def shuffled(tasks: Sequence[Task], rng: np.random.Generator) -> list[Task]:
    """Each task's losses change places."""
    return [_with_losses(task, rng.permutation(_losses(task)).tolist()) for task in tasks]


def copied(tasks: Sequence[Task], _: np.random.Generator) -> list[Task]:
    """One task a hundred times, under other names, and nothing else."""
    return [replace(tasks[0], name=f"copy {k}", dataset=f"copy {k}", group=None) for k in range(COPIES)]


def random_losses(tasks: Sequence[Task], rng: np.random.Generator) -> list[Task]:
    """Losses that have nothing to do with the configs."""
    return [_with_losses(task, rng.random(len(task.trials)).tolist()) for task in tasks]


POISONS: Final[dict[str, Callable[[Sequence[Task], np.random.Generator], list[Task]]]] = {
    one.__name__: one for one in (honest, reversed_scores, shuffled, copied, random_losses)
}


def _losses(task: Task) -> list[float]:
    return [trial.loss for trial in task.trials if trial.loss is not None]


def _with_losses(task: Task, losses: Sequence[float]) -> Task:
    pairs = zip(task.trials, losses, strict=True)
    return replace(task, trials=tuple(replace(trial, loss=loss) for trial, loss in pairs))


def main() -> None:
    """Plays, prints a table and writes the mean curves as JSON, a file for each history."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--history", action="append", required=True)
    parser.add_argument("--tasks", type=int, default=30)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--learner", default="auto")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    for name in options.history:
        found = _curves(list(read_history(options.folder / name)), options)
        for poison, curve in found.items():
            print(f"{name:20s} {poison:16s}", *(f"{curve[n - 1]:.4f}" for n in AT), flush=True)
        if options.output:
            options.output.mkdir(parents=True, exist_ok=True)
            text = json.dumps(found, indent=1) + "\n"
            (options.output / f"{name}.json").write_text(text, encoding="utf-8")


def _curves(tasks: Sequence[Task], options: argparse.Namespace) -> dict[str, list[float]]:
    splits = splits_of(tasks, folds=options.folds, most=options.tasks)
    curves: dict[str, list[float]] = {}
    for poison in ("cold", *POISONS):
        regrets = []
        for split in splits:
            change = POISONS.get(poison, honest)
            learner = "cold" if poison == "cold" else options.learner
            recommender = Recommender(learner).fit(change(split.past, np.random.default_rng(0)))
            regrets += [play(poison, recommender, task, trials=max(AT)).regret for task in split.new]
        curves[poison] = np.mean(regrets, axis=0).round(5).tolist()
    return curves


if __name__ == "__main__":
    main()

"""Whether "stop, 95 % sure to be within the tolerance of the best" is right as often as it says.

    python benchmarks/outlook.py HISTORIES --tasks 12 --output benchmarks/results/faces/outlook.json

Searches left-out tasks with `auto`, asks for the outlook after every trial, and looks at the first stop. The
tolerance is 0.01 in units of the score.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from foretune.data.records import Task
from foretune.recommender.recommender import Recommender
from histories import read_history
from replay import splits_of

TOLERANCE: Final = 0.01
TRIALS: Final = 15


def main() -> None:
    """Plays, prints a line for each history and all together, and writes what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--history", action="append")
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    names = options.history or sorted(one.name for one in options.folder.iterdir() if one.is_dir())
    for name in names:
        tasks = list(read_history(options.folder / name))
        found[name] = []
        for split in splits_of(tasks, folds=options.folds, most=options.tasks):
            recommender = Recommender("auto").fit(split.past)
            found[name] += [first_stop(recommender, task) for task in split.new]
        _print(name, found[name])
    _print("all", [one for played in found.values() for one in played])
    if options.output:
        options.output.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


def first_stop(recommender: Recommender, task: Task) -> dict[str, Any]:
    """After which trial the search was first told to stop, whether that was right, and when it was true."""
    recorded = {id(trial.config): trial for trial in task.done}
    configs = [trial.config for trial in task.done]
    lowest = min(trial.loss for trial in task.done if trial.loss is not None)
    now = replace(task, trials=())
    stopped, right, true_from = None, None, None
    for k in range(1, min(TRIALS, len(configs) - 1) + 1):
        chosen = recommender.recommend(now, candidates=configs)[0].config
        now = now.plus(recorded[id(chosen)])
        assert now.best is not None and now.best.loss is not None
        good = now.best.loss - lowest <= TOLERANCE
        if good and true_from is None:
            true_from = k
        if stopped is None and recommender.outlook(now, tolerance=TOLERANCE, candidates=configs).stop:
            stopped, right = k, good
    return {"task": task.name, "stopped": stopped, "right": right, "true_from": true_from}


def _print(name: str, played: Sequence[dict[str, Any]]) -> None:
    stops = [one for one in played if one["stopped"] is not None]
    true = [one for one in played if one["true_from"] is not None]
    right = f"{sum(one['right'] for one in stops)} of {len(stops)} stops right"
    said = sum(one["stopped"] is not None for one in true)
    print(f"{name}: {len(played)} tasks, {right}; said in {said} of {len(true)} where true", flush=True)


if __name__ == "__main__":
    main()

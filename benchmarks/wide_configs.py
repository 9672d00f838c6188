"""One and three recommended wide configs beside the library's default and the full grid, trained for real.

    python benchmarks/wide_configs.py DATASETS --output benchmarks/results/wide_configs

40 datasets are left out in five parts, each with its whole group, before anything is learned from the
experience. All searches select on the same inner folds and are judged on an outer test part that none of
them saw; one config alone needs no selection. A run that was stopped goes on where it was.
"""

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from catalogue import load_catalogued
from foretune.collect.datasets import Dataset
from foretune.collect.families import Family, families
from foretune.data.metrics import Target
from foretune.data.records import Floats, Task
from foretune.experiments.measured import Measured
from foretune.experiments.versus_grid import Bench, Setup, outer_split, without
from foretune.recommender.advice import new_task
from foretune.recommender.past import past_tasks
from foretune.recommender.recommender import Recommender

SIZES: Final = (1, 3)
SEARCHES: Final = ("default", *map(str, SIZES), "grid")
FEWEST_TASKS: Final = 20  # of a family, to be judged
FEWEST_ROWS: Final = 400  # of a dataset, so that the outer test part is worth asking
PARTS: Final = 5
RESAMPLES: Final = 10_000


def main() -> None:
    """Prints one row for each family, and keeps every score."""
    options = _options()
    output: Path = options.output
    target: Target = "regression" if options.metric == "r2" else "classification"
    setup = Setup(options.metric, options.learner, folds=3, test_share=0.4, rows=options.rows)
    past = past_tasks(metric=options.metric)
    datasets = chosen(options.datasets, past, options.tasks, target)
    known = families(target)
    tabular = [name for name in known if known[name].images != "only"]
    names = [name for name in tabular if sum(task.family == name for task in past) >= FEWEST_TASKS]
    output.mkdir(parents=True, exist_ok=True)
    measured = Measured(output / "unfinished.jsonl")
    found = {}
    print(f"{len(datasets)} datasets\n{HEAD}", flush=True)
    for name in options.family or names:
        mine = [task for task in past if task.family == name]
        found[name] = dict(searched(known[name], mine, datasets, setup, measured))
        print(row(name, found[name]), flush=True)
    (output / f"{options.metric}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    measured.forget()


def chosen(folder: Path, past: Sequence[Task], most: int, target: Target) -> list[Dataset]:
    """So many datasets of the experience, one of a group, drawn alike each time."""
    groups = {task.dataset: task.group or task.dataset for task in past}
    usable = [
        data
        for data in load_catalogued(folder)
        if data.target == target and data.fingerprint in groups and len(data.X) >= FEWEST_ROWS
    ]
    order = np.random.default_rng(0).permutation(len(usable))
    one_each = {groups[usable[k].fingerprint]: usable[k] for k in order}
    return list(one_each.values())[:most]


def searched(
    family: Family, past: Sequence[Task], datasets: Sequence[Dataset], setup: Setup, measured: Measured
) -> Iterator[tuple[str, dict[str, float]]]:
    """Each dataset's name with the score of every search on the outer test part."""
    for part in np.array_split(np.arange(len(datasets)), PARTS):
        tasks = list(past)
        for k in part:
            tasks = without(tasks, datasets[k])
        recommender = Recommender(setup.learner).fit(tasks)
        for k in part:
            yield datasets[k].name, _scores(recommender, family, datasets[k], setup, measured)


def _scores(
    recommender: Recommender, family: Family, data: Dataset, setup: Setup, measured: Measured
) -> dict[str, float]:
    sample, train, _ = outer_split(data, setup)
    bench = Bench(data, family, setup, measured)
    task = new_task(data.name, family, data.target, setup.metric, sample.part(train).describe())
    advice = [dict(one.config) for one in recommender.recommend(task, max(SIZES))]
    tried = {"default": [family.default(data.target)], "grid": family.cells_on(data)}
    tried |= {str(size): advice[:size] for size in SIZES}
    return {name: bench.search(tried[name]).scores[setup.metric] for name in SEARCHES}


HEAD: Final = (
    "| family | library default | one config | three | full grid | recovered by one | by three "
    "| three − grid | within 0.003 of the grid or above: one / three |\n|---|---|---|---|---|---|---|---|---|"
)


def row(name: str, found: Mapping[str, Mapping[str, float]]) -> str:
    """The means, the shares of the way from default to grid, and the paired difference with its interval."""
    score: dict[str, Floats] = {
        search: np.array([scores[search] for scores in found.values()]) for search in SEARCHES
    }
    mean = {search: float(values.mean()) for search, values in score.items()}
    way = mean["grid"] - mean["default"]
    recovered = [f"{(mean[str(size)] - mean['default']) / way:.0%}" if way > 0 else "–" for size in SIZES]
    difference = score["3"] - score["grid"]
    drawn = np.random.default_rng(0).integers(len(difference), size=(RESAMPLES, len(difference)))
    low, high = np.quantile(difference[drawn].mean(axis=1), [0.025, 0.975])
    close = [f"{np.mean(score[str(size)] >= score['grid'] - 0.003):.0%}" for size in SIZES]
    cells: list[Any] = [
        name,
        *(f"{mean[search]:.4f}" for search in SEARCHES),
        *recovered,
        f"{difference.mean():+.4f} [{low:+.4f}, {high:+.4f}]",
        " / ".join(close),
    ]
    return f"| {' | '.join(cells)} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("datasets", type=Path)
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--metric", choices=("accuracy", "r2"), default="accuracy")
    parser.add_argument("--learner", default="auto")
    parser.add_argument("--family", action="append")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()

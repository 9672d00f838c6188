"""Makes the shipped pack from a collected history: trials and meta-features, never the data.

    foretune collect DATASETS --history sqlite:///collected/sweep.db --wide 30 --rows 2000 --timeout 60 \
        --groups benchmarks/experience_groups.json
    python benchmarks/make_experience.py sqlite:///collected/sweep.db DATASETS

The datasets are described anew, so that the pack's meta-features are those of today's code. DATASETS is a
folder of tables with a column `target`, and a catalogue.csv that names the source of each.
"""

import argparse
import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from foretune.collect.datasets import load_dataset
from foretune.data.records import Task
from foretune.experience import PACK
from foretune.features.metafeatures import describe
from foretune.history.history import open_history
from foretune.history.parquet import write_pack

FEWEST_TRIALS = 30  # a task with fewer was still under way when the sweep was stopped


def main() -> None:
    """Reads the history and the datasets, writes the pack and prints its card's counts."""
    options = _options()
    with open_history(options.history, read_only=True) as history:
        tasks = [task for task in history.tasks() if len(task.done) >= FEWEST_TRIALS]
    described = {name: _described(options.datasets, name) for name in {task.name for task in tasks}}
    tasks = [replace(task, metafeatures=described[task.name]) for task in tasks]
    write_pack(tasks, options.pack, card=_card(tasks, options.datasets))
    print(Counter(task.family for task in tasks if task.metric == "accuracy"))
    print(sum(file.stat().st_size for file in Path(options.pack).iterdir()), "bytes")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("history")
    parser.add_argument("datasets", type=Path)
    parser.add_argument("--pack", type=Path, default=PACK)
    return parser.parse_args()


def _described(folder: Path, name: str) -> dict[str, float]:
    data = load_dataset(folder / f"{name}.parquet")
    found = describe(data.X, data.y, target=data.target)
    return {key: float(f"{value:.6g}") for key, value in found.items()}


def _card(tasks: list[Task], folder: Path) -> dict[str, Any]:
    with (folder / "catalogue.csv").open(encoding="utf-8") as file:
        catalogue = {row["name"]: row for row in csv.DictReader(file)}
    names = sorted({task.name for task in tasks})
    return {
        "name": "foretune experience",
        "what": "Cross-validated trials of scikit-learn models on public tabular datasets: configs, scores a "
        "fold, seconds, memory, and the datasets' meta-features. No row of any dataset is in it.",
        "licence": "BSD-3-Clause (the trials are our own measurements)",
        "how": "foretune collect: the standard grid, the library default and Sobol configs of a wide space, "
        "the same for every dataset; 5-fold cross-validation, at most 2,000 rows of a dataset; 12 to 60 s "
        "for a config, else it failed. In these Sobol configs a hyperparameter that may be a number or a "
        "special value (max_depth, max_features, gamma, ccp_alpha) is a number throughout; grid and default "
        "hold the special values.",
        "versions": tasks[0].provenance["versions"],
        "protocol": tasks[0].provenance["protocol"],
        "biases": "Small tabular data (at most 10,000 rows, 2,000 used), few very wide sets, mostly binary "
        "targets; timings are of one shared two-core machine.",
        "datasets": {name: f"{catalogue[name]['source']} {catalogue[name]['item']}" for name in names},
    }


if __name__ == "__main__":
    main()

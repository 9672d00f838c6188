"""Makes the shipped pack from what was collected: trials and meta-features, never the data.

    python benchmarks/make_experience.py DATASETS sqlite:///collected/sweep.db

The pack as it ships is merged in first, so that it grows and never starts over; SOURCES are histories or
other packs. Groups are those of experience_groups.json, and every table is described by today's code, once:
what was described is kept in a file until that code changes. Image tasks (benchmarks/image_sweep.py) keep the
group and the meta-features that they were collected with.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import foretune.features
from catalogue import load_catalogued, read_catalogue
from foretune.collect.datasets import Dataset
from foretune.data.records import Task
from foretune.experience import PACK
from foretune.features.metafeatures import describe
from foretune.history.history import open_history
from foretune.history.parquet import write_pack

FEWEST_TRIALS: Final = 20  # a task with fewer was still under way when the sweep was stopped
IMAGES: Final = "image_height"  # a meta-feature that only images have
GROUPS: Final = Path(__file__).parent / "experience_groups.json"


def main() -> None:
    """Merges the sources, describes the datasets, writes the pack and prints its counts."""
    options = _options()
    present = [str(options.pack)] if options.pack.exists() else []
    tasks = [task for task in merged([*present, *options.sources]) if is_whole(task)]
    described = Descriptions(options.cache)
    datasets = {data.fingerprint: data for data in load_catalogued(options.datasets)}
    groups = json.loads(GROUPS.read_text(encoding="utf-8"))
    tasks = [
        task
        if of_images(task)
        else replace(task, metafeatures=described(datasets[str(task.dataset)]), group=groups.get(task.name))
        for task in tasks
    ]
    write_pack(tasks, options.pack, card=card(tasks, read_catalogue(options.datasets)))
    counts = Counter((task.family, task.provenance["target"]) for task in tasks)
    for (family, target), count in sorted(counts.items()):
        print(f"{family}, {target}: {count} tasks")
    print(sum(file.stat().st_size for file in options.pack.iterdir()), "bytes")


def of_images(task: Task) -> bool:
    """Whether the task's dataset is one of images."""
    return IMAGES in task.metafeatures


def is_whole(task: Task) -> bool:
    """Whether the sweep was through with the task."""
    return len(task.done) >= FEWEST_TRIALS


def merged(sources: Iterable[str]) -> list[Task]:
    """The tasks of all sources; one that several hold has the trials of each, none twice."""
    with TemporaryDirectory() as folder, open_history(Path(folder) / "merged.db") as everything:
        for source in sources:
            with open_history(source, read_only=True) as history:
                everything.add(*history.tasks())
        return list(everything.tasks())


class Descriptions:
    """The meta-features of datasets, kept in a JSON file while the code that describes is the same."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._code = _code_digest()
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._known: dict[str, dict[str, float]] = found.get(self._code, {})

    def __call__(self, data: Dataset) -> Mapping[str, float]:
        """The dataset's meta-features, six digits each."""
        if data.fingerprint not in self._known:
            found = describe(data.X, data.y, target=data.target)
            self._known[data.fingerprint] = {key: float(f"{value:.6g}") for key, value in found.items()}
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps({self._code: self._known}), encoding="utf-8")
        return self._known[data.fingerprint]


def _code_digest() -> str:
    files = sorted(Path(next(iter(foretune.features.__path__))).glob("*.py"))
    return blake2b(b"".join(file.read_bytes() for file in files), digest_size=8).hexdigest()


def card(tasks: list[Task], catalogue: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What the pack says of itself."""
    names = sorted({task.name for task in tasks})
    targets = sorted({task.provenance["target"] for task in tasks})
    versions = [task.provenance["versions"] for task in tasks]
    return {
        "name": "foretune experience",
        "what": "Cross-validated trials of models on public tabular datasets: configs, scores a fold, "
        "seconds, memory, and the datasets' meta-features. No row of any dataset is in it.",
        "licence": "BSD-3-Clause (the trials are our own measurements)",
        "how": "benchmarks/sweep.py: the standard grid, the library default and Sobol configs of a wide "
        "space, the same for every dataset; 5-fold cross-validation, at most 2,000 rows of a dataset; 12 to "
        "60 s for a config, else it failed. A regression's target is standardised by its training part "
        "before the fit, and scores are in its own units. In the Sobol configs of the classification tasks "
        "of decision_tree, random_forest and svm a hyperparameter that may be a number or a special value "
        "(max_depth, max_features, gamma, ccp_alpha) is a number throughout; grid and default hold the "
        "special values.",
        "versions": {name: versions_of(versions, name) for name in sorted({k for v in versions for k in v})},
        "protocol": {
            target: next(task.provenance["protocol"] for task in tasks if task.provenance["target"] == target)
            for target in targets
        },
        "images": "benchmarks/image_sweep.py: images made of MNIST, Fashion-MNIST and a CIFAR-10 subset "
        "(10 to 28 pixels a side, 200 to 800 images); the 12 cells of cnn's grid and 30 Sobol configs, "
        "2 folds.",
        "biases": "Small tabular data (at most 10,000 rows, 2,000 used), few very wide sets, mostly binary "
        "targets; timings are of one shared two-core machine.",
        "datasets": {name: source_of(name, tasks, catalogue) for name in names},
    }


def source_of(name: str, tasks: Iterable[Task], catalogue: Mapping[str, Mapping[str, str]]) -> str:
    """Where the dataset of this name is from; of images, what they were made of."""
    if name in catalogue:
        return f"{catalogue[name]['source']} {catalogue[name]['item']}"
    return f"images of {next(task.group for task in tasks if task.name == name)}"


def versions_of(versions: Iterable[Mapping[str, str]], package: str) -> str:
    """All versions of a package that trials were made with."""
    return ", ".join(sorted({one[package] for one in versions if package in one}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("datasets", type=Path, help="the folder with catalogue.csv")
    parser.add_argument("sources", nargs="*", help="histories (sqlite:///FILE.db) and packs (folders)")
    parser.add_argument("--pack", type=Path, default=PACK, help="merged into, and written")
    parser.add_argument("--cache", type=Path, default=Path("collected/metafeatures.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""What augmentation does for a cnn on CIFAR-10, and what the plan's variants of a dense network do.

    python benchmarks/image_variants.py MNIST.npz CIFAR10.npz --output benchmarks/results/image_variants.json

Each model is trained on images drawn from the training part and judged on the whole test part, with each of
the seeds. What the output file holds already is not trained again; at the end the tables are printed.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np

from foretune.collect.datasets import load_image_dataset
from foretune.collect.families import family
from foretune.data.records import canonical

Run = Mapping[str, Any]
CNN: Final[tuple[dict[str, Any], ...]] = (
    {"augmentation": False},
    {"augmentation": True, "augmentation_strength": 0.5},
    {"augmentation": True, "augmentation_strength": 1.0},
)


def planned(mnist: Path, cifar: Path, seeds: Sequence[int], rows: Mapping[str, int]) -> Iterator[Run]:
    """All runs: place, family, config, number of images, seed."""
    dense = family("dense_net").cells()
    for seed in seeds:
        yield from (_run(cifar, "cnn", config, rows["cnn"], seed) for config in CNN)
        for place, config in product((mnist, cifar), dense):
            yield _run(place, "dense_net", config, rows["dense_net"], seed)


def _run(place: Path, name: str, config: dict[str, Any], rows: int, seed: int) -> Run:
    return {"dataset": place.stem, "family": name, "config": config, "rows": rows, "seed": seed}


def accuracy(run: Run, place: Path) -> float:
    """The share of the test part that the trained network has right."""
    train, test = (load_image_dataset(place, part=part) for part in ("train", "test"))
    train = train.sample(run["rows"], seed=run["seed"])
    model = family(run["family"]).build(run["config"], "classification", seed=run["seed"])
    return float(model.fit(train.pixels, train.y).score(test.pixels, test.y))


def tables(done: Mapping[str, Mapping[str, Any]]) -> str:
    """Accuracy by augmentation, and the mean effect of each choice of the dense network ± standard error."""
    runs = list(done.values())
    lines = ["| cnn on CIFAR-10 | seeds | test accuracy | sd |", "|---|---|---|---|"]
    for config in CNN:
        scores = [run["accuracy"] for run in runs if run["family"] == "cnn" and run["config"] == config]
        if scores:
            lines.append(
                f"| {_text(config)} | {len(scores)} | {np.mean(scores):.4f} | {np.std(scores):.4f} |"
            )
    lines += ["", "| dense_net | change | dataset | effect on accuracy | pairs |", "|---|---|---|---|---|"]
    for dataset in sorted({run["dataset"] for run in runs if run["family"] == "dense_net"}):
        mine = [run for run in runs if run["family"] == "dense_net" and run["dataset"] == dataset]
        lines += [
            _effect(name, list(values), dataset, mine) for name, values in family("dense_net").grid.items()
        ]
    return "\n".join(lines)


def _effect(name: str, values: Sequence[Any], dataset: str, runs: Sequence[Run]) -> str:
    """The paired difference between the second value and the first, all else equal."""
    by_rest = {
        (canonical({k: v for k, v in run["config"].items() if k != name} | {"seed": run["seed"]}), value): run
        for run in runs
        for value in (0, 1)
        if run["config"][name] == values[value]
    }
    found = [
        by_rest[rest, 1]["accuracy"] - run["accuracy"]
        for (rest, value), run in by_rest.items()
        if value == 0 and (rest, 1) in by_rest
    ]
    if not found:
        return f"| {name} | {values[0]} → {values[1]} | {dataset} | – | 0 |"
    error = np.std(found) / max(len(found) - 1, 1) ** 0.5
    return (
        f"| {name} | {values[0]} → {values[1]} | {dataset} | "
        f"{np.mean(found):+.4f} ± {error:.4f} | {len(found)} |"
    )


def _text(config: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in config.items())


def main() -> None:
    """Trains what is missing, one run after the other, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("mnist", type=Path)
    parser.add_argument("cifar", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cnn-rows", type=int, default=3000)
    parser.add_argument("--dense-rows", type=int, default=1000)
    options = parser.parse_args()
    rows = {"cnn": options.cnn_rows, "dense_net": options.dense_rows}
    places = {path.stem: path for path in (options.mnist, options.cifar)}
    done = json.loads(options.output.read_text(encoding="utf-8")) if options.output.exists() else {}
    for run in planned(options.mnist, options.cifar, range(options.seeds), rows):
        if (key := canonical(run)) not in done:
            done[key] = dict(run) | {"accuracy": round(accuracy(run, places[run["dataset"]]), 4)}
            print(done[key], flush=True)
            options.output.parent.mkdir(parents=True, exist_ok=True)
            options.output.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
    print(tables(done))


if __name__ == "__main__":
    main()

"""Image tasks made of MNIST, a CIFAR-10 subset and Fashion-MNIST: class subsets x train sizes x resolutions.

    python benchmarks/image_tasks.py MNIST.npz CIFAR10.npz FASHION_FOLDER

prints them. The group of each is the dataset that it was made of, so that no task of a dataset is ever
learned from when another is judged.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from foretune.collect.datasets import Dataset, load_dataset, make_image_dataset
from foretune.collect.images import Pixels


@dataclass(frozen=True)
class Recipe:
    """Which classes (by their place in sorted order; none = all), how many images, how many pixels a side."""

    classes: Sequence[int]
    images: int
    side: int

    def name(self, source: str) -> str:
        """The task's name: it says all that the task is made of."""
        classes = "".join(map(str, self.classes)) or "all"
        return f"{source}-{classes}-{self.images}-{self.side}px"


RECIPES: Final = (
    Recipe((), 400, 14),
    Recipe((0, 1, 2, 3, 4), 300, 14),
    Recipe((5, 6, 7, 8, 9), 300, 20),
    Recipe((3, 5), 200, 28),
    Recipe((0, 2, 4, 6, 8), 500, 12),
    Recipe((1, 4, 7), 300, 24),
    Recipe((2, 3, 6), 400, 16),
    Recipe((), 800, 10),
)


def image_tasks(places: Sequence[str | Path]) -> Iterator[tuple[Dataset, str]]:
    """Every recipe made of every dataset, with its group; recipe by recipe, so that all groups have some."""
    sources = [load_dataset(place) for place in places]
    for k, recipe in enumerate(RECIPES):
        for data in sources:
            yield image_task(data, recipe, seed=k), data.name


def image_task(data: Dataset, recipe: Recipe, *, seed: int) -> Dataset:
    """The dataset of such images: each class in its share, drawn by the seed, resized by averaging."""
    labels = np.unique(data.y)
    wanted = labels[list(recipe.classes)] if recipe.classes else labels
    chosen = data.part(np.flatnonzero(data.y.isin(wanted))).sample(recipe.images, seed=seed)
    name = recipe.name(data.name)
    return make_image_dataset(name, resized(chosen.pixels, recipe.side), chosen.y, source=data.source)


def resized(images: Pixels, side: int) -> Pixels:
    """Square images (n, side, side, c): each new pixel is the mean of the area that it covers."""
    weights = [_weights(old, side) for old in images.shape[1:3]]
    found = np.einsum("ah,nhwc,bw->nabc", weights[0], images.astype(np.float64), weights[1], optimize=True)
    shrunk: Pixels = np.clip(np.rint(found), 0, 255).astype(np.uint8)
    return shrunk


def _weights(old: int, new: int) -> np.ndarray:
    """The share of each old pixel in each new one, (new, old): rows sum to 1."""
    edges = np.linspace(0.0, old, new + 1)
    starts = np.arange(old)
    overlap = np.minimum(edges[1:, None], starts + 1.0) - np.maximum(edges[:-1, None], starts)
    overlap = np.clip(overlap, 0.0, None)
    return np.asarray(overlap / overlap.sum(axis=1, keepdims=True))


def main() -> None:
    """Prints one line a task."""
    for data, group in image_tasks(sys.argv[1:]):
        print(f"{data.name}: {data.image_shape}, {data.y.nunique()} classes, group {group}")


if __name__ == "__main__":
    main()

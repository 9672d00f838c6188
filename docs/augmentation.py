"""Writes docs/images/augmentation.png, a contact sheet: `python docs/augmentation.py MNIST.npz CIFAR10.npz`.

Each row: an image, then seven changes of it, at full strength; in the last row of a dataset at half strength.
"""

import sys
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image

from foretune.collect.augmentation import Augmentation
from foretune.collect.datasets import load_image_dataset

EACH: Final = 4  # images of each dataset
CHANGES: Final = 7
SCALE: Final = 3  # screen pixels a pixel
GAP: Final = 2


def sheet(images: torch.Tensor, *, flip: bool) -> np.ndarray:
    """Images (n, channels, 32, 32) and their changes side by side, (height, width, 3) bytes."""
    generator, rows = torch.Generator().manual_seed(0), []
    for k, image in enumerate(images, start=1):
        augment = Augmentation(0.5 if k == len(images) else 1.0, flip)
        changed = augment(image.expand(CHANGES, -1, -1, -1), generator)
        rows.append(np.hstack([_framed(one) for one in (image, *changed)]))
    return np.vstack(rows)


def _framed(image: torch.Tensor) -> np.ndarray:
    pixels = (image.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    large = np.kron(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), np.ones((SCALE, SCALE, 1), np.uint8))
    return np.pad(large, ((GAP, GAP), (GAP, GAP), (0, 0)), constant_values=128)


def main() -> None:
    """Draws the sheets of both datasets under each other, at a common size."""
    sheets = []
    for place in sys.argv[1:]:
        data = load_image_dataset(Path(place), part="test")
        pixels = torch.from_numpy(data.pixels[:EACH].copy()).permute(0, 3, 1, 2).float() / 255
        if pixels.shape[-1] < 32:
            pixels = torch.nn.functional.pad(pixels, [(32 - pixels.shape[-1]) // 2] * 4)
        sheets.append(sheet(pixels, flip=pixels.shape[1] > 1))
    target = Path(__file__).parent / "images" / "augmentation.png"
    target.parent.mkdir(exist_ok=True)
    Image.fromarray(np.vstack(sheets)).save(target, optimize=True)


if __name__ == "__main__":
    main()

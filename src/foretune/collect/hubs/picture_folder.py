"""Folders of pictures, each in the folder of its class: CLASS/NAME.png, as torchvision's ImageFolder."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from foretune.collect.hubs.pictures import read_pictures
from foretune.collect.images import Pixels
from foretune.data.errors import DatasetError

ENDINGS: Final = (".png", ".jpg", ".jpeg")


def is_picture_folder(folder: Path) -> bool:
    """Whether pictures lie in the folders in it."""
    return folder.is_dir() and any(map(_is_picture, _files(folder)))


def read_picture_folder(folder: Path) -> tuple[Pixels, list[str]]:
    """The pixels (n, height, width, channels) of all pictures, sorted by class and name, and their classes.

    Other files beside them are left out, with a warning. Raises `DatasetError` as `read_pictures` does.
    """
    files = sorted(_files(folder))
    pictures = [*filter(_is_picture, files)]
    if left_out := len(files) - len(pictures):
        some = next(file for file in files if not _is_picture(file)).relative_to(folder)
        told = f"{left_out} files that do not end with {', '.join(ENDINGS)} are left out, {some} for one"
        warnings.warn(f"{folder.name}: {told}.", stacklevel=3)
    return read_pictures(pictures, folder.name), [file.parent.name for file in pictures]


def no_dataset(folder: Path) -> DatasetError:
    """The error for a folder that is no dataset: what to name, or to make, instead."""
    parts = sorted(str(part) for part in folder.iterdir() if is_picture_folder(part))
    if parts:
        return DatasetError(f"{folder} holds several parts with pictures: name one of them, {parts[0]}.")
    return DatasetError(
        f"{folder} is a folder of no dataset's: name one file in it. Pictures are read from folders of their "
        "classes, CLASS/NAME.png, or as arrays from an NPZ file: np.savez('images.npz', x=images, y=labels)."
    )


def _files(folder: Path) -> Iterator[Path]:
    """The files in its folders, hidden ones left out."""
    for file in folder.glob("*/*"):
        if file.is_file() and not file.name.startswith(".") and not file.parent.name.startswith("."):
            yield file


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in ENDINGS

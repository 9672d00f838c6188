"""Images and their labels from files: NPZ archives of arrays, and folders of IDX files as MNIST comes in."""

import gzip
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Literal, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import ArrayLike, NDArray

from foretune.data.bounds import DAMAGED_ZIP
from foretune.data.errors import DatasetError

Pixels = NDArray[np.uint8]
Labels = NDArray[Any]
Part = Literal["all", "train", "test"]

LARGEST_BYTES: Final = 2**31  # of one array once unpacked: a small file may unpack to anything
CHANNELS: Final = (1, 3, 4)
PARTS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "train": [("x_train", "y_train"), ("X_train", "y_train"), ("train_images", "train_labels")],
    "test": [("x_test", "y_test"), ("X_test", "y_test"), ("test_images", "test_labels")],
    "all": [("x", "y"), ("X", "y"), ("images", "labels"), ("data", "labels")],
}
"""The names under which an NPZ archive may hold (images, labels)."""
IDX_NAMES: Final[Mapping[str, str]] = {"train": "train", "test": "t10k"}


def read_images(path: Path, part: Part = "all") -> tuple[Pixels, Labels]:
    """The images (n, height, width, channels) and labels (n,) of an NPZ file or of a folder of IDX files.

    Where there are a training and a test part, `part` says which; "all" has the training part first.
    Raises `DatasetError` where the file is damaged, holds Python objects, unpacks to more than 2 GiB an
    array, or holds no images with labels under the names that are known.
    """
    images, labels = _read_idx(path, part) if path.is_dir() else _read_npz(path, part)
    return as_pixels(images, path.name), as_labels(labels, path.name)


def as_labels(labels: NDArray[Any], name: str) -> Labels:
    """The labels as (n,), of which a column (n, 1) is another form."""
    labels = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim != 1:
        raise DatasetError(f"{name}: labels have shape {labels.shape}: give one for each image.")
    return labels


def as_pixels(given: ArrayLike, name: str = "X") -> Pixels:
    """The images as bytes (n, height, width, channels): whole numbers in 0..255, or floats in [0, 1]."""
    try:
        images = np.asarray(given)
    except ValueError:
        raise DatasetError(f"{name}: images differ in size: give all the same size.") from None
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in CHANNELS or 0 in images.shape:
        raise DatasetError(
            f"{name}: images have shape {images.shape}: give (n, height, width) for grey ones, or "
            f"(n, height, width, channels) with {', '.join(map(str, CHANNELS))} channels."
        )
    if images.dtype == np.uint8:
        return cast("Pixels", images)
    if not np.issubdtype(images.dtype, np.integer) and not np.issubdtype(images.dtype, np.floating):
        raise DatasetError(f"{name}: images are {images.dtype}: give bytes, or floats in [0, 1].")
    top = 1.0 if np.issubdtype(images.dtype, np.floating) else 255.0
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= top):  # also where one is NaN
        raise DatasetError(
            f"{name}: pixels lie in [{low:g}, {high:g}]: give whole numbers in 0..255, or floats in [0, 1]."
        )
    return np.rint(images * (255.0 / top)).astype(np.uint8)


def is_idx_folder(path: Path) -> bool:
    """Whether the folder holds IDX files with MNIST's names, packed by gzip or not."""
    return path.is_dir() and any(_idx_file(path, f"{name}-images-idx3") for name in IDX_NAMES.values())


def _joined(parts: Iterable[tuple[NDArray[Any], Labels]], name: str) -> tuple[NDArray[Any], Labels]:
    images, labels = map(list, zip(*parts, strict=True))
    if any(one.shape[1:] != images[0].shape[1:] for one in images):
        raise DatasetError(f"{name}: training and test images differ in size: give images of one size.")
    for of, what in zip(images, labels, strict=True):
        if what.ndim and len(what) != len(of):
            raise DatasetError(
                f"{name} has {len(of)} images but {len(what)} labels in one part: give one label an image."
            )
    if len(images) == 1:
        return images[0], labels[0]
    return np.concatenate(images), np.concatenate(labels)


def _wanted(part: Part) -> list[str]:
    return ["train", "test"] if part == "all" else [part]


def _read_npz(path: Path, part: Part) -> tuple[NDArray[Any], Labels]:
    try:
        with zipfile.ZipFile(path) as archive:
            held = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
            pairs = [pair for kind in _wanted(part) for pair in PARTS[kind] if held.issuperset(pair)]
            if part == "all" and not pairs:
                pairs = [pair for pair in PARTS["all"] if held.issuperset(pair)][:1]
            if not pairs:
                raise DatasetError(
                    f"{path.name} holds {', '.join(sorted(held)[:8]) or 'nothing'}: name the arrays x and y, "
                    "images and labels, or x_train, y_train, x_test and y_test."
                )
            found = [(_member(archive, x, path.name), _member(archive, y, path.name)) for x, y in pairs]
            return _joined(found, path.name)
    except DAMAGED_ZIP as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path.name} cannot be read as NPZ: {str(error).splitlines()[0]}") from error


def _member(archive: zipfile.ZipFile, name: str, file: str) -> NDArray[Any]:
    """One array of the archive; its header is read first, so that nothing large is unpacked unasked."""
    _check_size((archive.getinfo(f"{name}.npy").file_size,), 1, f"{file}: {name}")
    with archive.open(f"{name}.npy") as member:
        version = npy.read_magic(member)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(member)
        if dtype.hasobject:
            raise DatasetError(f"{file}: {name} holds Python objects, which foretune never unpacks.")
        _check_size(shape, dtype.itemsize, f"{file}: {name}")
    with archive.open(f"{name}.npy") as member:
        return np.asarray(npy.read_array(member, allow_pickle=False))


def _check_size(shape: Sequence[int], item_bytes: int, what: str) -> None:
    size = item_bytes
    for side in shape:
        size *= side
    if size > LARGEST_BYTES:
        raise DatasetError(
            f"{what} would unpack to {size / 2**30:.1f} GiB, more than {LARGEST_BYTES / 2**30:.0f}: "
            "store fewer or smaller images."
        )


def _read_idx(folder: Path, part: Part) -> tuple[NDArray[Any], Labels]:
    found = []
    for kind in _wanted(part):
        files = [_idx_file(folder, f"{IDX_NAMES[kind]}-{what}") for what in ("images-idx3", "labels-idx1")]
        if files[0] is not None and files[1] is not None:
            found.append((_idx_array(files[0], 3), _idx_array(files[1], 1)))
    if not found:
        raise DatasetError(
            f"the folder {folder.name!r} holds no IDX images with labels: "
            "it needs train-images-idx3-ubyte and train-labels-idx1-ubyte, packed by gzip or not."
        )
    return _joined(found, folder.name)


def _idx_file(folder: Path, stem: str) -> Path | None:
    places = (folder / f"{stem}-ubyte{ending}" for ending in ("", ".gz"))
    return next((place for place in places if place.is_file()), None)


def _idx_array(path: Path, dimensions: int) -> Pixels:
    """The bytes of an IDX file: magic number, the sides as big-endian 32-bit numbers, then the data."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _idx_bytes(cast("IO[bytes]", file), path.name, dimensions)
    except (OSError, EOFError, zlib.error) as error:  # a damaged gzip file is any of them
        raise DatasetError(f"{path.name} cannot be read: {error}") from error


def _idx_bytes(file: IO[bytes], name: str, dimensions: int) -> Pixels:
    head = file.read(4 + 4 * dimensions)
    if len(head) < 4 + 4 * dimensions or head[:4] != bytes([0, 0, 8, dimensions]):
        raise DatasetError(f"{name} is no IDX file of bytes in {dimensions} dimension(s).")
    shape = [int(side) for side in np.frombuffer(head, dtype=">u4", offset=4)]
    _check_size(shape, 1, name)
    count = int(np.prod(shape, dtype=np.int64))
    data = file.read(count)
    if len(data) < count:
        raise DatasetError(f"{name} is cut short: {len(data)} of {count} bytes are there.")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)

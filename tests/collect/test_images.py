"""Images from NPZ and IDX files, what is refused, and the rows of pixels that they become."""

import gzip
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.lib import format as npy

from foretune.collect.datasets import (
    Dataset,
    dataset_sources,
    load_dataset,
    load_image_dataset,
    make_image_dataset,
)
from foretune.collect.images import as_pixels
from foretune.data.errors import DatasetError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 5, 4, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3


def idx(array: np.ndarray) -> bytes:
    """The array of bytes as an IDX file."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def idx_folder(folder: Path, images: np.ndarray, labels: np.ndarray, *, part: str = "train") -> Path:
    """A folder with such images: the training part packed, the test part not."""
    folder.mkdir(exist_ok=True)
    pack, ending = (gzip.compress, ".gz") if part == "train" else (bytes, "")
    (folder / f"{part}-images-idx3-ubyte{ending}").write_bytes(pack(idx(images)))
    (folder / f"{part}-labels-idx1-ubyte{ending}").write_bytes(pack(idx(labels.astype(np.uint8))))
    return folder


def test_any_damage_within_a_packed_file_is_told(tmp_path: Path) -> None:
    """Wherever one byte of a packed IDX or NPZ file is another, it is read or refused in words."""
    whole = gzip.compress(idx(IMAGES[..., 0]))
    folder = idx_folder(tmp_path / "idx", IMAGES[..., 0], LABELS)
    np.savez_compressed(tmp_path / "small.npz", x=IMAGES, y=LABELS)
    packed = (tmp_path / "small.npz").read_bytes()
    refused = 0
    for path, content in (
        (folder / "train-images-idx3-ubyte.gz", whole),
        (tmp_path / "small.npz", packed),
    ):
        for place in range(0, len(content), 9):
            path.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
            try:
                load_dataset(folder if path.parent == folder else path)
            except DatasetError:
                refused += 1
    assert refused > 10


def test_members_that_are_no_arrays_are_not_taken_for_some(tmp_path: Path) -> None:
    """An archive whose members only bear the names of arrays is refused in words."""
    with zipfile.ZipFile(tmp_path / "odd.npz", "w") as archive:
        archive.writestr("x", b"1")
        archive.writestr("y", b"2")
    with pytest.raises(DatasetError, match="name the arrays x and y"):
        load_dataset(tmp_path / "odd.npz")


@pytest.mark.parametrize("names", [("x", "y"), ("X", "y"), ("images", "labels"), ("x_train", "y_train")])
def test_an_npz_file_gives_its_images_as_rows_of_pixels(tmp_path: Path, names: tuple[str, str]) -> None:
    """Under each of the known names the images come back, unchanged, with their labels."""
    np.savez_compressed(tmp_path / "small.npz", **dict(zip(names, (IMAGES, LABELS), strict=True)))
    data = load_dataset(tmp_path / "small.npz")
    assert (data.name, data.target, data.image_shape) == ("small", "classification", (5, 4, 3))
    assert data.X.shape == (12, 60)
    np.testing.assert_array_equal(data.pixels, IMAGES)
    assert list(data.y) == list(LABELS)


def test_training_and_test_parts_can_be_told_apart(tmp_path: Path) -> None:
    """All images are those of the training part and then those of the test part; each can be had alone."""
    path = tmp_path / "parts.npz"
    np.savez(path, x_train=IMAGES[:9], y_train=LABELS[:9], x_test=IMAGES[9:], y_test=LABELS[9:])
    np.testing.assert_array_equal(load_dataset(path).pixels, IMAGES)
    np.testing.assert_array_equal(load_image_dataset(path, part="train").pixels, IMAGES[:9])
    np.testing.assert_array_equal(load_image_dataset(path, part="test").pixels, IMAGES[9:])


def test_a_folder_of_idx_files_is_one_dataset(tmp_path: Path) -> None:
    """MNIST's own format is read, packed or not, and a folder of it is one place."""
    grey = IMAGES[..., 0]
    folder = idx_folder(tmp_path / "digits", grey[:9], LABELS[:9])
    idx_folder(folder, grey[9:], LABELS[9:], part="t10k")
    assert list(dataset_sources([str(folder)])) == [str(folder)]
    data = load_dataset(folder)
    assert (data.name, data.image_shape) == ("digits", (5, 4, 1))
    np.testing.assert_array_equal(data.pixels[..., 0], grey)
    assert list(data.y) == list(LABELS)


def test_text_may_be_a_label() -> None:
    """Labels are whatever names the classes."""
    data = make_image_dataset("pets", IMAGES[:4], ["cat", "dog", "cat", "dog"])
    assert list(data.y) == ["cat", "dog", "cat", "dog"]


def test_a_column_of_labels_is_one_label_an_image() -> None:
    """Labels (n, 1), as Keras gives them, are taken; one-hot ones are refused in words."""
    assert list(make_image_dataset("pets", IMAGES, LABELS[:, None]).y) == list(LABELS)
    with pytest.raises(DatasetError, match=r"pets: labels have shape \(12, 3\): give one for each image"):
        make_image_dataset("pets", IMAGES, np.eye(3)[LABELS])


def test_floats_and_whole_numbers_become_bytes() -> None:
    """Floats in [0, 1] and whole numbers in 0..255 are the same pixels as bytes."""
    np.testing.assert_array_equal(as_pixels(IMAGES / 255.0), IMAGES)
    np.testing.assert_array_equal(as_pixels(IMAGES.astype(np.int64)), IMAGES)


def test_samples_and_parts_stay_images() -> None:
    """A sample keeps the shape, and each image its label; a pixel that is constant stays."""
    images = IMAGES.copy()
    images[:, 0, 0] = 0
    data = make_image_dataset("small", images, LABELS).sample(6)
    assert (data.image_shape, data.X.shape) == ((5, 4, 3), (6, 60))
    assert data.y.value_counts().tolist() == [2, 2, 2]
    where = [int(np.flatnonzero((images == image).all((1, 2, 3)))[0]) for image in data.pixels]
    assert list(data.y) == list(LABELS[where])


def test_a_fingerprint_knows_where_pixels_are() -> None:
    """Shuffled images are the same dataset; mirrored images, other labels or another shape are not."""
    data, order = make_image_dataset("a", IMAGES, LABELS), RNG.permutation(12)
    assert make_image_dataset("b", IMAGES[order], LABELS[order]) == data
    for other in (
        make_image_dataset("c", IMAGES[:, :, ::-1], LABELS),
        make_image_dataset("d", IMAGES, LABELS[::-1]),
        make_image_dataset("e", IMAGES.reshape(12, 4, 5, 3), LABELS),
    ):
        assert other != data


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 4)), r"images have shape \(3, 4\)"),
        (np.zeros((3, 4, 4, 2)), "with 1, 3, 4 channels"),
        (np.full((3, 4, 4), 2.0), r"pixels lie in \[2, 2\]"),
        (np.full((3, 4, 4), -1), r"pixels lie in \[-1, -1\]"),
        (np.full((3, 4, 4), np.nan), "pixels lie in"),
        (np.full((3, 4, 4), "a"), "images are <U1"),
        ([np.zeros((2, 2)), np.zeros((3, 3))], "images differ in size"),
    ],
)
def test_what_is_no_image_is_refused(images: Any, message: str) -> None:
    """Arrays of another shape, range or kind raise one line that says what to give."""
    with pytest.raises(DatasetError, match=message):
        as_pixels(images)


def test_objects_are_never_unpacked(tmp_path: Path) -> None:
    """An array of Python objects, which only pickle could read, is refused by its header."""
    np.savez(tmp_path / "bad.npz", x=IMAGES, y=np.array([{"a": 1}] * 12, dtype=object))
    with pytest.raises(DatasetError, match="y holds Python objects"):
        load_dataset(tmp_path / "bad.npz")


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    """An array that says it is huge is refused before a byte of it is unpacked."""
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        for name in ("x", "y"):
            with archive.open(f"{name}.npy", "w") as member:
                header = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 1000, 1000)}
                npy.write_array_header_1_0(member, header)
    with pytest.raises(DatasetError, match=r"would unpack to 931\.3 GiB, more than 2"):
        load_dataset(tmp_path / "bomb.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": IMAGES}, "bad.npz holds x: name the arrays x and y"),
        ({"x": IMAGES, "y": LABELS[:5]}, "12 images but 5 labels"),
        (
            {"x_train": IMAGES[:6], "y_train": LABELS[:5], "x_test": IMAGES[6:], "y_test": LABELS[5:]},
            "6 images but 5 labels in one part",
        ),
        ({"x": IMAGES, "y": np.zeros((12, 2))}, r"labels have shape \(12, 2\)"),
        ({"x": IMAGES, "y": np.zeros(12)}, "has one class only"),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:, 1:], "y_test": LABELS},
            "differ in size",
        ),
    ],
)
def test_an_npz_file_without_a_dataset_is_refused(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    """What is missing or does not fit is one line that says what was wanted."""
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DatasetError, match=message):
        load_dataset(tmp_path / "bad.npz")


@pytest.mark.parametrize("cut", [0, 3, 60, 300])
def test_damaged_files_are_refused(tmp_path: Path, cut: int) -> None:
    """A file that was cut short anywhere is a DatasetError, whatever reads it."""
    np.savez_compressed(tmp_path / "whole.npz", x=IMAGES, y=LABELS)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:cut])
    with pytest.raises(DatasetError, match=r"cut.npz cannot be read as NPZ"):
        load_dataset(tmp_path / "cut.npz")
    folder = idx_folder(tmp_path / "idx", IMAGES[..., 0], LABELS)
    for packed in (True, False):
        path = folder / f"train-images-idx3-ubyte{'.gz' if packed else ''}"
        whole = idx(IMAGES[..., 0])
        path.write_bytes(gzip.compress(whole)[:-9] if packed else whole[: min(cut, len(whole) - 1)])
        with pytest.raises(DatasetError, match="train-images"):
            load_dataset(folder)


def test_columns_that_are_no_images_are_refused() -> None:
    """The image shape must account for all the columns."""
    with pytest.raises(DatasetError, match="5 columns are no images"):
        Dataset("d", pd.DataFrame(np.zeros((4, 5))), pd.Series([0, 1, 0, 1]), "classification", "", (2, 2, 1))
    with pytest.raises(DatasetError, match="iris holds no images"):
        _ = load_dataset("iris").pixels

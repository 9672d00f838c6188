"""Folders of pictures, each in the folder of its class."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foretune.collect.datasets import dataset_sources, load_dataset
from foretune.data.errors import DatasetError, MissingExtraError

SHADES = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder of three cats and three dogs, 4 x 5 pixels in colour, and what a desktop leaves in it."""
    for k, pixels in enumerate(SHADES):
        file = tmp_path / "pets" / ("cat" if k < 3 else "dog") / f"{k}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)
    (tmp_path / "pets" / "cat" / ".DS_Store").write_bytes(b"x")
    return tmp_path / "pets"


def test_the_folder_of_a_picture_is_its_class(pets: Path) -> None:
    """Every picture comes back to the pixel, sorted by class and name."""
    data = load_dataset(pets)
    np.testing.assert_array_equal(data.pixels, SHADES)
    assert (data.name, data.y.tolist()) == ("pets", ["cat"] * 3 + ["dog"] * 3)
    assert (data.target, data.image_shape) == ("classification", (4, 5, 3))
    assert [*dataset_sources([str(pets)])] == [str(pets)]


def test_other_files_are_left_out_and_told_of(pets: Path) -> None:
    """What is no PNG or JPEG beside the pictures is no picture, and is named."""
    (pets / "dog" / "notes.txt").write_text("good dog")
    with pytest.warns(UserWarning, match=r"1 files that do not end with .*, dog/notes.txt for one"):
        assert len(load_dataset(pets).X) == 6


@pytest.mark.parametrize("kind", ["damaged", "of another size"])
def test_a_bad_picture_is_told_by_its_place(pets: Path, kind: str) -> None:
    """One that is damaged or of another size is named, and what is wanted."""
    odd = pets / "dog" / "9.jpg"
    if kind == "damaged":
        odd.write_bytes(b"no picture")
    else:
        Image.new("RGB", (7, 7)).save(odd)
    with pytest.raises(DatasetError, match=r"pets: dog/9.jpg is .*(save it as|give all the same size)"):
        load_dataset(pets)


def test_a_folder_of_such_folders_says_which_may_be_named(pets: Path) -> None:
    """Where the pictures lie in parts, train and test, one of them is to be named."""
    with pytest.raises(DatasetError, match=r"several parts with pictures: name one of them, .*pets"):
        load_dataset(pets.parent)


def test_a_folder_without_pictures_says_how_to_give_them(tmp_path: Path) -> None:
    """The error names the layout, and the two words that make an NPZ file."""
    Image.new("L", (2, 2)).save(tmp_path / "loose.png")
    with pytest.raises(DatasetError, match=r"no dataset's.* CLASS/NAME.png.* np.savez\("):
        load_dataset(tmp_path)


def test_a_folder_of_tables_stays_one(pets: Path) -> None:
    """Tables go before pictures that lie in folders beside them, as plots do."""
    (pets / "table.csv").write_text("a,target\n1,x\n2,y\n")
    assert [*dataset_sources([str(pets)])] == [str(pets / "table.csv")]


def test_without_pillow_the_extra_is_named(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow is optional: without it the error says what to install."""
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r"foretune\[huggingface\]"):
        load_dataset(pets)

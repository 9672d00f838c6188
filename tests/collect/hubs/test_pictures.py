"""Pictures become pixels; those that cannot are refused before they are unpacked."""

import struct
import sys
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from foretune.collect.hubs import pictures
from foretune.collect.hubs.pictures import decode_pictures
from foretune.data.errors import DatasetError, MissingExtraError


def encoded(picture: Image.Image, form: str = "PNG") -> bytes:
    """The picture as a file."""
    file = BytesIO()
    picture.save(file, form)
    return file.getvalue()


def column(*files: bytes | None) -> Any:
    """Such a column as Hugging Face datasets have."""
    return pa.array([{"bytes": file, "path": None} for file in files])


def noise(*shape: int) -> np.ndarray[Any, Any]:
    """Pixels at random."""
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4)])
def test_a_png_comes_back_to_the_pixel(shape: tuple[int, ...]) -> None:
    """Grey, coloured and transparent pictures keep every pixel and their channels."""
    pixels = noise(*shape)
    found = decode_pictures(
        column(encoded(Image.fromarray(pixels)), encoded(Image.fromarray(255 - pixels))), "d"
    )
    assert found.shape == (2, 5, 7, shape[2] if len(shape) == 3 else 1)
    np.testing.assert_array_equal(found[0].reshape(shape), pixels)
    np.testing.assert_array_equal(found[1].reshape(shape), 255 - pixels)


def test_a_jpeg_is_read() -> None:
    """A JPEG of one colour has that colour, as nearly as it stores it."""
    found = decode_pictures(column(encoded(Image.new("RGB", (8, 8), (200, 100, 50)), "JPEG")), "d")
    assert found.shape == (1, 8, 8, 3)
    assert np.abs(found.astype(int) - [200, 100, 50]).max() <= 3


@pytest.mark.parametrize(("mode", "channels"), [("1", 1), ("P", 3), ("LA", 4), ("CMYK", 3)])
def test_other_kinds_become_the_nearest(mode: str, channels: int) -> None:
    """Black and white, palettes, grey with transparency and print colours become grey, RGB or RGBA."""
    form = "JPEG" if mode == "CMYK" else "PNG"
    assert decode_pictures(column(encoded(Image.new(mode, (3, 2)), form)), "d").shape == (1, 2, 3, channels)


def test_mixed_kinds_become_the_widest() -> None:
    """A grey picture among coloured ones has its grey in each channel."""
    grey, coloured = Image.new("L", (2, 2), 9), Image.new("RGB", (2, 2), (1, 2, 3))
    found = decode_pictures(column(encoded(grey), encoded(coloured)), "d")
    assert found[:, 0, 0].tolist() == [[9, 9, 9], [1, 2, 3]]


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has that size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


GREY = encoded(Image.new("L", (4, 4)))
BAD = {
    "damaged": (GREY[:40], "row 1 is no readable PNG or JPEG"),
    "text": (b"GIF89a and more", "row 1 is no readable PNG or JPEG: save it as one of them"),
    "gif": (encoded(Image.new("L", (4, 4)), "GIF"), "row 1 is no readable PNG or JPEG"),
    "size": (
        encoded(Image.new("L", (4, 5))),
        r"row 1 is 4 x 5 pixels, the first 4 x 4: give all the same size",
    ),
    "deep": (encoded(Image.new("I;16", (4, 4))), "is of the kind I;16: save it with 8 bits"),
    "large": (bomb(3000, 3000), "row 1 is 3000 x 3000 pixels"),
    "warned of": (bomb(12000, 12000), "row 1 is 12000 x 12000 pixels"),
    "huge": (bomb(2**31 - 1, 2**31 - 1), "row 1 is no readable PNG or JPEG"),
    "nothing": (None, "row 1 holds no picture: embed the bytes"),
    "empty": (b"", "row 1 holds no picture"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_picture_is_told_by_its_row(kind: str) -> None:
    """Damaged, foreign, odd-sized, too deep, missing and exploding pictures are refused in one line."""
    content, words = BAD[kind]
    with pytest.raises(DatasetError, match=words) as caught:
        decode_pictures(column(GREY, content), "d")
    assert "\n" not in str(caught.value)


def test_many_pictures_are_bounded_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only each picture but all together may have so many bytes."""
    monkeypatch.setattr(pictures, "LARGEST_BYTES", 100)
    with pytest.raises(DatasetError, match=r"4 x 4 pixels, and there are 3: make them smaller"):
        decode_pictures(column(GREY, GREY, GREY), "d")


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Pillow is not installed, the error says what to install."""
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r"foretune\[huggingface\]"):
        decode_pictures(column(GREY), "d")

"""Pictures in PNG or JPEG as one array of pixels."""

import warnings
from collections.abc import Sequence
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from foretune.collect.images import Pixels
from foretune.data.bounds import content_of
from foretune.data.errors import DatasetError, MissingExtraError

FORMATS: Final = ("PNG", "JPEG")
MOST_PIXELS: Final = 2**22  # of one picture: a file of a few bytes may say that it has any size
LARGEST_BYTES: Final = 2**31  # of all
MODES: Final = {"1": "L", "L": "L", "LA": "RGBA", "P": "RGB", "PA": "RGBA", "CMYK": "RGB", "YCbCr": "RGB"}
WIDEST: Final = ("L", "RGB", "RGBA")  # pictures of several kinds all become the widest of theirs


def decode_pictures(pictures: Any, name: str) -> Pixels:
    """The pixels (n, height, width, channels) of n pictures, a column of {bytes, path}, all of one size.

    Grey ones have one channel, coloured ones three, ones with transparency four. Raises `DatasetError` where
    a picture is missing, damaged, larger than the bound, or of another size than the first, and
    `MissingExtraError` without Pillow.
    """
    decoded: list[Any] = []
    for row, picture in enumerate(pictures):
        encoded = picture["bytes"].as_py() if picture.is_valid else None
        if not encoded:
            raise DatasetError(
                f"{name}: row {row} holds no picture: embed the bytes of each in the Parquet file."
            )
        decoded.append(_decoded(encoded, f"{name}: the picture in row {row}", decoded[:1], len(pictures)))
    return _stacked(decoded)


def read_pictures(files: Sequence[Path], name: str) -> Pixels:
    """The pixels (n, height, width, channels) of n files, on the same terms as `decode_pictures`."""
    decoded: list[Any] = []
    for file in files:
        encoded = content_of(file, most=LARGEST_BYTES, error=DatasetError)
        what = f"{name}: {file.parent.name}/{file.name}"
        decoded.append(_decoded(encoded, what, decoded[:1], len(files)))
    return _stacked(decoded)


def _decoded(encoded: bytes, what: str, first: Sequence[Any], count: int) -> Any:
    """One picture, unpacked only after its size was looked at."""
    pillow = _pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs, which the bound below is for
            picture = pillow.open(BytesIO(encoded), formats=FORMATS)
        _check_size(picture.size, what, first, count)
        mode = MODES.get(picture.mode, picture.mode)
        if mode not in WIDEST:
            raise DatasetError(f"{what} is of the kind {picture.mode}: save it with 8 bits a channel.")
        picture.load()
        return picture if picture.mode == mode else picture.convert(mode)
    except pillow.UnidentifiedImageError:
        raise DatasetError(f"{what} is no readable PNG or JPEG: save it as one of them.") from None
    except (OSError, SyntaxError, ValueError, pillow.DecompressionBombError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{what} is no readable PNG or JPEG: {str(error).splitlines()[0]}") from error


def _check_size(size: tuple[int, int], what: str, first: Sequence[Any], count: int) -> None:
    pixels = size[0] * size[1]
    if pixels > MOST_PIXELS or pixels * 3 * count > LARGEST_BYTES:
        raise DatasetError(
            f"{what} is {size[0]} x {size[1]} pixels, and there are {count}: make them smaller, at most "
            f"{MOST_PIXELS} pixels each and {LARGEST_BYTES / 2**30:.0f} GiB in all."
        )
    if first and first[0].size != size:
        raise DatasetError(
            f"{what} is {size[0]} x {size[1]} pixels, the first {first[0].size[0]} x {first[0].size[1]}: "
            "give all the same size."
        )


def _stacked(decoded: Sequence[Any]) -> Pixels:
    mode = max((picture.mode for picture in decoded), key=WIDEST.index)
    alike = (picture if picture.mode == mode else picture.convert(mode) for picture in decoded)
    pixels = cast("Pixels", np.stack([np.asarray(picture, dtype=np.uint8) for picture in alike]))
    return pixels[..., None] if pixels.ndim == 3 else pixels


def _pillow() -> Any:
    try:
        return import_module("PIL.Image")
    except ImportError:
        raise MissingExtraError(
            "datasets of pictures need Pillow: pip install 'foretune[huggingface]'."
        ) from None

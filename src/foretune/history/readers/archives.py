"""Files in zip archives that others made, read within bounds."""

import zipfile
from pathlib import Path
from typing import Final

from foretune.data.bounds import DAMAGED_ZIP
from foretune.data.errors import HistoryError

MOST_BYTES: Final = 2**28  # that a packed file may have; a CSV of ten million cells


def text_in(archive: Path, name: str, *, most_bytes: int = MOST_BYTES) -> str:
    """The text of the file of this name in a zip archive; nothing is unpacked to disk.

    Raises `HistoryError` where it is no archive, lacks the file, or the file has more than `most_bytes`,
    whatever the archive says of its size.
    """
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(name) as file:
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise HistoryError(
                f"{name} in {archive.name} is larger than {most_bytes:,} bytes: split it, import the parts."
            )
        return content.decode("utf-8-sig")
    except KeyError:
        raise HistoryError(f"{archive.name} holds no {name}: give the archive that the tool wrote.") from None
    except DAMAGED_ZIP as error:
        raise HistoryError(
            f"{archive.name} cannot be read ({type(error).__name__}: {str(error)[:80]}): "
            "take it from its source again."
        ) from None

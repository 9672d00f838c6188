"""What parts the cells of a text file: commas, tabs, or semicolons where commas are the decimal sign."""

from pathlib import Path
from typing import Final

SEPARATORS: Final = {".csv": ",", ".tsv": "\t"}
MOST_HEAD: Final = 1_000_000  # bytes of a header that are looked at


def separator_of(path: Path) -> str:
    """What parts the cells of a .csv or .tsv file: as much of Europe writes it, a semicolon."""
    usual = SEPARATORS[path.suffix.lower()]
    with path.open("rb") as file:
        head = file.readline(MOST_HEAD)
    return ";" if usual == "," and b";" in head and b"," not in head else usual

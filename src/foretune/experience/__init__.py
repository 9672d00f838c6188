"""The shipped experience: trials of our own on public datasets, as a pack; never the data themselves."""

from pathlib import Path
from typing import Final

PACK: Final = Path(__file__).parent / "pack"
REHEARSALS: Final = Path(__file__).parent / "rehearsals.json"  # what `auto` learned by rehearsing on the pack

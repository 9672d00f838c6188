"""Folders of results: the one given, or those in it, and which of them are named."""

from collections.abc import Sequence
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Final

from foretune.data.errors import HistoryError

MOST_DEPTH: Final = 2  # folders below the one given in which runs are looked for


def folder_at(place: str | PathLike[str]) -> Path:
    """The folder; a `HistoryError` where there is none."""
    path = Path(place)
    try:
        there = path.is_dir()
    except (OSError, ValueError):  # a name that the system takes for no path
        there = False
    if not there:
        raise HistoryError(f"there is no folder {str(place)[:200]!r}: give the folder that the tool wrote.")
    return path


def folders_in(place: Path, pattern: str) -> list[Path]:
    """The folders that hold something of this pattern: the place itself, else those below it, by their names.

    Links are not followed out of the place.
    """
    level = [place]
    for _ in range(MOST_DEPTH + 1):
        if found := [folder for folder in level if any(folder.glob(pattern))]:
            return found
        level = [
            one
            for folder in level
            for one in sorted(folder.iterdir())
            if one.is_dir() and not one.is_symlink()
        ]
    return []


def named(folders: Sequence[Path], study: str | Sequence[str] | None) -> list[Path]:
    """The folders of these names, or all; a `HistoryError` where one is not there."""
    if study is None:
        return list(folders)
    known = {folder.name: folder for folder in folders}
    for name in (wanted := [study] if isinstance(study, str) else list(study)):
        if name not in known:
            near = get_close_matches(name, [*known], n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join([*known][:8]) or 'none'}."
            raise HistoryError(f"there is no experiment {name[:60]!r}: {hint}")
    return [known[name] for name in dict.fromkeys(wanted)]

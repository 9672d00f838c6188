"""Trainings that an experiment has done: each config once, and again after a stop none of them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from foretune.collect.evaluation import Measurement
from foretune.data.bounds import content_of, parsed
from foretune.data.errors import HistoryError
from foretune.data.records import canonical

PARTS: Final = ("scores", "costs", "curves")


class Measured:
    """Measurements by what was measured; in a file as well where a path is given, a JSON line for each.

    A file that is there already is what a stopped experiment left: its measurements are not made again.
    Raises `HistoryError` where it holds anything else; a last line that was cut off is measured anew.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._known: dict[str, Measurement] = {}
        if path is not None and path.exists():
            self._read(path)

    def __len__(self) -> int:
        return len(self._known)

    def once(self, what: Mapping[str, Any], measure: Callable[[], Measurement]) -> Measurement:
        """The measurement of what these plain words name, made where there is none yet."""
        key = canonical(what)
        if key not in self._known:
            self._known[key] = measure()
            if self.path is not None:
                self._write(self.path, key)
        return self._known[key]

    def forget(self) -> None:
        """Deletes the file: the experiment is done."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _write(self, path: Path, key: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"what": key} | asdict(self._known[key]))
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _read(self, path: Path) -> None:
        whole, _, cut = content_of(path).rpartition(b"\n")
        for line in whole.splitlines():
            found = parsed(line, str(path))
            try:
                self._known[str(found["what"])] = Measurement(**{part: dict(found[part]) for part in PARTS})
            except (KeyError, TypeError, ValueError):
                raise HistoryError(f"{path} is no list of measurements: delete it.") from None
        if cut:  # the next line must not be written behind it
            path.write_bytes(whole + b"\n" if whole else b"")

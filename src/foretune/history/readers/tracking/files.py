"""MLflow's file store: a folder `mlruns`, a folder an experiment, a folder a run, a file a value."""

import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from foretune.data.errors import HistoryError
from foretune.history.readers.runs import number_of
from foretune.history.readers.tracking.record import (
    CONTEXT,
    Dataset,
    Experiment,
    Point,
    Recorded,
    in_order,
    point_of,
)
from foretune.history.readers.untrusted import text_at

T = TypeVar("T")
META: Final = "meta.yaml"
NO_RUNS: Final = ("datasets", "models", "traces", "tags")  # an experiment's other folders
STATUSES: Final = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
MOST_BYTES: Final = 2**20  # of a parameter, a tag or a meta.yaml
MOST_CURVE: Final = 64 * 2**20  # bytes of a metric's file
DEEPEST: Final = 8  # folders of a metric's name: eval/loss
LINE: Final = re.compile(r"(?P<indent> *)(?P<name>[\w.\-/]+|'[^']*'):(?: (?P<value>.*))?")


class Files:
    """The store in a folder: `mlruns`, or that of one experiment. Links are not followed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def experiments(self) -> Iterator[Experiment]:
        """The experiments, by their folders' names."""
        single = (self._folder / META).is_file()
        for folder in [self._folder] if single else _folders(self._folder):
            if (folder / META).is_file() and (found := _sound(_experiment, folder)) is not None:
                yield found

    def runs(self, experiment: Experiment) -> Iterator[Recorded]:
        """The runs, by their folders' names."""
        home = Path(experiment.key)
        for folder in _folders(home):
            is_run = (folder / META).is_file() and folder.name not in NO_RUNS
            if is_run and (found := _sound(lambda one: _run(one, told_in(one / META), home), folder)):
                yield found

    def curves(self, experiment: Experiment, runs: Iterable[Recorded], metric: str) -> dict[str, list[Point]]:
        """All values of the metric, by the run's key."""
        found = {}
        for run in runs:
            file = _files(Path(experiment.key) / run.key / "metrics").get(metric)
            if file is not None:
                found[run.key] = _points(file)
        return found


def _sound(read: Callable[[Path], T | None], folder: Path) -> T | None:
    """What is read of the folder; None, with a warning, where it is damaged, as by a killed run."""
    try:
        return read(folder)
    except HistoryError as problem:
        warnings.warn(f"left out, as it is damaged: {problem}", stacklevel=5)
        return None


def _experiment(folder: Path) -> Experiment | None:
    """The experiment; None where it is deleted."""
    meta = told_in(folder / META)
    name = _text(meta.get("name"), folder)
    return None if meta.get("lifecycle_stage") == "deleted" else Experiment(str(folder), name)


def told_in(path: Path) -> dict[str, Any]:
    """The texts in a `meta.yaml`, by name, and in one mapping below; None for null.

    Of YAML no more is read than MLflow writes: a line a value, plain or quoted, long ones continued on lines
    that are indented. Raises `HistoryError` where there is more.
    """
    found: dict[str, Any] = {}
    lines: list[tuple[str, str]] = []
    parents: dict[int, str] = {}
    for line in text_at(path, most_bytes=MOST_BYTES).splitlines():
        match = LINE.fullmatch(line)
        value = None if match is None else match["value"]
        if match is not None and not match["indent"]:
            lines.append((match["name"], value or ""))
        elif match is not None and lines and not lines[-1][1]:
            parents[len(lines) - 1] = lines[-1][0]
            found.setdefault(lines[-1][0], {})[match["name"].strip("'")] = _scalar(value or "", path)
        elif line.strip() and lines and line.startswith(" "):
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {line.strip()}")
        elif line.strip() and not line.startswith(("- ", "#", "---")):
            raise HistoryError(f"{path} is no file of MLflow's: it holds {line[:40]!r}.")
    for place, (name, value) in enumerate(lines):
        if place not in parents:
            found[name] = _scalar(value, path)
    return found


def _scalar(value: str, path: Path) -> str | None:
    value = value.strip()
    if value in ("null", "~", ""):
        return None
    if value[0] == "'":
        return value[1:-1].replace("''", "'")
    if value[0] == '"':
        try:
            return str(json.loads(value))
        except (ValueError, RecursionError):
            return value[1:-1]
    if value[0] in "&*!|>%@`":
        raise HistoryError(f"{path} is no file of MLflow's: it holds {value[:40]!r}.")
    return value


def _run(folder: Path, meta: Mapping[str, Any], home: Path) -> Recorded:
    status = _text(meta.get("status"), folder)
    latest = {name: _points(file) for name, file in _files(folder / "metrics").items()}
    return Recorded(
        folder.name,
        STATUSES.get(status, status),
        number_of(meta.get("start_time")),
        number_of(meta.get("end_time")),
        params={name: _content(file) for name, file in _files(folder / "params").items()},
        tags={name: _content(file) for name, file in _files(folder / "tags").items()},
        latest={name: in_order(points)[-1].value for name, points in latest.items() if points},
        datasets=tuple(_datasets(folder, home)),
        is_deleted=meta.get("lifecycle_stage") == "deleted",
    )


def _datasets(folder: Path, home: Path) -> Iterator[Dataset]:
    for one in _folders(folder / "inputs"):
        meta = told_in(one / META) if (one / META).is_file() else {}
        source = meta.get("source_id")
        if meta.get("source_type") != "DATASET" or not isinstance(source, str) or not source.isalnum():
            continue  # a model, or a name that leads out of the folder
        data = home / "datasets" / source / META
        if data.is_file() and not data.is_symlink():
            told, tags = told_in(data), meta.get("tags")
            context = tags.get(CONTEXT) if isinstance(tags, dict) else None
            yield Dataset(_text(told.get("name"), data), _text(told.get("digest"), data), str(context or ""))


def _text(value: Any, place: Path) -> str:
    if not isinstance(value, str):
        raise HistoryError(f"{place} is no folder of MLflow's: its {META} lacks a name, status or digest.")
    return value


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        one for one in folder.iterdir() if one.is_dir() and not one.is_symlink() and one.name[0] != "."
    )


def _files(folder: Path, prefix: str = "", deepest: int = DEEPEST) -> dict[str, Path]:
    """The files by their names; those in folders below have names with slashes."""
    found = {}
    for one in sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []:
        if one.is_dir() and deepest:
            found.update(_files(one, f"{prefix}{one.name}/", deepest - 1))
        elif one.is_file() and not one.is_symlink():
            found[prefix + one.name] = one
    return found


def _content(file: Path) -> str:
    return text_at(file, most_bytes=MOST_BYTES).removesuffix("\n")


def _points(file: Path) -> list[Point]:
    """The points of a metric's file: a line each, of timestamp, value and step."""
    points = []
    for line in text_at(file, most_bytes=MOST_CURVE).splitlines():
        words = line.split(" ")
        if len(words) > 1:
            points.append(point_of(words[1], words[2] if len(words) > 2 else 0, words[0]))
    return points

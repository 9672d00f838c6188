"""Rehearsals remembered by the content of the tasks they were made of: shipped ones, then the user's own."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from ConfigSpace import ConfigurationSpace

from foretune.data.cache_folder import cache_folder
from foretune.data.metrics import goes_by_ratio
from foretune.data.records import Task, canonical, sides_of
from foretune.experience import REHEARSALS

PARTS: Final = ("hyperparameters", "conditions", "forbiddens")  # of a space, as it is serialised
FORMAT: Final = 9  # of what is remembered, and of how it was come by: raised when either changes


def content_key(tasks: Sequence[Task]) -> str:
    """One name for what these tasks hold, whatever they are called: space, meta-features, group, trials."""
    digest = blake2b(str(FORMAT).encode(), digest_size=16)
    spaces = {id(task.space): task.space for task in tasks if task.space is not None}
    names = {which: name_of(space) for which, space in spaces.items()}
    for task, side in zip(tasks, sides_of(tasks), strict=True):
        known = {name: value for name, value in task.metafeatures.items() if value - value == 0}
        space = names.get(id(task.space), "")
        kind = {"by": "ratio"} if goes_by_ratio(task.metric) else {}  # how losses are compared
        digest.update(canonical({"f": task.family, "g": side, "z": known, "s": space, **kind}).encode())
        for trial in task.trials:
            trust = "" if trial.weight == 1.0 else repr(trial.weight)
            digest.update(f"{canonical(trial.config)}{trial.loss!r}{trial.fidelity!r}{trust}".encode())
    return digest.hexdigest()


def name_of(space: ConfigurationSpace) -> str:
    """What tells spaces apart, however they and the version of ConfigSpace are called."""
    told = space.to_serialized_dict()
    parts = json.dumps([told[part] for part in PARTS], sort_keys=True, default=str)
    return blake2b(parts.encode(), digest_size=8).hexdigest()


def recall(key: str) -> Mapping[str, Any] | None:
    """What was remembered under this key; None where it is not known, or cannot be read."""
    if key in (shipped := _read(REHEARSALS)):
        return _mapping(shipped[key])
    return _mapping(_read(_file(key))) or None


def remember(key: str, values: Mapping[str, Any]) -> None:
    """Writes JSON to the cache folder ($FORETUNE_CACHE, else the user's); where it fails nothing is lost."""
    with suppress(OSError):
        _file(key).parent.mkdir(parents=True, exist_ok=True)
        part = _file(key).with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(dict(values)), encoding="utf-8")
        part.replace(_file(key))


def _file(key: str) -> Path:
    return cache_folder() / f"rehearsal-{key}.json"


def _read(file: Path) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

"""Tasks that teach as before and no longer say whose they are.

What names a dataset becomes a digest under a key that nobody keeps: equal within one export, and of no use to
anyone who has the dataset and would like to know whether it is among them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, Final

from foretune.data.records import FAILED, Task, Trial, canonical
from foretune.history.doubts import LIBRARIES

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

DIGITS: Final = (
    4  # significant ones of losses, 2 of seconds: more tell how many rows there are, and the machine
)
NAMELESS: Final = "names, fingerprints, groups, sources and dates: digests under a key that was not kept"
KEPT: Final = {"direction": ("minimize", "maximize"), "target": ("classification", "regression")}
"""What stays of the provenance where it is one of these words, beside versions and how losses were judged."""


def anonymous(tasks: Iterable[Task], *, key: bytes | None = None) -> list[Task]:
    """The tasks without names, reasons, seeds, dates, fold scores and costs, in an order that tells nothing.

    `key` is drawn at random where it is not given, so that two exports cannot be held against each other.
    """
    key = token_bytes(32) if key is None else key
    spaces: dict[int, ConfigurationSpace | None] = {}
    found = [_nameless(task, key, spaces) for task in tasks]
    return sorted(found, key=lambda task: (task.name, task.family, task.metric, task.key))


def rounded(value: float, digits: int) -> float:
    """The value to so many significant digits.

    >>> rounded(1234.5, 2), rounded(-0.012345, 2)
    (1200.0, -0.012)
    """
    return float(f"{value:.{digits}g}")


def _nameless(task: Task, key: bytes, spaces: "dict[int, ConfigurationSpace | None]") -> Task:
    dataset = _digest(task.dataset or task.name, key)
    if id(task.space) not in spaces:
        spaces[id(task.space)] = _plain_space(task.space, task.family)
    return replace(
        task,
        name=f"dataset-{dataset[:12]}",
        dataset=dataset,
        group=None if task.group is None else _digest(task.group, key),
        space=spaces[id(task.space)],
        trials=tuple(_bare(task.trials)),
        provenance=_reduced(task.provenance, key),
    )


def _bare(trials: Sequence[Trial]) -> list[Trial]:
    """The trials with what is learned from; seeds become numbers in order of appearance."""
    seeds: dict[int | None, int | None] = {None: None}
    found = []
    for trial in trials:
        seeds.setdefault(trial.seed, len(seeds) - 1)
        found.append(
            replace(
                trial,
                loss=None if trial.loss is None else rounded(trial.loss, DIGITS),
                seconds=None if trial.seconds is None else rounded(trial.seconds, 2),
                noise=None if trial.noise is None else rounded(trial.noise, 2),
                curve=tuple(rounded(loss, DIGITS) for loss in trial.curve),
                scores={},
                costs={},
                seed=seeds[trial.seed],
                reason="failed" if trial.status is FAILED else "",
            )
        )
    return found


def _reduced(provenance: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """What says how far the trials are to be trusted; different protocols stay different."""
    protocol, versions = provenance.get("protocol", {}), provenance.get("versions", {})
    kept = {name: provenance[name] for name, words in KEPT.items() if provenance.get(name) in words}
    told = {"id": _digest(canonical({"": protocol}), key)[:8]}
    if isinstance(protocol, Mapping):
        told |= {name: protocol[name] for name in ("validation", "folds") if _is_plain(protocol.get(name))}
    if isinstance(versions, Mapping):
        kept["versions"] = {name: versions[name] for name in LIBRARIES if isinstance(versions.get(name), str)}
    return {**kept, "protocol": told}


def _is_plain(value: object) -> bool:
    return value in ("cross-validation", "holdout") or type(value) is int


def _plain_space(space: "ConfigurationSpace | None", family: str) -> "ConfigurationSpace | None":
    """The space under the family's name, without the notes that its hyperparameters may carry."""
    if space is None:
        return None
    told = space.to_serialized_dict()
    bare = [{**one, "meta": None} for one in told["hyperparameters"]]
    return type(space).from_serialized_dict({**told, "name": family, "hyperparameters": bare})


def _digest(text: str, key: bytes) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=16).hexdigest()

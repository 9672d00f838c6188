"""The trials of a table as the columns that a store writes, without an object for any of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import repeat
from typing import Any, Final

import numpy as np

from foretune.data.metrics import to_loss
from foretune.data.records import DONE, FAILED, Floats, Mask, canonical
from foretune.history.readers.cells import Cells
from foretune.history.readers.told import full_fidelity

NO_COSTS: Final = "{}"
NO_CURVE: Final = "[]"


@dataclass(frozen=True)
class Measured:
    """What a table tells of n evaluations: numbers (n,), NaN where it tells nothing; `failed` says why."""

    scores: Floats
    seconds: Floats
    fidelities: Floats
    seeds: Floats
    failed: Sequence[str]


class TrialColumns:
    """The rows of a table, those of one task side by side, as columns of trials."""

    def __init__(self, cells: dict[str, Cells], measured: Measured, metric: str) -> None:
        self._configs = config_texts(cells, list(cells))
        ordered = sorted(cells)
        self._canonical = self._configs if ordered == list(cells) else config_texts(cells, ordered)
        self._measured, self._failed = measured, np.array([bool(why) for why in measured.failed], dtype=bool)
        good = np.isfinite(measured.scores) & ~self._failed
        sign = to_loss(metric, 1.0)
        self._losses = _or_none(sign * measured.scores + 0.0, good)
        seconds = measured.seconds
        self._seconds = _or_none(seconds + 0.0, (seconds >= 0) & (seconds < math.inf))
        self._seeds = [None if math.isnan(seed) else int(seed) for seed in measured.seeds.tolist()]
        self._statuses = np.where(good, str(DONE), str(FAILED)).tolist()
        begin = f"{{{canonical({metric: 0})[1:-2]}["
        fine, scores = good.tolist(), measured.scores.tolist()
        self._scores = [
            f"{begin}{score!r}]}}" if ok else "{}" for ok, score in zip(fine, scores, strict=True)
        ]
        self._reasons = [
            "" if ok else why or f"its score is {score}"
            for ok, why, score in zip(fine, measured.failed, scores, strict=True)
        ]

    def fidelities(self, start: int, end: int) -> list[float]:
        """The fidelities of these rows, but for those of failed ones that tell none: they ended before."""
        given = self._measured.fidelities[start:end]
        return list(given[np.isfinite(given) | ~self._failed[start:end]].tolist())

    def of(self, start: int, end: int) -> tuple[Sequence[Any], ...]:
        """The columns of the task in these rows, those that say the same as an earlier one left out.

        A row whose config, fidelity and seed came before is a repeat. Where every row names a fidelity, the
        highest is the full one; one that is infinite tells nothing.
        """
        full = full_fidelity(self.fidelities(start, end))
        fidelities, seeds = _below(full, self._measured.fidelities[start:end]), self._seeds[start:end]
        alike = list(zip(self._canonical[start:end], fidelities, seeds, strict=True))
        n = end - start
        keys, repeats = [_key(*one, 0) for one in alike], [0] * n
        columns: list[Sequence[Any]] = [
            keys,
            self._configs[start:end],
            self._losses[start:end],
            self._seconds[start:end],
            self._statuses[start:end],
            self._scores[start:end],
            [NO_COSTS] * n,
            [None] * n,
            fidelities,
            [NO_CURVE] * n,
            seeds,
            repeats,
            [1.0] * n,
            self._reasons[start:end],
        ]
        if len(set(keys)) == n:
            return tuple(columns)
        kept, repeats = self._numbered(keys, start)
        columns[0] = [_key(*one, r) for one, r in zip(alike, repeats, strict=True)]
        columns[11] = repeats
        return tuple([column[place] for place in kept] for column in columns)

    def _numbered(self, keys: Sequence[str], start: int) -> tuple[list[int], list[int]]:
        """The places of the rows that say something new, and which repeat each row is."""
        seen: dict[str, dict[str, None]] = {}
        kept, repeats = [], []
        for place, key in enumerate(keys):
            said, known = self._said(start + place), seen.setdefault(key, {})
            if said not in known:
                kept.append(place)
            repeats.append(len(known))
            known[said] = None
        return kept, repeats

    def _said(self, place: int) -> str:
        """All that a row says beside its config; NaN equals NaN here."""
        one = self._measured
        return f"{one.scores[place]} {one.seconds[place]} {one.fidelities[place]} {one.failed[place]}"


def config_texts(cells: dict[str, Cells], names: Sequence[str]) -> list[str]:
    """Each row's config (n,) as JSON text, its hyperparameters in this order."""
    parts = [cells[name].named(name) for name in names]
    return [f"{{{whole[:-1]}}}" for whole in map("".join, zip(*parts, strict=True))]


def _below(full: float, given: Floats) -> list[float | None]:
    """The fidelities of rows (n,) below the full one, None for the others."""
    told = np.isfinite(given) & (given < full)
    return _or_none(given + 0.0, told) if told.any() else [*repeat(None, len(given))]


def _or_none(values: Floats, told: Mask) -> list[Any]:
    """The values (n,), None where nothing is told."""
    if told.all():
        return list(values.tolist())
    return [value if there else None for value, there in zip(values.tolist(), told.tolist(), strict=True)]


def _key(config: str, fidelity: float | None, seed: int | None, number: int) -> str:
    """The key of the trial, `Trial.key`, from its config's canonical text."""
    told = "null" if fidelity is None else repr(fidelity)
    text = f'{{"c":{config},"f":{told},"r":{number},"s":{"null" if seed is None else seed}}}'
    return blake2b(text.encode(), digest_size=16).hexdigest()

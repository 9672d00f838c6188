"""What the readers of tables share: rows told as trials, and how a metric points."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Final

from foretune.data.errors import HistoryError, MetricError
from foretune.data.metrics import (
    CLASSIFICATION_METRICS,
    LOWER_IS_BETTER,
    REGRESSION_METRICS,
    to_loss,
)
from foretune.data.records import DONE, FAILED, Config, Trial, canonical

KNOWN: Final = (*CLASSIFICATION_METRICS, *REGRESSION_METRICS, *sorted(LOWER_IS_BETTER), "score")
MOST_COUNT: Final = 2.0**63


def metric_pointing(metric: str, direction: str | None) -> str:
    """The metric under a name that points the direction, which an unknown metric needs.

    The name alone tells foretune which way a metric points, and an unknown one is greater where it is better:
    one that is not so becomes "loss". Raises `MetricError` where name and direction disagree, or neither
    tells.
    """
    if direction not in (None, "minimize", "maximize"):
        raise MetricError(f"{direction!r} is no direction: give 'minimize' or 'maximize'.")
    if metric not in KNOWN:
        if direction is None:
            near = get_close_matches(metric, KNOWN, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise MetricError(
                f"foretune does not know which way {metric[:60]!r} points{hint}: "
                "say minimize or maximize (direction=..., --direction)."
            )
        return metric if direction == "maximize" else "loss"
    known = "minimize" if metric in LOWER_IS_BETTER else "maximize"
    if direction not in (None, known):
        raise MetricError(f"{metric!r} is a metric to {known}, not to {direction}: call it by another name.")
    return metric


def scored_by(measured: str, metric: str) -> dict[str, Any]:
    """What a task's provenance says of its scores; under another name than foretune's they are another task.

    "hinge" and "brier" are both called "loss", and must not be one task for that.

    >>> scored_by("hinge", "loss"), scored_by("accuracy", "accuracy")
    ({'score': 'hinge', 'protocol': {'score': 'hinge'}}, {'score': 'accuracy'})
    """
    return {"score": measured} | ({} if measured == metric else {"protocol": {"score": measured}})


@dataclass(frozen=True, slots=True)
class Row:
    """One evaluation as a table tells it: NaN where it tells nothing."""

    config: Config
    score: float
    seconds: float = math.nan
    fidelity: float = math.nan
    seed: float = math.nan
    failed: str = ""
    folds: tuple[float, ...] = ()
    noise: float | None = None
    curve: tuple[float, ...] = ()  # scores on the way


def trials_of(rows: Sequence[Row], metric: str) -> list[Trial]:
    """The rows of one task as trials, those that say the same as an earlier one left out.

    A row whose config, fidelity and seed came before is a repeat. Where every row names a fidelity, the
    highest is the full one; one that is infinite tells nothing. A score that is no finite number makes a
    failed trial.
    """
    rows = [row if math.isfinite(row.fidelity) else replace(row, fidelity=math.nan) for row in rows]
    full = full_fidelity(fidelities_of(rows))
    return list(_numbered(_trial(row, metric, full) for row in dict.fromkeys(map(_Same, rows))))


def fidelities_of(rows: Iterable[Row]) -> list[float]:
    """The fidelities of the rows, but for those of failed ones that tell none: they ended before."""
    return [row.fidelity for row in rows if math.isfinite(row.fidelity) or not row.failed]


def full_fidelity(fidelities: Sequence[float]) -> float:
    """The highest, where every row names one; else infinite, as then it is not known which are the full ones.

    >>> full_fidelity([1.0, 9.0]), full_fidelity([1.0, math.nan])
    (9.0, inf)
    """
    known = all(map(math.isfinite, fidelities)) and len(fidelities) > 0
    return max(fidelities) if known else math.inf


def at_fidelity(provenance: Mapping[str, Any], fidelities: Sequence[float]) -> dict[str, Any]:
    """The provenance of a task with rows of these fidelities: what counts as full is part of its identity.

    So the rows of a study that went on to more epochs are not mixed up with those of its first import.
    """
    full = full_fidelity(fidelities)
    if math.isinf(full):
        return dict(provenance)
    return {**provenance, "protocol": {**provenance.get("protocol", {}), "fidelity": full}}


class _Same:
    """A row that equals those which say the same; NaN equals NaN."""

    __slots__ = ("config", "row", "said")

    def __init__(self, row: Row) -> None:
        self.row, self.config = row, canonical(row.config)
        numbers = (row.score, row.seconds, row.fidelity, row.seed, *row.folds, *row.curve)
        self.said = f"{self.config}{numbers}{row.failed}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.said == other.said

    def __hash__(self) -> int:
        return hash(self.said)


def _numbered(trials: Iterable[tuple[str, Trial]]) -> Iterator[Trial]:
    """The trials, those of one config, fidelity and seed numbered as repeats."""
    seen: dict[str, int] = {}
    for key, trial in trials:
        seen[key] = repeat = seen.get(key, -1) + 1
        yield replace(trial, repeat=repeat) if repeat else trial


def _trial(same: _Same, metric: str, full: float) -> tuple[str, Trial]:
    row = same.row
    fidelity = None if math.isnan(row.fidelity) or row.fidelity >= full else row.fidelity
    details: dict[str, Any] = {
        "seconds": row.seconds if 0 <= row.seconds < math.inf else None,
        "fidelity": fidelity,
        "seed": None if math.isnan(row.seed) else int(row.seed),
        "curve": tuple(to_loss(metric, score) for score in row.curve),
    }
    key = f"{same.config}{fidelity}{row.seed}"
    if row.failed or not math.isfinite(row.score):
        reason = row.failed or f"its score is {row.score}"
        return key, Trial(row.config, status=FAILED, reason=reason, **details)
    scores = {metric: row.folds or (row.score,)}
    loss = to_loss(metric, row.score)
    return key, Trial(row.config, loss, status=DONE, scores=scores, noise=row.noise, **details)


def checked_seeds(seeds: Iterable[float], column: str) -> None:
    """Raises `HistoryError` where a seed is no whole number of 64 bits; NaN stands for none."""
    for seed in seeds:
        if not math.isnan(seed) and not (abs(seed) < MOST_COUNT and float(seed).is_integer()):
            raise HistoryError(
                f"column {column!r} holds the seed {seed}: a seed is a whole number of 64 bits."
            )

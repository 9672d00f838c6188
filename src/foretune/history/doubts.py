"""How far past tasks are trusted: noisy ones, and those made otherwise or on fewer rows, less.

What is doubted counts less, and is said; a history without doubts is as it was. Noise is measured; how much
less the others count was chosen by hand: half for what may behave otherwise, a little more for fewer folds.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from statistics import fmean
from typing import Any, Final

from foretune.data.metrics import RANGES, to_score
from foretune.data.records import Task
from foretune.history.reliability import reliability

LIBRARIES: Final = ("scikit-learn", "xgboost", "lightgbm", "torch")  # whose versions tell how a model behaves
OTHER_VERSION: Final = 0.5
OTHER_JUDGING: Final = 0.7
NOISY: Final = 0.9  # reliability from which a task counts in full
MOSTLY_NOISE: Final = 0.5
# Weights have two digits: they are part of what rehearsals are remembered by.
LEAST: Final = 0.2  # what a task counts at least that is noise alone: so it may seem by chance
FEWEST_ROWS: Final = 0.25  # what a trial counts at least that saw fewer rows than the others
IMPOSSIBLE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why tasks are doubted, in a sentence; `weights` are what the trials of each count, by its place."""

    kind: str
    sentence: str
    weights: Mapping[int, float]

    @property
    def places(self) -> tuple[int, ...]:
        """Which tasks are doubted."""
        return tuple(self.weights)

    @property
    def weight(self) -> float:
        """What their trials count in the mean."""
        return fmean(self.weights.values())

    @property
    def counts(self) -> str:
        """How much less they count, in words; empty where they count in full."""
        lowest, highest = min(self.weights.values()), max(self.weights.values())
        if lowest == 1.0:
            return ""
        return f"; they count {self.weight:.0%}" + ("" if lowest == highest else " in the mean")


def weighed(tasks: Sequence[Task]) -> tuple[list[Task], tuple[str, ...]]:
    """The tasks, the trials of doubted ones weighted down, and a sentence for each such doubt.

    Tasks without doubts are the very objects given.
    """
    found, doubts = list(tasks), [doubt for doubt in doubts_of(tasks) if doubt.counts]
    weights: dict[int, float] = defaultdict(lambda: 1.0)
    for doubt in doubts:
        for place, weight in doubt.weights.items():
            weights[place] *= weight
    for place, weight in weights.items():
        trials = tuple(replace(trial, weight=trial.weight * weight) for trial in tasks[place].trials)
        found[place] = replace(tasks[place], trials=trials)
    return found, tuple(f"{doubt.sentence}{doubt.counts}" for doubt in doubts)


def doubts_of(tasks: Sequence[Task]) -> list[Doubt]:
    """What the tasks' provenance and scores say against some of them, compared with the others."""
    finders = (_other_versions, _other_judging, _fewer_rows, _noisy, _impossible)
    return [doubt for find in finders for doubt in find(tasks)]


def _other_versions(tasks: Sequence[Task]) -> Iterator[Doubt]:
    """Tasks made with another release of a library than the one at hand, or else than most."""
    for library in LIBRARIES:
        releases = [_release(_told(task, "versions").get(library)) for task in tasks]
        yield from _unlike(
            releases,
            lambda counts, library=library: _usual_release(counts, library),  # type: ignore[misc]
            lambda one, usual, library=library: f"were made with {library} {one}, not {usual}",  # type: ignore[misc]
            kind="version",
            weight=OTHER_VERSION,
        )


def _other_judging(tasks: Sequence[Task]) -> Iterator[Doubt]:
    """Tasks whose losses were measured by another kind of validation than most, or by far fewer folds."""
    kinds = [_told(task, "protocol").get("validation") for task in tasks]
    yield from _unlike(
        [kind if isinstance(kind, str) else None for kind in kinds],
        _commonest,
        lambda one, usual: f"were judged by {one[:60]}, not by {usual[:60]}",
        kind="protocol",
        weight=OTHER_JUDGING,
    )
    folds = [_count(_told(task, "protocol").get("folds")) for task in tasks]
    usual = max(Counter(n for n in folds if n).items(), key=lambda item: (item[1], item[0]), default=(0, 0))[
        0
    ]
    if few := tuple(place for place, n in enumerate(folds) if 0 < n <= usual / 2):
        sentence = f"{_share(few, tasks)} were judged by at most {usual // 2} folds, not by {usual}"
        yield Doubt("protocol", sentence, dict.fromkeys(few, OTHER_JUDGING))


def _fewer_rows(tasks: Sequence[Task]) -> Iterator[Doubt]:
    """Tasks that saw at most half of the rows that others of the same dataset saw."""
    rows = [_seen_rows(task) for task in tasks]
    most: dict[str, int] = defaultdict(int)
    for task, n in zip(tasks, rows, strict=True):
        most[task.dataset or task.name] = max(most[task.dataset or task.name], n)
    shares = {
        place: n / most[task.dataset or task.name]
        for place, (task, n) in enumerate(zip(tasks, rows, strict=True))
        if n
    }
    few = {place: round(max(share, FEWEST_ROWS), 2) for place, share in shares.items() if share <= 0.5}
    if few:
        sentence = f"{_share(few, tasks)} saw at most half of the rows that others of the same dataset saw"
        yield Doubt("rows", sentence, few)


def _noisy(tasks: Sequence[Task]) -> Iterator[Doubt]:
    """Tasks whose ranking of configs is in part noise, by the scores on folds."""
    found = {place: one for place, task in enumerate(tasks) if (one := reliability(task)) is not None}
    noisy = {place: round(max(one**0.5, LEAST), 2) for place, one in found.items() if one < NOISY}
    if noisy:
        mostly = sum(one < MOSTLY_NOISE for one in found.values())
        sentence = f"{_share(noisy, tasks)} rank configs in part by noise (mostly so: {mostly})"
        yield Doubt("noise", sentence, noisy)


def _impossible(tasks: Sequence[Task]) -> Iterator[Doubt]:
    """Tasks with scores that their metric never has, such as an accuracy of 93."""
    places = tuple(
        place
        for place, task in enumerate(tasks)
        if not is_possible(task.metric, (one.loss for one in task.trials))
    )
    if places:
        names = sorted({tasks[place].metric for place in places})
        sentence = f"{_share(places, tasks)} have scores that {names[0][:60]} never has"
        # Where all are so, no task is to be believed more than another.
        weight = IMPOSSIBLE if len(places) < len(tasks) else 1.0
        yield Doubt("impossible", sentence, dict.fromkeys(places, weight))


def _unlike(
    values: Sequence[str | None],
    usual_of: Callable[[Counter[str]], str],
    say: Callable[[str, str], str],
    *,
    kind: str,
    weight: float,
) -> Iterator[Doubt]:
    """A doubt for every value that is not the usual one; tasks that tell none are not doubted."""
    counts = Counter(value for value in values if value is not None)
    if len(counts) < 2:
        return
    usual = usual_of(counts)
    for one in sorted(counts):
        places = tuple(place for place, value in enumerate(values) if value == one != usual)
        if places:
            sentence = f"{_share(places, values)} {say(one, usual)}"
            yield Doubt(kind, sentence, dict.fromkeys(places, weight))


def _usual_release(counts: Counter[str], library: str) -> str:
    try:
        here = _release(version(library))
    except PackageNotFoundError:
        here = None
    return here if here is not None and here in counts else _commonest(counts)


def _commonest(counts: Counter[str]) -> str:
    """The value that most have; of several the last by name, which of releases is mostly the newest."""
    return max(counts, key=lambda value: (counts[value], value))


def _release(told: Any) -> str | None:
    """Major and minor number of a version; None where it is not told."""
    return ".".join(told.split(".")[:2])[:20] if isinstance(told, str) and told else None


def _told(task: Task, name: str) -> Mapping[str, Any]:
    told = task.provenance.get(name)
    return told if isinstance(told, Mapping) else {}


def _seen_rows(task: Task) -> int:
    """How many rows its trials saw; 0 where that is not told."""
    rows, most = _count(task.provenance.get("rows")), _count(_told(task, "protocol").get("rows"))
    return min(rows, most) if rows and most else rows


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def is_possible(metric: str, losses: Iterable[float | None]) -> bool:
    """Whether the metric can have such losses; None, of a trial that failed, is no loss."""
    low, high = RANGES.get(metric, (-math.inf, math.inf))
    scores = (to_score(metric, loss) for loss in losses if loss is not None)
    return all(low - 1e-9 <= score <= high + 1e-9 for score in scores)


def _share(places: Collection[int], tasks: Sequence[Any]) -> str:
    return f"{len(places)} of {len(tasks)} tasks"

"""How far past tasks are trusted: those made with other versions, otherwise judged, or on fewer rows, less.

What is doubted counts less, and is said; a history without doubts is as it was. How much less was chosen by
hand: half for what may behave otherwise, a little more for what is only noisier.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from foretune.data.metrics import to_score
from foretune.data.records import Task

LIBRARIES: Final = ("scikit-learn", "xgboost", "lightgbm", "torch")  # whose versions tell how a model behaves
OTHER_VERSION: Final = 0.5
OTHER_JUDGING: Final = 0.7
FEWEST_ROWS: Final = 0.25  # what a trial counts at least that saw fewer rows than the others
IMPOSSIBLE: Final = 0.5
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    **dict.fromkeys(
        ("accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_micro", "f1_weighted", "roc_auc"), (0.0, 1.0)
    ),
    **dict.fromkeys(("precision", "recall", "average_precision"), (0.0, 1.0)),
    **dict.fromkeys(("log_loss", "rmse", "mae", "mse"), (0.0, float("inf"))),
    "r2": (float("-inf"), 1.0),
    "error": (0.0, float("inf")),
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why tasks are doubted, in a sentence; `places` are theirs, and `weight` is what their trials count."""

    kind: str
    sentence: str
    places: tuple[int, ...]
    weight: float = 1.0


def weighed(tasks: Sequence[Task]) -> tuple[list[Task], tuple[str, ...]]:
    """The tasks, the trials of doubted ones weighted down, and a sentence for each such doubt.

    Tasks without doubts are the very objects given.
    """
    found, doubts = list(tasks), [doubt for doubt in doubts_of(tasks) if doubt.weight < 1.0]
    weights: dict[int, float] = defaultdict(lambda: 1.0)
    for doubt in doubts:
        for place in doubt.places:
            weights[place] *= doubt.weight
    for place, weight in weights.items():
        trials = tuple(replace(trial, weight=trial.weight * weight) for trial in tasks[place].trials)
        found[place] = replace(tasks[place], trials=trials)
    return found, tuple(f"{doubt.sentence}; they count {doubt.weight:.0%}" for doubt in doubts)


def doubts_of(tasks: Sequence[Task]) -> list[Doubt]:
    """What the tasks' provenance and scores say against some of them, compared with the others."""
    finders = (_other_versions, _other_judging, _fewer_rows, _impossible)
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
        yield Doubt("protocol", sentence, few, OTHER_JUDGING)


def _fewer_rows(tasks: Sequence[Task]) -> Iterator[Doubt]:
    """Tasks that saw at most half of the rows that others of the same dataset saw."""
    rows = [_seen_rows(task) for task in tasks]
    most: dict[str, int] = defaultdict(int)
    for task, n in zip(tasks, rows, strict=True):
        most[task.dataset or task.name] = max(most[task.dataset or task.name], n)
    few: dict[float, list[int]] = defaultdict(list)
    for place, (task, n) in enumerate(zip(tasks, rows, strict=True)):
        share = n / most[task.dataset or task.name] if n else 1.0
        if share <= 0.5:
            few[max(round(share, 2), FEWEST_ROWS)].append(place)
    for share, places in sorted(few.items()):
        sentence = f"{_share(places, tasks)} saw at most half of the rows that others of the same dataset saw"
        yield Doubt("rows", sentence, tuple(places), share)


def _impossible(tasks: Sequence[Task]) -> Iterator[Doubt]:
    """Tasks with scores that their metric never has, such as an accuracy of 93."""
    places = tuple(place for place, task in enumerate(tasks) if _is_impossible(task))
    if places:
        names = sorted({tasks[place].metric for place in places})
        sentence = f"{_share(places, tasks)} have scores that {names[0][:60]} never has"
        # Where all are so, no task is to be believed more than another.
        yield Doubt("impossible", sentence, places, IMPOSSIBLE if len(places) < len(tasks) else 1.0)


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
            yield Doubt(kind, f"{_share(places, values)} {say(one, usual)}", places, weight)


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


def _is_impossible(task: Task) -> bool:
    if task.metric not in RANGES:
        return False
    low, high = RANGES[task.metric]
    scores = (to_score(task.metric, trial.loss) for trial in task.trials if trial.loss is not None)
    return any(not low - 1e-9 <= score <= high + 1e-9 for score in scores)


def _share(places: Sequence[int], tasks: Sequence[Any]) -> str:
    return f"{len(places)} of {len(tasks)} tasks"

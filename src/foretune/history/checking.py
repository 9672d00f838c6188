"""What to know of a history before believing it: mixtures, copies, perfect and impossible scores."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from foretune.data.metrics import RANGES, to_score
from foretune.data.records import FAILED, Task, canonical, digest, sides_of
from foretune.data.spaces import holds, unfold
from foretune.history.doubts import Doubt, doubts_of

FEWEST_TRIALS: Final = 3  # that can be called all alike
MOST_LOOKED_AT: Final = 500  # trials of a task that are held against its space


def checked_tasks(tasks: Sequence[Task]) -> list[Doubt]:
    """All that is doubtful about the tasks; places are theirs in the sequence.

    Doubts of a weight below 1 are heeded when a recommender learns, family by family; the others are for
    people to judge.
    """
    found: list[Doubt] = []
    for places in _by_problem(tasks).values():
        doubts = doubts_of([tasks[place] for place in places])
        found += [_placed(doubt, places, tasks) for doubt in doubts]
    for kind, (is_odd, words) in ODD.items():
        odd = tuple(place for place, task in enumerate(tasks) if is_odd(task))
        if odd:
            found.append(Doubt(kind, f"{len(odd)} of {len(tasks)} tasks {words}", dict.fromkeys(odd, 1.0)))
    return [*found, *_duplicates(tasks)]


def _by_problem(tasks: Sequence[Task]) -> dict[tuple[str, str], list[int]]:
    parts: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, task in enumerate(tasks):
        parts[task.family, task.metric].append(place)
    return parts


def _placed(doubt: Doubt, places: Sequence[int], tasks: Sequence[Task]) -> Doubt:
    """The doubt about some of the tasks, with their places among all of them."""
    first = tasks[places[0]]
    sentence = f"{first.family}, {first.metric}: {doubt.sentence}"
    return Doubt(doubt.kind, sentence, {places[k]: weight for k, weight in doubt.weights.items()})


def _is_perfect(task: Task) -> bool:
    low, high = RANGES.get(task.metric, (0.0, 0.0))
    best = high if math.isfinite(high) else low
    scores = [to_score(task.metric, trial.loss) for trial in task.done if trial.loss is not None]
    return task.metric in RANGES and len(scores) >= FEWEST_TRIALS and all(score == best for score in scores)


def _is_constant(task: Task) -> bool:
    losses = {trial.loss for trial in task.done}
    return len(task.done) >= FEWEST_TRIALS and len(losses) == 1 and not _is_perfect(task)


def _only_failed(task: Task) -> bool:
    return bool(task.trials) and all(trial.status is FAILED for trial in task.trials)


def _has_no_space(task: Task) -> bool:
    return task.space is None


def _is_undescribed(task: Task) -> bool:
    return not any(math.isfinite(value) for value in task.metafeatures.values())


def _has_gaps(task: Task) -> bool:
    return not _is_undescribed(task) and any(math.isinf(value) for value in task.metafeatures.values())


def _is_outside(task: Task) -> bool:
    """Whether the space does not cover a config that was tried."""
    return task.space is not None and any(
        not _covers(task.space, trial.config) for trial in task.trials[:MOST_LOOKED_AT]
    )


def _covers(space: Any, config: Any) -> bool:
    values = unfold(space, config)
    return all(name in space and holds(space[name], value) for name, value in values.items())


def _duplicates(tasks: Sequence[Task]) -> Iterator[Doubt]:
    """Datasets under several names: equal trials, or equal meta-features, and not of one group."""
    sides = sides_of(tasks)
    for kind, what, content in (
        ("copy", "trials", _trials_text),
        ("copy", "meta-features", _metafeatures_text),
    ):
        same: dict[str, list[int]] = defaultdict(list)
        for place, task in enumerate(tasks):
            if text := content(task):
                same[digest(f"{task.family} {task.metric} {text}")].append(place)
        copies = [places for places in same.values() if len({sides[place] for place in places}) > 1]
        if copies:
            places = tuple(place for members in copies for place in members)
            names = ", ".join(sorted({tasks[place].name[:40] for place in copies[0]})[:3])
            sentence = f"{len(places)} of {len(tasks)} tasks have the same {what} as another ({names})"
            yield Doubt(kind, f"{sentence}: give copies one group", dict.fromkeys(places, 1.0))


def _trials_text(task: Task) -> str:
    losses = {trial.loss for trial in task.done}
    if len(losses) < FEWEST_TRIALS:
        return ""
    return "".join(sorted(f"{canonical(trial.config)}{trial.loss!r}" for trial in task.done))


def _metafeatures_text(task: Task) -> str:
    told = {name: value for name, value in task.metafeatures.items() if math.isfinite(value)}
    return canonical(told) if len(told) >= FEWEST_TRIALS else ""


ODD: Final[dict[str, tuple[Callable[[Task], bool], str]]] = {
    "perfect": (_is_perfect, "have a perfect score throughout: is the target among the columns?"),
    "constant": (_is_constant, "lost the same with every config, and teach nothing"),
    "failed": (_only_failed, "hold failed trials only"),
    "space": (_has_no_space, "have no space, and cannot be learned from"),
    "outside": (_is_outside, "tried configs that their space does not cover"),
    "metafeatures": (_is_undescribed, "have no meta-features, so nobody knows what they are like"),
    "infinite": (_has_gaps, "have infinite meta-features, which count as unknown"),
}

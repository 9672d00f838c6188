"""Audits the shipped experience: scores too good to be true, near copies outside a group, mere noise.

python benchmarks/audit.py > docs/experience.md
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np

from foretune.data.records import Task, sides_of
from foretune.data.spaces import complete
from foretune.experience import PACK
from foretune.features.encoding import Encoder
from foretune.features.metaspace import MetaSpace
from foretune.history.doubts import MOSTLY_NOISE
from foretune.history.history import open_history
from foretune.history.reliability import reliability

METRICS: Final = ("accuracy", "r2")
PERFECT: Final = 0.9995
ALIKE: Final = 0.985  # similarity of datasets that are looked at as near copies


def main() -> None:
    """Prints the page."""
    with open_history(PACK) as pack:
        tasks = [task for task in pack.tasks() if task.metric in METRICS]
    print(_HEAD.format(trials=sum(len(task.trials) for task in tasks), datasets=len({t.name for t in tasks})))
    _print_noise(tasks)
    _print_perfect(tasks)
    _print_copies(tasks)


def _print_noise(tasks: Sequence[Task]) -> None:
    print(_NOISE)
    heads = ("family", "metric", "datasets", "trials", "reliability, median", "mostly noise")
    print(f"| {' | '.join(heads)} | best minus default, median |")
    print("|---|---|---|---|---|---|---|")
    groups: dict[tuple[str, str], list[Task]] = defaultdict(list)
    for task in tasks:
        groups[task.family, task.metric].append(task)
    for (family, metric), members in sorted(groups.items()):
        found = np.array([one for one in map(reliability, members) if one is not None])
        gains = np.array([gain for gain in map(_gain, members) if gain is not None])
        trials = sum(len(task.trials) for task in members)
        print(
            f"| {family} | {metric} | {len(members)} | {trials} | {np.median(found):.2f} "
            f"| {np.mean(found < MOSTLY_NOISE):.0%} | {np.median(gains):.4f} |"
        )


def _gain(task: Task) -> float | None:
    """How much better the best config is than the library's default; None where that was not tried."""
    assert task.space is not None
    key = Encoder.of(task.space).key
    losses = {key(trial.config): trial.loss for trial in task.done}
    default, best = losses.get(key(complete(task.space, {}))), task.best
    return default - best.loss if default is not None and best is not None and best.loss is not None else None


def _print_perfect(tasks: Sequence[Task]) -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for task in tasks:
        if task.best is not None and task.best.loss is not None and -task.best.loss >= PERFECT:
            found[task.name].append(task.family)
    print(_PERFECT.format(len(found), PERFECT))
    for name, families in sorted(found.items()):
        print(f"- {name}: {', '.join(sorted(families))}")


def _print_copies(tasks: Sequence[Task]) -> None:
    one = {task.name: task for task in tasks if task.metafeatures}
    names = sorted(one)
    sides = dict(zip(names, sides_of([one[name] for name in names]), strict=True))
    points = MetaSpace([one[name].metafeatures for name in names]).known
    pairs = []
    for a, b in combinations(range(len(names)), 2):
        alike = 1.0 - float(np.abs(points[a] - points[b]).mean())
        if alike >= ALIKE and sides[names[a]] != sides[names[b]]:
            pairs.append((alike, names[a], names[b]))
    groups = {task.group for task in tasks if task.group}
    print(_COPIES.format(len(groups), len(pairs), ALIKE))
    for alike, first, second in sorted(pairs, reverse=True):
        print(f"- {first} and {second}: {alike:.3f}")


_HEAD: Final = """# The experience, audited

What `foretune history card` describes, looked at with suspicion: {trials:,} trials on {datasets} datasets, by
accuracy and r2. Made by `python benchmarks/audit.py`."""
_NOISE: Final = """
## Is the ranking of configs more than noise?

The reliability of a task is the share of the variance between its configs' ranks that is not fold noise;
below 0.5 the ranking is mostly noise, and there is little to recommend. Below 0.9 a past task counts less, by
the root of its reliability ([doubts](trust.md#doubts)). The last column is what there is to gain.
"""
_PERFECT: Final = """
## Too good to be true?

On {} datasets some config scores {} or more:
"""
_COPIES: Final = """
## Near copies

{} groups of datasets that are the same or derived from one another are always left out together. Beside them
{} pairs are as similar as {} or more by their meta-features.
"""


if __name__ == "__main__":
    main()

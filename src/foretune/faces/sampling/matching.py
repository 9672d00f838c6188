"""Which past tasks are like a search of which only some hyperparameters are known."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, Constant

from foretune.data.records import Task
from foretune.data.spaces import KIND

Sort = Literal["number", "choice"]
Sorts = Mapping[str, Sort]
SHARED: Final = 0.5  # of the hyperparameters known, that a past task must have had
AS_ALIKE: Final = 0.5  # as the one most alike
MOST_TASKS: Final = 32  # more make suggestions slower than they make them better
MOST_TRIALS: Final = 100  # of one past task: the best half, and some of all the others


def sorts_of(space: ConfigurationSpace | None) -> dict[str, set[Sort]]:
    """The hyperparameters of a space, and what each may be: a number, a choice, or both."""
    found: dict[str, set[Sort]] = {}
    for name in space or ():
        assert space is not None
        one = space[name]
        is_choice = isinstance(one, CategoricalHyperparameter) or name.endswith(KIND)
        is_choice = is_choice or (isinstance(one, Constant) and isinstance(one.value, str))
        found.setdefault(name.removesuffix(KIND), set()).add("choice" if is_choice else "number")
    return found


def alike(tasks: Sequence[Task], known: Sorts) -> list[Task]:
    """The tasks that had at least half of these hyperparameters, and are about as alike as the best.

    Alike is by hyperparameters in common over all that either has. At most 32, the most alike ones, and of
    those the latest.
    """
    degrees = [_degree(task.space, known) for task in tasks]
    best = max((degree for degree in degrees if degree is not None), default=0.0)
    chosen = [k for k, degree in enumerate(degrees) if degree is not None and degree >= AS_ALIKE * best]
    chosen = sorted(chosen, key=lambda k: (degrees[k] or 0.0, k))[-MOST_TASKS:]
    return [tasks[k] for k in sorted(chosen)]


def _degree(space: ConfigurationSpace | None, known: Sorts) -> float | None:
    had = sorts_of(space)
    shared = sum(sort in had.get(name, ()) for name, sort in known.items())
    if not shared or shared < SHARED * len(known):
        return None
    return shared / len(had.keys() | known.keys())


def likeliest_family(tasks: Sequence[Task], known: Sorts) -> list[Task]:
    """The latest tasks of the family that most tasks with all these hyperparameters are of, if any."""
    having = [task for task in tasks if _has_all(task.space, known)]
    counts = Counter(task.family for task in reversed(having))
    family = next((name for name, _ in counts.most_common(1)), None)
    return [task for task in having if task.family == family][-MOST_TASKS:]


def _has_all(space: ConfigurationSpace | None, known: Sorts) -> bool:
    had = sorts_of(space)
    return all(sort in had.get(name, ()) for name, sort in known.items())


def lightened(task: Task) -> Task:
    """The task with at most 100 finished trials, half of them the best, the rest spread over the others."""
    if len(task.done) <= MOST_TRIALS:
        return task
    ranked = sorted(task.done, key=lambda trial: trial.loss or 0.0)
    half = MOST_TRIALS // 2
    best, others = ranked[:half], ranked[half:]
    step = len(others) / half
    return replace(task, trials=(*best, *(others[int(k * step)] for k in range(half))))

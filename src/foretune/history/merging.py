"""Several histories as one: what is the same comes in once, and what contradicts is told."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from foretune.data.records import DONE, Task
from foretune.data.spaces import covers, names_of
from foretune.history.history import History
from foretune.history.rows import INFERRED


@dataclass
class Merged:
    """What came in: tasks and trials that the history did not have, and contradictions in sentences."""

    tasks: int = 0
    trials: int = 0
    known: int = 0
    conflicts: list[str] = field(default_factory=list)


def merge(sources: Iterable[Iterable[Task]], into: History) -> Merged:
    """Adds the tasks of every source to a history, each source as a whole or not at all.

    What the history, or an earlier source, knows already stays as it is: of two finished trials of the same
    config, seed and repeat that differ in their losses the first is kept and the conflict told; so are
    datasets that have two names.
    """
    merged = Merged()
    known = {task.key: task for task in into.tasks()}
    for source in sources:
        tasks = list(source)
        for task in tasks:
            before = known.get(task.key)
            merged.tasks += before is None
            known[task.key] = task if before is None else _joined(before, task, merged)
            merged.trials += len(task.trials) if before is None else 0
        into.add(*tasks)
    return merged


def grown_families(tasks: Iterable[Task], history: History) -> dict[str, str]:
    """By each family that is new to the history, the one that it may be, with other hyperparameters now.

    So it may be where the history knows a task of the same name and metric whose hyperparameters are a part
    of the new one's, or these of its.
    """
    families: set[str] = set()
    alike: dict[tuple[str, str], list[Task]] = defaultdict(list)
    for known in history.tasks(trials=False):
        families.add(known.family)
        alike[known.name, known.metric].append(known)
    return {
        task.family: known.family
        for task in tasks
        if task.family not in families
        for known in alike.get((task.name, task.metric), ())
        if _is_part(task, known)
    }


def _is_part(task: Task, other: Task) -> bool:
    """Whether the hyperparameters of one are a part of the other's, and the dataset may be the same."""
    if task.space is None or other.space is None:
        return False
    if task.dataset and other.dataset and task.dataset != other.dataset:
        return False
    ours, theirs = {*names_of(task.space)}, {*names_of(other.space)}
    return set() < ours < theirs or set() < theirs < ours


def _is_widened(before: Task, task: Task) -> bool:
    """Whether the spaces are the same, or inferred, so that the later one takes the place of the first."""
    if before.space is None or task.space is None or before.space == task.space:
        return True
    told = {one.provenance.get("space") for one in (before, task)}
    return told == {INFERRED} and covers(task.space, before.space)


def _joined(before: Task, task: Task, merged: Merged) -> Task:
    """The known task with the trials that are new to it."""
    if before.name != task.name:
        merged.conflicts.append(
            f"{before.name} and {task.name} are the same dataset: the first name is kept."
        )
    if before.space is not None and task.space is not None and not _is_widened(before, task):
        merged.conflicts.append(f"{task.name}, {task.family}: the spaces differ, the first is kept.")
    trials = {trial.key: trial for trial in before.trials}
    fresh = []
    for trial in task.trials:
        known = trials.get(trial.key)
        if known is None:
            fresh.append(trial)
            continue
        merged.known += 1
        if known.status is trial.status is DONE and known.loss != trial.loss:
            merged.conflicts.append(
                f"{task.name}, {task.family}, {dict(trial.config)}: the losses {known.loss} and "
                f"{trial.loss} differ, the first is kept."
            )
    merged.trials += len(fresh)
    return before.plus(*fresh)

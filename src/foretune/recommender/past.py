"""The past tasks that advice rests on: a history of one's own, and the shipped experience beside it."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from os import PathLike

from foretune.data.errors import LearningError
from foretune.data.records import Task
from foretune.experience import PACK
from foretune.history.history import History, open_history

HistoryLike = History | str | PathLike[str] | None


def past_tasks(
    history: HistoryLike = None,
    *,
    family: str | None = None,
    metric: str | None = None,
    experience: bool = True,
) -> list[Task]:
    """The tasks of a history (open, or by its url), then those of the experience that it does not hold."""
    found = {task.key: task for task in _tasks(history, family, metric)}
    if experience and PACK.exists():
        for task in _tasks(PACK, family, metric):
            found.setdefault(task.key, task)
    return list(found.values())


def unused_of(history: HistoryLike, families: Collection[str], metric: str) -> str:
    """That the history's tasks of these families (none: of all) have other metrics; else nothing."""
    with _opened(history) as opened:
        listed = () if opened is None else opened.tasks(trials=False)
        metrics = Counter(task.metric for task in listed if not families or task.family in families)
    if not metrics or metric in metrics:
        return ""
    of = f" of {' or '.join(families)}" if families else ""
    return (
        f"none of the history's tasks{of} is used: their metric is {' or '.join(metrics)}, not {metric} "
        f"({metrics.total()} in all)"
    )


def shipped_beside(
    history: HistoryLike = None, *, family: str | None, metric: str | None, experience: bool
) -> list[Task]:
    """Those of the past tasks that ship; none where there is no history that they lie beside."""
    return past_tasks(family=family, metric=metric) if experience and history is not None else []


def nothing_on(families: Collection[str], metric: str, history: HistoryLike = None) -> LearningError:
    """The error where the past holds nothing to learn from on these families (none: on any)."""
    of, unused = " or ".join(families) or "any family", unused_of(history, families, metric)
    return LearningError(
        f"neither the history nor the experience holds a task of {of} judged by {metric}: collect or import "
        f"some first{f'; {unused}' if unused else ''}."
    )


def _tasks(history: HistoryLike, family: str | None, metric: str | None) -> Iterator[Task]:
    with _opened(history) as opened:
        yield from () if opened is None else opened.tasks(family, metric=metric)


@contextmanager
def _opened(history: HistoryLike) -> Iterator[History | None]:
    """The history, opened for as long where it is given by its url."""
    if isinstance(history, str | PathLike):
        with open_history(history, read_only=True) as opened:
            yield opened
    else:
        yield history

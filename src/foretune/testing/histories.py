"""What every history promises, as a check, and tasks with all that a task may hold."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer

from foretune.data.records import (
    DONE,
    FAILED,
    RUNNING,
    Status,
    Task,
    Trial,
    plain,
)
from foretune.data.spaces import add_mixed
from foretune.history.rows import TABLE_TYPES

if TYPE_CHECKING:
    from foretune.history.history import History


def check_history(make: Callable[[], "History"]) -> None:
    """Passes where the histories that `make` opens, each of them new and empty, keep their contract."""

    def remember(tasks: Sequence[Task]) -> "History":
        history = make()
        history.add(*tasks)
        return history

    check_reading(remember)
    for check in (
        _check_adding_twice_adds_nothing,
        _check_later_trials_join,
        _check_other_seeds_and_metrics_stay,
        _check_gaps_are_filled,
        _check_statuses_move_forward,
    ):
        with make() as history:
            check(history)


def check_reading(remember: Callable[[Sequence[Task]], "History"]) -> None:
    """Passes where a history that `remember` made of some tasks gives back just these, in all its ways."""
    for tasks in ([], example_tasks()):
        with remember(tasks) as history:
            _assert_holds(history, tasks)
            _assert_holds(history, tasks)  # reading changes nothing
            _check_filters(history, tasks)
            _check_table(history, tasks)


def example_tasks() -> list[Task]:
    """Tasks that between them use every field of a task and of a trial."""
    space = ConfigurationSpace(name="ünïcode")
    add_mixed(space, Float("gamma", (1e-5, 10.0), log=True), ["scale", None], default="scale")
    kernel, degree = Categorical("kernel", ["rbf", "poly"], weights=[2, 1]), Integer("degree", (2, 5))
    space.add(kernel, degree, EqualsCondition(degree, kernel, "poly"))
    rich = Task(
        "Kundenabgang – 顧客 ☃ 'quoted\"",
        "svm",
        space,
        dataset="f" * 32,
        group="near copies",
        metafeatures={"n_rows": 150.0, "skew": math.nan, "ratio": math.inf, "floor": -math.inf},
        trials=_example_trials(),
        provenance={"protocol": {"folds": 5, "seed": 0}, "tools": ["a", {"b": None}], "shared": True},
    )
    other_metric = replace(rich, metric="log_loss", trials=rich.trials[:2])
    bare = Task("bare", "decision_tree", None)
    return [rich, other_metric, bare, replace(rich, family="random_forest", space=None)]


def _example_trials() -> tuple[Trial, ...]:
    mixed = {"kernel": "rbf", "gamma": None, "C": 1, "shrinking": True, "tol": 1.0, "layers": [3, "é"]}
    return (
        Trial(
            mixed,
            -1 / 3,
            seconds=0.1,
            scores={"accuracy": (0.1, 1 / 3), "roc_auc": (math.nan, 0.5), "none": ()},
            costs={"fit_seconds": 0.05, "peak_bytes": 1e9},
            noise=0.01,
            fidelity=27.0,
            curve=(0.5, math.nan, math.inf, 1e-300),
            seed=2**40,
            repeat=3,
            weight=0.25,
            reason="ended at the 27th epoch – ✓",
        ),
        Trial(dict(reversed(mixed.items())), 0.0),
        Trial({"C": 1.0}, status=FAILED, reason="singular"),
        Trial({"C": 2.0}, status=RUNNING),
        Trial({}, 1e308),
    )


def _check_adding_twice_adds_nothing(history: "History") -> None:
    tasks = example_tasks()
    history.add(*tasks, *tasks)
    history.add(*history.tasks())
    _assert_holds(history, tasks)


def _check_later_trials_join(history: "History") -> None:
    first, second = example_tasks()[0], Trial({"C": 77.0}, 0.5)
    history.add(first, Task("bare", "svm", None))
    history.add(replace(first, trials=(second, first.trials[0])))
    _assert_holds(history, [first.plus(second), Task("bare", "svm", None)])


def _check_other_seeds_and_metrics_stay(history: "History") -> None:
    trials = [Trial({"C": 1.0}, 0.5, seed=seed, repeat=repeat) for seed in (None, 0, 1) for repeat in (0, 1)]
    trials += [Trial({"C": 1.0}, 0.5, fidelity=8.0), Trial({"C": 1}, 0.5), Trial({"C": True}, 0.5)]
    tasks = [Task("d", "svm", None, metric=metric, trials=tuple(trials)) for metric in ("accuracy", "r2")]
    tasks.append(replace(tasks[0], provenance={"protocol": {"folds": 3}}))
    for task in tasks:
        history.add(task)
    _assert_holds(history, tasks)


def _check_gaps_are_filled(history: "History") -> None:
    history.add(Task("d", "svm", None, metafeatures={"a": 1.0, "b": math.nan}, provenance={"by": "me"}))
    more = example_tasks()[0].space
    later = Task("d", "svm", more, group="g", provenance={"by": "you", "on": "cpu"})
    history.add(replace(later, metafeatures={"a": 2.0, "b": 3.0, "c": 4.0}))
    history.add(Task("d", "svm", None, group="another", metafeatures={"c": 5.0}))
    filled = replace(later, provenance={"by": "me", "on": "cpu"})
    _assert_holds(history, [replace(filled, metafeatures={"a": 1.0, "b": 3.0, "c": 4.0})])


def _check_statuses_move_forward(history: "History") -> None:
    """Each pair of statuses, one after the other: which of the two trials stays."""
    for first in Status:
        for second in Status:
            before, after = _ended(first, reason="first"), _ended(second, reason="second")
            moves = first is not DONE and second is not RUNNING
            task = Task(f"{first} then {second}", "svm", None)
            history.add(task.plus(before, Trial({"C": 9.0}, 0.9)))
            history.add(task.plus(after))
            kept = next(iter(history.tasks(name=task.name)))
            expected = task.plus(after if moves else before, Trial({"C": 9.0}, 0.9))
            assert spelled(kept) == spelled(expected), (
                f"{first}, then {second}: {kept.trials[0].status} stays"
            )


def _ended(status: Status, *, reason: str) -> Trial:
    return Trial({"C": 1.0}, 0.5 if status is DONE else None, status=status, reason=reason)


def _check_filters(history: "History", tasks: Sequence[Task]) -> None:
    filters: tuple[dict[str, Any], ...] = (
        {"family": "svm"},
        {"metric": "log_loss"},
        {"name": "bare"},
        {"family": "no such"},
    )
    for wanted in filters:
        column, value = next(iter(wanted.items()))
        expected = [task for task in tasks if getattr(task, column) == value]
        assert spelled([*history.tasks(**wanted)]) == spelled(expected), f"tasks({wanted}) gives other tasks"
        bare = [replace(task, trials=()) for task in expected]
        assert spelled([*history.tasks(**wanted, trials=False)]) == spelled(bare), "trials=False: other tasks"
    counts = {task.key: len(task.trials) for task in tasks}
    assert history.sizes() == counts, f"sizes() gives {history.sizes()}, and tasks() {counts}"
    assert [*history.sizes()] == [*counts], "sizes() is not in the order of tasks()"


def _check_table(history: "History", tasks: Sequence[Task]) -> None:
    """The bulk path tells what the tasks tell, in their order, also where only some are wanted."""
    for family, metric in ((None, None), ("svm", None), ("svm", "log_loss"), ("no such", None)):
        expected = [
            _table_row(task, trial)
            for task in tasks
            if family in (None, task.family) and metric in (None, task.metric)
            for trial in task.trials
        ]
        frame = history.table(family, metric=metric)
        assert list(frame.columns) == list(TABLE_TYPES), f"table() has the columns {list(frame.columns)}"
        frame["config"] = frame["config"].map(json.loads)
        found = [[*map(_or_none, row)] for row in frame.itertuples(index=False)]
        assert spelled(found) == spelled(expected), f"table({family!r}, metric={metric!r}) and tasks() differ"


def _table_row(task: Task, trial: Trial) -> list[Any]:
    measured = [trial.loss, trial.seconds, str(trial.status), trial.noise, trial.fidelity, trial.weight]
    return [task.key, task.name, trial.config, *measured]


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _assert_holds(history: "History", tasks: Sequence[Task]) -> None:
    found = list(history.tasks())
    assert [task.key for task in found] == [task.key for task in tasks], "not the tasks, or not their order"
    for ours, theirs in zip(tasks, found, strict=True):
        assert spelled(theirs) == spelled(ours), f"{ours.name!r} came back changed: {theirs} is not {ours}"
        assert [t.key for t in theirs.trials] == [t.key for t in ours.trials], "trials changed identity"


def spelled(value: Any) -> str:
    """A text that is equal for equal tasks, trials and values: NaN equals NaN here, and 1 is not 1.0."""
    if isinstance(value, Task | Trial):
        return spelled({name: getattr(value, name) for name in value.__slots__ if name != "_"})
    if isinstance(value, ConfigurationSpace):
        return spelled(value.to_serialized_dict())
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name!r}: {spelled(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(spelled, value)) + "]"
    return repr(plain(value))

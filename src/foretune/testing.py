"""Contract checks for those who write their own history or learner for foretune.

Each check raises an `AssertionError` that says which promise is broken:

    def test_my_history(tmp_path):
        names = itertools.count()
        check_history(lambda: MyHistory(tmp_path / str(next(names))))

    def test_my_learner():
        check_learner(MyLearner)
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer

from foretune.data.errors import LearningError
from foretune.data.records import (
    DONE,
    FAILED,
    RUNNING,
    Config,
    Floats,
    Forecast,
    Status,
    Task,
    Trial,
    plain,
)
from foretune.data.spaces import add_mixed, grid_cells
from foretune.history.rows import TABLE_TYPES

if TYPE_CHECKING:
    from foretune.history.history import History
    from foretune.learners.learner import Learner

TIE: Final = 1e-9  # share of the range of a forecast below which two configs count as equally good


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
            moves = (first is RUNNING and second is not RUNNING) or (first is FAILED and second is DONE)
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


RELATED_CELLS: Final = grid_cells({"C": [0.001, 0.1, 1, 10.0, 1000.0], "gamma": ["scale", 1e-4, 0.01, 1.0]})


def related_space() -> ConfigurationSpace:
    """The space of `related_tasks`: C on a log scale, and gamma, which is "scale" or a number."""
    space = ConfigurationSpace()
    space.add(Float("C", (1e-3, 1e3), log=True, default=1.0))
    add_mixed(space, Float("gamma", (1e-5, 10.0), log=True, default=0.1), ["scale"], default="scale")
    return space


def related_loss(config: Config, size: float, level: float) -> float:
    """The loss of a config on the related task of this size and level.

    The best C grows with the size, from 0.01 at 0 to 100 at 1; the best gamma is 0.01 wherever; the level is
    the lowest loss that the task allows.
    """
    gamma = config.get("gamma", "scale")
    behind = 0.1 if gamma == "scale" else 0.05 * abs(math.log10(gamma) + 2)
    return level + 0.02 * (math.log10(config.get("C", 1.0)) - (4 * size - 2)) ** 2 + behind


def related_task(name: str, size: float, level: float, *, cells: Sequence[Config] = ()) -> Task:
    """The task of this size and level, which are its meta-features too, with a trial of each cell."""
    trials = tuple(Trial(cell, related_loss(cell, size, level), seconds=0.1) for cell in cells)
    metafeatures = {"size": size, "landmark": level}
    return Task(
        name, "svm", related_space(), dataset=f"data of {name}", metafeatures=metafeatures, trials=trials
    )


def related_tasks(n: int = 24, *, cells: Sequence[Config] = RELATED_CELLS, seed: int = 0) -> list[Task]:
    """Tasks whose sizes and levels are spread at random over [0, 1], each with a trial of each cell."""
    sizes, levels = np.random.default_rng(seed).random((2, n)).tolist()
    return [related_task(f"past {k}", sizes[k], levels[k], cells=cells) for k in range(n)]


def check_learner(make: Callable[[], "Learner"], *, order_matters: str = "") -> None:
    """Passes where the learners that `make` gives, each of them untaught, keep their contract and make sense.

    `order_matters` is the reason why the order of the past tasks may change a forecast, where it may: a
    network trained on shuffled rows, say.
    """
    past, new = related_tasks(), related_task("new", 0.3, 0.4)
    _check_learning_from_nothing(make)
    learner = make()
    assert learner.fit(past) is learner, "fit(tasks) does not give the learner itself"
    for task in _variants(new):
        _check_forecast(learner, task)
    _check_forecasts_repeat(make, past, new)
    _check_copies(make)
    _check_units(make, past, new)
    _check_names_mean_nothing(make, past, new)
    if not order_matters:
        _check_order_of_tasks(make, past, new)


def _check_learning_from_nothing(make: Callable[[], "Learner"]) -> None:
    bare = related_task("bare", 0.5, 0.5)
    unfinished = bare.plus(Trial({"C": 1.0}, status=FAILED), Trial({"C": 2.0}, status=RUNNING))
    for tasks in ([], [bare], [unfinished], [bare.plus(Trial({"C": 1.0}, 0.5))]):
        try:
            make().fit(tasks)
        except LearningError:
            continue
        raise AssertionError(f"learning from {tasks} teaches nothing, but raises no LearningError")


def _variants(new: Task) -> list[Task]:
    """The new task with less, with more, and with trials of every status."""
    done = [Trial(cell, related_loss(cell, 0.3, 0.4)) for cell in RELATED_CELLS[3:6]]
    failed = Trial({"C": 10.0}, status=FAILED, reason="singular")
    running = Trial({"C": 0.02, "gamma": 0.3}, status=RUNNING)
    return [
        new,
        replace(new, metafeatures={}),
        replace(new, metafeatures={"size": math.nan, "landmark": 0.4}),
        replace(new, metafeatures={"unheard of": 7.0, **new.metafeatures}),
        new.plus(failed, running),
        new.plus(*done),
        new.plus(*done, failed, running),
    ]


def _check_forecast(learner: "Learner", task: Task) -> None:
    """Some tried configs, some never tried, one that leaves all to the defaults, and one alone."""
    for configs in ([*RELATED_CELLS, {"C": 0.5, "gamma": 0.2}, {"C": 3.0}, {}], [{"C": 7.0}]):
        forecast = learner.forecast(task, configs)
        n = len(configs)
        assert forecast.mean.shape == forecast.std.shape == (n,), f"not one mean and std for each of {n}"
        assert np.isfinite(forecast.mean).all(), f"a mean is not finite: {forecast.mean}"
        assert np.isfinite(forecast.std).all(), f"a std is not finite: {forecast.std}"
        assert (forecast.std > 0).all(), f"a std is not positive: {forecast.std}"
        scenarios, weights = forecast.scenarios, forecast.weights
        assert (scenarios is None) == (weights is None), "scenarios and their weights come together"
        if scenarios is not None and weights is not None:
            assert scenarios.shape == (len(weights), n), (
                f"scenarios {scenarios.shape}, weights {weights.shape}"
            )
            assert (weights >= 0).all(), f"a weight is negative: {weights}"
            assert abs(weights.sum() - 1) < 1e-6, f"the weights sum to {weights.sum()}"


def _check_forecasts_repeat(make: Callable[[], "Learner"], past: Sequence[Task], new: Task) -> None:
    """Neither asking twice, nor having asked or learned something else before, changes a forecast."""
    learner, task = make().fit(past), _variants(new)[-1]
    first = learner.forecast(task, RELATED_CELLS)
    learner.forecast(new, [{"C": 0.7}])
    learner.forecast(related_task("another", 0.9, 0.1, cells=RELATED_CELLS), RELATED_CELLS)
    _assert_same(first, learner.forecast(task, RELATED_CELLS), "a second forecast differs")
    fresh = make().fit(past).forecast(task, RELATED_CELLS)
    _assert_same(first, fresh, "a second learner, taught the same, forecasts otherwise")
    relearned = learner.fit(related_tasks(12, seed=1)).fit(past)
    _assert_same(first, relearned.forecast(task, RELATED_CELLS), "fit(tasks) does not forget older ones")


def _check_copies(make: Callable[[], "Learner"]) -> None:
    for size in (0.0, 0.75):
        past = [related_task(f"copy {k}", size, 0.3, cells=RELATED_CELLS) for k in range(20)]
        forecast = make().fit(past).forecast(related_task("new", size, 0.3), RELATED_CELLS)
        lowest, best = RELATED_CELLS[int(np.argmin(forecast.mean))], past[0].best
        assert best is not None
        assert lowest == best.config, f"20 copies were best at {best.config}, but {lowest} is forecast lowest"


def _check_units(make: Callable[[], "Learner"], past: Sequence[Task], new: Task) -> None:
    """Losses may be in any unit, and count from anywhere: which config is better stays the same."""
    for task in (new, new.plus(*_variants(new)[5].trials)):
        before = make().fit(past).forecast(task, RELATED_CELLS)
        for factor, shift in ((1.0, 1000.0), (1.0, -5.0), (250.0, 0.0), (0.001, 0.0)):
            tasks = [_in_units(one, factor, shift) for one in past]
            after = make().fit(tasks).forecast(_in_units(task, factor, shift), RELATED_CELLS)
            _assert_same_order(before, after, f"losses times {factor}, plus {shift}")


def _in_units(task: Task, factor: float, shift: float) -> Task:
    """The task with other losses, and its landmark meta-feature as it was."""
    trials = [t if t.loss is None else replace(t, loss=factor * t.loss + shift) for t in task.trials]
    return replace(task, trials=tuple(trials))


def _check_names_mean_nothing(make: Callable[[], "Learner"], past: Sequence[Task], new: Task) -> None:
    task = _variants(new)[-1]
    before = make().fit(past).forecast(task, RELATED_CELLS)
    renamed = [replace(one, name=f"{one.name} under another name") for one in past]
    after = make().fit(renamed).forecast(replace(task, name="renamed"), RELATED_CELLS)
    _assert_same_order(before, after, "other names of tasks")
    turned = [_turned(one) for one in past]
    cells = [dict(reversed(cell.items())) for cell in RELATED_CELLS]
    after = make().fit(turned).forecast(_turned(task), cells)
    _assert_same_order(before, after, "hyperparameters in another order")


def _turned(task: Task) -> Task:
    """The task whose configs name their hyperparameters the other way round."""
    trials = [replace(trial, config=dict(reversed([*trial.config.items()]))) for trial in task.trials]
    return replace(task, trials=tuple(trials))


def _check_order_of_tasks(make: Callable[[], "Learner"], past: Sequence[Task], new: Task) -> None:
    for task in (new, _variants(new)[-1]):
        before = make().fit(past).forecast(task, RELATED_CELLS)
        after = make().fit([*past[1::2], *past[::2]]).forecast(task, RELATED_CELLS)
        _assert_same_order(before, after, "past tasks in another order")


def _assert_same(one: Forecast, other: Forecast, what: str) -> None:
    assert np.array_equal(one.mean, other.mean), what
    assert np.array_equal(one.std, other.std), what


def _assert_same_order(before: Forecast, after: Forecast, what: str) -> None:
    """Both forecasts agree which of two configs is better, unless they are as good as equal in one."""
    assert np.ptp(after.mean) > 0, f"{what}: all configs are forecast to be the same"
    old, new = _shares(before.mean), _shares(after.mean)
    turned = (old[:, None] < old - TIE) & (new[:, None] > new + TIE)
    assert not turned.any(), f"{what} changes which of {turned.sum()} pairs of configs is better"


def _shares(values: Floats) -> Floats:
    """The values on a scale from 0 to 1."""
    return np.asarray((values - values.min()) / max(float(np.ptp(values)), 1e-300))

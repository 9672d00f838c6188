"""What every learner promises, as a check."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from foretune.data.errors import LearningError
from foretune.data.records import (
    FAILED,
    RUNNING,
    Floats,
    Forecast,
    Task,
    Trial,
)
from foretune.testing.related import RELATED_CELLS, related_loss, related_task, related_tasks

if TYPE_CHECKING:
    from foretune.learners.learner import Learner

TIE: Final = 1e-9  # share of the range of a forecast below which two configs count as equally good


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

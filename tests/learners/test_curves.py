"""The learner of curves, on curves whose course is known."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import numpy as np
import pytest
from scipy.stats import spearmanr

from curved_tasks import FULL, curved_tasks, new_task
from foretune.data.errors import LearningError
from foretune.data.records import Floats, Task, Trial
from foretune.learners.curves import Curves
from foretune.testing import RELATED_CELLS, check_learner, related_loss, related_task, related_tasks

TRUTH = np.array([related_loss(cell, 0.3, 0.4) for cell in RELATED_CELLS])


def errors(learner: Curves, task: Task) -> Floats:
    """How far each final loss is forecast amiss."""
    return np.asarray(np.abs(learner.forecast(task, RELATED_CELLS).mean - TRUTH))


@pytest.fixture(scope="module")
def taught() -> Curves:
    """The learner that has seen two dozen tasks."""
    return Curves(FULL).fit(curved_tasks())


class Straight(Curves):
    """A learner of curves that takes every whole trial for one whose curve was flat."""

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The learner itself."""
        return super().fit([replace(task, trials=tuple(map(flat, task.trials))) for task in tasks])


def flat(trial: Trial) -> Trial:
    """The trial with a curve that never falls, where it was finished."""
    return trial if trial.loss is None else replace(trial, curve=(trial.loss,) * FULL)


def test_it_is_a_learner() -> None:
    """It keeps the contract that we publish."""
    check_learner(lambda: Straight(FULL))


def test_first_epochs_tell_the_final_losses(taught: Curves) -> None:
    """One epoch of three configs makes forecasts of all final losses better than none does."""
    seen = new_task(*((RELATED_CELLS[k], 1) for k in (1, 6, 11)))
    before, after = errors(taught, new_task()), errors(taught, seen)
    assert after.mean() < 0.7 * before.mean()
    assert spearmanr(taught.forecast(seen, RELATED_CELLS).mean, TRUTH).statistic > 0.9


def test_a_longer_curve_says_more(taught: Curves) -> None:
    """The doubt about a config's final loss shrinks with every step, and is least when it is finished."""
    others = [(RELATED_CELLS[k], 1) for k in (1, 11)]
    doubts = [
        taught.forecast(new_task(*others, (RELATED_CELLS[6], e)), RELATED_CELLS).std[6] for e in (1, 2, 4, 8)
    ]
    assert (np.diff(doubts) < 0).all()


def test_prospects_count_the_steps(taught: Curves) -> None:
    """A config trained for 4 of 8 epochs has 3 of 4 steps behind it; a finished one is doubted least."""
    found = taught.prospects(new_task((RELATED_CELLS[0], 4), (RELATED_CELLS[1], FULL)), RELATED_CELLS)
    assert found.reached[:3].tolist() == [3, 4, 0]
    assert found.std[1] < found.std[0] < found.std[2]


def test_a_reading_between_two_steps_counts(taught: Curves) -> None:
    """What was read after 3 epochs alone tells as much as what was read after 2 or 4, and is no step more."""
    others = [(RELATED_CELLS[k], 1) for k in (1, 11)]
    found = [taught.prospects(new_task(*others, (RELATED_CELLS[6], e)), RELATED_CELLS) for e in (2, 3, 4)]
    assert [one.reached[6] for one in found] == [2, 2, 3]
    assert [one.since[6] for one in found] == [2, 3, 4]
    assert found[0].std[6] > found[1].std[6] > found[2].std[6]
    assert found[1].mean[6] == pytest.approx(TRUTH[6], abs=0.05)


def test_curves_may_begin_late() -> None:
    """Where most past tasks were first read after 4 epochs, forecasts begin there, and no curve is needed."""
    late = []
    for task in curved_tasks():
        early = [replace(one, loss=one.curve[3], fidelity=4.0, curve=()) for one in task.trials]
        late.append(replace(task, trials=(*early, *(replace(one, curve=()) for one in task.trials))))
    taught = Curves(FULL).fit([*late, *curved_tasks()[:3]])
    assert taught.steps == (4.0, 8.0)
    found = taught.prospects(new_task((RELATED_CELLS[0], 2), (RELATED_CELLS[1], 4)), RELATED_CELLS)
    assert found.reached[:3].tolist() == [0, 1, 0]
    assert found.std[1] < found.std[2]


def test_other_candidates_hardly_change_a_forecast(taught: Curves) -> None:
    """Which others are asked about matters only for which past datasets are taken for similar."""
    task = new_task((RELATED_CELLS[0], 2), (RELATED_CELLS[1], FULL))
    alone, among = taught.forecast(task, RELATED_CELLS[:3]), taught.forecast(task, RELATED_CELLS)
    assert alone.mean == pytest.approx(among.mean[:3], abs=0.01)
    assert alone.std == pytest.approx(among.std[:3], rel=0.1)


def test_tasks_without_curves_teach_nothing() -> None:
    """A past without curves is refused with what to do; beside tasks with curves it is left out."""
    with pytest.raises(LearningError, match="no past task has curves up to 8"):
        Curves(FULL).fit(related_tasks())
    mixed = Curves(FULL).fit([*curved_tasks(), *related_tasks(3)])
    assert len(mixed.tasks) == 24
    assert related_task("bare", 0.5, 0.5) not in mixed.tasks

"""Gaussian processes that know the past, and one that does not."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from foretune.data.records import RUNNING, Task, Trial
from foretune.learners.gaussian_process import ColdGaussianProcess, GaussianProcess, Opinion
from foretune.testing import RELATED_CELLS, check_learner, related_loss, related_task, related_tasks


def with_trials(size: float, n: int) -> Task:
    """A task of this size with its first n cells tried."""
    trials = (Trial(cell, related_loss(cell, size, 0.4)) for cell in RELATED_CELLS[:n])
    return related_task("new", size, 0.4).plus(*trials)


@pytest.mark.parametrize("opinions", [(Opinion(),), (Opinion(0.1), Opinion(0.6, 0.1))])
def test_it_keeps_the_contract(opinions: tuple[Opinion, ...]) -> None:
    """With one opinion or several it passes the checks that we publish."""
    check_learner(lambda: GaussianProcess(opinions=opinions))


def test_a_tried_config_has_its_own_loss() -> None:
    """In the forecast, in every scenario, what was tried has the loss that was seen."""
    task = with_trials(0.3, 4)
    forecast = GaussianProcess().fit(related_tasks()).forecast(task, RELATED_CELLS)
    seen = [trial.loss for trial in task.done]
    np.testing.assert_allclose(forecast.mean[:4], seen)
    assert forecast.scenarios is not None
    np.testing.assert_allclose(forecast.scenarios[:, :4], np.broadcast_to(seen, (len(forecast.scenarios), 4)))


def test_trials_shift_the_shares_to_tasks_that_agree() -> None:
    """Without meta-features, after a few trials the tasks near the new one's size weigh more."""
    past = related_tasks()
    sizes = np.array([task.metafeatures["size"] for task in past])
    task = with_trials(0.9, 6)
    bare = Task("bare", task.family, task.space, trials=task.trials)
    shares = GaussianProcess().fit(past).forecast(bare, RELATED_CELLS).shares
    assert shares is not None
    assert shares.sum() == pytest.approx(1.0)
    assert abs(float(shares @ sizes) - 0.9) < 0.75 * abs(float(sizes.mean()) - 0.9)


def test_the_views_do_not_mix() -> None:
    """Asked about many sets of configs in turn, each answer is what it was at first."""
    learner = GaussianProcess().fit(related_tasks())
    first = [learner.forecast(with_trials(0.3, 3), RELATED_CELLS[: 5 + k]).mean for k in range(6)]
    again = [learner.forecast(with_trials(0.3, 3), RELATED_CELLS[: 5 + k]).mean for k in range(6)]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_cold_process_does_not_believe_the_past() -> None:
    """Taught a past turned upside down it still ranks configs the same, and it rests on no past task."""
    past = related_tasks()
    upside_down = [
        Task(
            task.name,
            task.family,
            task.space,
            trials=tuple(Trial(t.config, -(t.loss or 0.0)) for t in task.trials),
        )
        for task in past
    ]
    task = with_trials(0.3, 5).plus(Trial({"C": 3.0}, status=RUNNING))
    one, other = (
        ColdGaussianProcess().fit(tasks).forecast(task, RELATED_CELLS) for tasks in (past, upside_down)
    )
    assert spearmanr(one.mean, other.mean).statistic > 0.98
    assert one.history_weight == 0.0
    assert one.shares is not None
    assert not one.shares.any()


def test_a_cold_process_may_be_unsure_of_the_scale() -> None:
    """Where past losses spread ten times as much as the new task's, doubt about that narrows forecasts."""
    cells = RELATED_CELLS[::3]
    past = [
        replace(task, trials=tuple(replace(one, loss=10 * (one.loss or 0.0)) for one in task.trials))
        for task in [related_task(f"past {k}", 0.5, 0.4, cells=RELATED_CELLS) for k in range(8)]
    ]
    new = related_task("new", 0.3, 0.4, cells=cells)
    sure, unsure = (
        ColdGaussianProcess(unsure=doubt).fit(past).forecast(new, RELATED_CELLS) for doubt in (0.1, 1.0)
    )
    assert unsure.std.mean() < 0.5 * sure.std.mean()

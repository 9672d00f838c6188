"""Early stopping, on curves whose course is known."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from ConfigSpace import Float
from scipy.stats import norm

from curved_tasks import FULL, curved_tasks, loss_after, new_task
from foretune.data.errors import LearningError, SpaceError
from foretune.data.records import FAILED, RUNNING, Task, Trial
from foretune.learners.curves import Prospects
from foretune.recommender.early_stopping import EarlyStopping, Step, expected_gains
from foretune.recommender.recommender import Recommender
from foretune.testing import RELATED_CELLS, related_loss, related_tasks

BEST = min(related_loss(cell, 0.3, 0.4) for cell in RELATED_CELLS)


@pytest.fixture(scope="module")
def early() -> EarlyStopping:
    """A search that has seen two dozen tasks and may spend three whole trainings."""
    return EarlyStopping(FULL, budget=3 * FULL, learner="portfolio").fit(curved_tasks())


def searched(early: EarlyStopping, task: Task) -> tuple[Task, list[Step]]:
    """The task after all steps that the search asks for, and these."""
    steps = []
    while step := early.ask(task, candidates=RELATED_CELLS):
        task = early.tell(task, step, loss_after(step.config, step.until, 0.3, 0.4))
        steps.append(step)
    return task, steps


def test_a_search_ends_with_a_good_config_finished(early: EarlyStopping) -> None:
    """The epochs of three whole trainings begin more than three configs and finish one of the best three."""
    task, steps = searched(early, new_task())
    assert sum(step.until - step.since for step in steps) <= 3 * FULL
    assert len({str(step.config) for step in steps}) > 3
    best = early.best(task, candidates=RELATED_CELLS)
    assert best.loss <= sorted(related_loss(cell, 0.3, 0.4) for cell in RELATED_CELLS)[2]
    assert best.std == 0
    assert task.best is not None
    assert task.best.config == best.config


def test_the_first_step_is_the_recommendation(early: EarlyStopping) -> None:
    """A search begins with what a recommender taught by the same past recommends."""
    first = Recommender("portfolio").fit(curved_tasks()).recommend(new_task(), candidates=RELATED_CELLS)
    step = early.ask(new_task(), candidates=RELATED_CELLS)
    assert step is not None
    assert (step.config, step.since, step.until) == (first[0].config, 0, 1)


def test_the_task_is_the_only_state(early: EarlyStopping) -> None:
    """The same task is answered alike by a search that never saw it before."""
    task = new_task((RELATED_CELLS[0], 2), (RELATED_CELLS[6], 4))
    other = EarlyStopping(FULL, budget=3 * FULL, learner="portfolio").fit(curved_tasks())
    assert other.ask(task, candidates=RELATED_CELLS) == early.ask(task, candidates=RELATED_CELLS)


def test_steps_continue_where_a_config_was_left(early: EarlyStopping) -> None:
    """A config trained for 2 epochs goes on to 4, whichever way its trial was told."""
    task = new_task((RELATED_CELLS[6], 2))
    step = early.ask(task, candidates=[RELATED_CELLS[6]])
    assert step is not None
    assert (step.since, step.until) == (2, 4)
    task = early.tell(task, step, 0.6, curve=(0.9, 0.8, 0.7, 0.6), seconds=3.0)
    assert (task.trials[-1].fidelity, task.trials[-1].curve[0], task.trials[-1].seconds) == (4, 0.9, 3.0)
    assert early.tell(task, Step(RELATED_CELLS[6], 8, 4, 0.5, 0.1), 0.5).done


@pytest.mark.parametrize("workers", [2, 8])
def test_several_workers_finish_one_config(workers: int) -> None:
    """However many train at once, a budget of one whole training ends with one."""
    early = EarlyStopping(FULL, budget=FULL, learner="portfolio").fit(curved_tasks())
    task, under_way = new_task(), list[Step]()
    while True:
        if len(under_way) < workers and (step := early.ask(task, candidates=RELATED_CELLS)):
            task = task.plus(Trial(step.config, status=RUNNING, fidelity=step.until))
            under_way.append(step)
        elif under_way:
            step = under_way.pop(0)
            task = early.tell(task, step, loss_after(step.config, step.until, 0.3, 0.4))
        else:
            break
    assert len(task.done) == 1


def test_what_is_finished_is_not_trained_again() -> None:
    """Where the better config cannot be finished any more and another one is, the search comes to its end."""
    early = EarlyStopping(FULL, budget=1.5 * FULL, learner="portfolio").fit(curved_tasks())
    best, *_, worst = sorted(RELATED_CELLS, key=lambda cell: related_loss(cell, 0.3, 0.4))
    task = new_task((worst, FULL), (best, 2))
    for _ in range(3):
        if (step := early.ask(task, candidates=[worst, best])) is None:
            break
        assert step.until > step.since
        task = early.tell(task, step, loss_after(step.config, step.until, 0.3, 0.4))
    else:
        raise AssertionError("the search goes on")


def test_a_diverged_loss_does_not_spoil_the_others() -> None:
    """A reading of a million counts as a hopeless one: what is handed over is good, its loss believable."""
    early = EarlyStopping(FULL, budget=3 * FULL, learner="portfolio").fit(curved_tasks())
    task = new_task().plus(Trial(RELATED_CELLS[-1], 1e6, fidelity=1))
    task, _ = searched(early, task)
    found = early.best(task, candidates=RELATED_CELLS)
    assert found.loss == pytest.approx(related_loss(found.config, 0.3, 0.4), abs=0.05)
    assert found.loss < BEST + 0.05


def test_a_hyperparameter_of_today_is_learned() -> None:
    """What no past task knew tells the configs of today's space apart, once readings show that it matters."""
    early = EarlyStopping(FULL, learner="portfolio").fit(curved_tasks())
    task = new_task()
    assert task.space is not None
    wider = copy.deepcopy(task.space)
    wider.add(Float("shrinkage", (0.0, 1.0), default=0.0))
    cells = [{**RELATED_CELLS[6], "shrinkage": k / 10} for k in range(11)]
    told = [Trial(cell, 0.4 + cell["shrinkage"]) for cell in cells[::5]]
    assert early.ask(replace(task, space=wider, trials=tuple(told)), candidates=cells) is not None
    forecast = early.curves.forecast(replace(task, space=wider, trials=tuple(told)), cells)
    assert forecast.mean[1] < forecast.mean[4] < forecast.mean[9]


def test_what_diverges_is_given_up() -> None:
    """Where trainings fail beyond their first steps, the search ends, and names no failed config."""
    early = EarlyStopping(FULL, budget=2 * FULL, learner="portfolio").fit(curved_tasks())
    task, asked = new_task(), 0
    while (step := early.ask(task, candidates=RELATED_CELLS)) is not None:
        asked += 1
        assert asked < 40
        loss = None if step.until > FULL / 2 else loss_after(step.config, step.until, 0.3, 0.4)
        task = early.tell(task, step, loss)
    failed = [trial.config for trial in task.trials if trial.status is FAILED]
    assert failed
    assert len(failed) == len({str(config) for config in failed})
    begun = [trial.config for trial in task.trials if trial.config not in failed]
    assert not begun or early.best(task, candidates=RELATED_CELLS).config in begun


def test_what_runs_or_failed_is_passed_over(early: EarlyStopping) -> None:
    """Neither a config that another worker trains nor one that diverged is asked for."""
    task = new_task((RELATED_CELLS[6], 1)).plus(
        Trial(RELATED_CELLS[6], status=RUNNING, fidelity=2), Trial(RELATED_CELLS[7], status=FAILED)
    )
    assert early.ask(task, candidates=RELATED_CELLS[6:8]) is None
    diverged = early.tell(new_task(), Step(RELATED_CELLS[0], 1, 0, 0.5, 0.1), None)
    assert diverged.trials[0].status is FAILED


def test_the_best_is_one_that_was_begun(early: EarlyStopping) -> None:
    """A config counts as the best by its forecast before it is finished, but not before it is begun."""
    task = new_task((RELATED_CELLS[19], FULL), (RELATED_CELLS[6], 4))
    best = early.best(task)
    assert best.config == RELATED_CELLS[6]
    assert best.std > 0
    with pytest.raises(LearningError, match="no config was begun"):
        early.best(new_task())


@pytest.mark.parametrize("fidelity", [0.5, 2.0 * FULL])
def test_what_was_read_at_no_step_is_not_begun(early: EarlyStopping, fidelity: float) -> None:
    """With no reading but one beside the steps there is no best yet: before, it was the first candidate."""
    task = new_task().plus(Trial(RELATED_CELLS[6], 0.5, fidelity=fidelity))
    with pytest.raises(LearningError, match="no config was read after 1, 2, 4, 8: train the first step"):
        early.best(task, candidates=RELATED_CELLS)
    step = early.ask(task, candidates=RELATED_CELLS)
    assert step is not None
    assert (step.since, step.until) == (0, 1)


@pytest.mark.parametrize("curve", [(), (0.9, 0.7, 0.6)])
def test_what_was_read_between_two_steps_goes_on_from_there(
    early: EarlyStopping, curve: tuple[float, ...]
) -> None:
    """A config that is trained for 3 epochs is begun, and its next step is from 3 to 4, not from 2."""
    task = new_task().plus(Trial(RELATED_CELLS[6], 0.6, fidelity=3.0, curve=curve))
    assert early.best(task, candidates=RELATED_CELLS).config == RELATED_CELLS[6]
    step = early.ask(task, candidates=[RELATED_CELLS[6]])
    assert step is not None
    assert (step.since, step.until) == (3, 4)


def test_what_is_trained_between_two_steps_is_finished_within_the_budget() -> None:
    """A config with 7 of 8 epochs behind it needs one more, not the four since the step before."""
    early = EarlyStopping(FULL, budget=FULL, learner="portfolio").fit(curved_tasks())
    task = new_task((RELATED_CELLS[6], 7))
    step = early.ask(task, candidates=RELATED_CELLS)
    assert step is not None
    assert (step.config, step.since, step.until) == (RELATED_CELLS[6], 7, FULL)


def test_a_task_of_another_metric_is_refused(early: EarlyStopping) -> None:
    """Past accuracies do not tell how far log losses fall: their units are others."""
    task = replace(new_task((RELATED_CELLS[6], 2)), metric="log_loss")
    for answer in (early.ask, early.best):
        with pytest.raises(LearningError, match=r"taught by accuracy, and is asked .* log_loss"):
            answer(task, candidates=RELATED_CELLS)


def test_a_wide_space_is_searched_without_candidates() -> None:
    """Without candidates configs of the whole space are asked for; without a budget there is always more."""
    early, task = EarlyStopping(FULL, learner="portfolio").fit(curved_tasks()), new_task()
    for _ in range(12):
        step = early.ask(task)
        assert step is not None
        task = early.tell(task, step, loss_after({"C": 1.0, **step.config}, step.until, 0.3, 0.4))
    assert early.best(task).loss < BEST + 0.1


def test_a_budget_below_one_training_is_refused() -> None:
    """It could finish nothing."""
    with pytest.raises(SpaceError, match="less than one whole training"):
        EarlyStopping(FULL, budget=7)


def test_a_past_without_curves_is_refused() -> None:
    """It does not tell how curves go."""
    with pytest.raises(LearningError, match="no past task has curves"):
        EarlyStopping(FULL).fit(related_tasks())


def test_the_gain_of_a_config_is_its_expected_improvement() -> None:
    """Against a best whose end is known a challenger gains what the closed formula says; the best as much."""
    mean, doubt = 0.1, 0.3
    covariance, since = np.diag([0.0, doubt**2]), np.array([8.0, 0.0])
    prospects = Prospects(np.array([0.0, mean]), covariance, np.array([4, 0]), since)
    gain = doubt * norm.pdf(mean / doubt) - mean * norm.cdf(-mean / doubt)
    assert expected_gains(prospects) == pytest.approx([gain, gain], rel=0.1)


def test_only_what_may_end_lowest_gains() -> None:
    """A config far behind gains nothing, however many there are; nor does one that ends as the best does."""
    far = [5.0] * 100
    mean = np.array([0.1, 0.0, *far])
    together = np.zeros((102, 102))
    together[:2, :2] = 0.04
    together[2:, 2:] = np.eye(100) * 1e-4
    steps = np.array([0, 3, *[0] * 100])
    gains = expected_gains(Prospects(mean, together, steps, np.where(steps, 4.0, 0.0)))
    assert gains == pytest.approx(np.zeros(102), abs=1e-7)


def test_a_recommender_may_propose_what_was_trained_in_part() -> None:
    """A config with a partial trial has yet to be tried; one that is whole or runs has not."""
    recommender = Recommender("portfolio").fit(related_tasks())
    first = recommender.recommend(new_task(), candidates=RELATED_CELLS)[0].config
    begun = new_task((first, 2))
    assert recommender.recommend(begun, candidates=RELATED_CELLS)[0].config == first
    for task in (new_task((first, FULL)), begun.plus(Trial(first, status=RUNNING, fidelity=4))):
        assert recommender.recommend(task, candidates=RELATED_CELLS)[0].config != first


def test_a_worker_that_marks_what_it_trains_finishes_configs(early: EarlyStopping) -> None:
    """A RUNNING trial gives way to its result, so the search ends as one without such trials does."""
    task = new_task()
    while step := early.ask(task, candidates=RELATED_CELLS):
        task = task.plus(Trial(step.config, status=RUNNING, fidelity=step.until))
        task = early.tell(task, step, loss_after(step.config, step.until, 0.3, 0.4))
    plain, _ = searched(early, new_task())
    assert task.trials == plain.trials


def test_running_and_failed_trials_count_against_the_budget(early: EarlyStopping) -> None:
    """What is under way is paid for, and so are trainings that failed, also before any is done."""
    some = [Trial(cell, status=RUNNING, fidelity=FULL / 2) for cell in RELATED_CELLS[:6]]
    assert early.ask(Task("new", "svm", None).plus(*some), candidates=RELATED_CELLS) is None
    failed = [Trial(cell, status=FAILED, fidelity=FULL) for cell in RELATED_CELLS[:3]]
    assert early.ask(Task("new", "svm", None).plus(*failed), candidates=RELATED_CELLS) is None
    assert early.ask(Task("new", "svm", None).plus(*failed[:2]), candidates=RELATED_CELLS) is not None

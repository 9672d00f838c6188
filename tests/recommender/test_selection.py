"""`auto`: what it learns by rehearsing, and how it falls back on itself when the history misleads."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ConfigSpace import ConfigurationSpace, Float

from foretune.data.records import Task, Trial
from foretune.learners.relevance import Relevance
from foretune.recommender.recommender import Recommender
from foretune.recommender.selection import COLD_SHARE, Auto, Rehearsal, rehearse, unrehearsed
from foretune.testing import RELATED_CELLS, check_learner, related_loss, related_task, related_tasks


def turned(task: Task) -> Task:
    """The task with its best config as its worst."""
    return replace(task, trials=tuple(replace(trial, loss=-(trial.loss or 0.0)) for trial in task.trials))


def searched(past: list[Task], trials: int) -> tuple[Task, list[float]]:
    """A search of the related task of size 0.3, and the weight of the history at each step."""
    task, recommender, weights = related_task("new", 0.3, 0.4), Recommender("auto").fit(past), []
    for _ in range(trials):
        found = recommender.recommend(task, candidates=RELATED_CELLS)[0]
        weights.append(found.history_weight)
        task = task.plus(Trial(found.config, related_loss(found.config, 0.3, 0.4)))
    return task, weights


def test_it_keeps_the_contract() -> None:
    """It passes the checks that we publish; its rehearsals draw tasks by their places."""
    check_learner(Auto, order_matters="past tasks are drawn for rehearsal by their places")


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_greatest_float_may_stand_for_a_failure(sign: float) -> None:
    """Trials whose loss is the greatest or least float there is, past or own, do not end a search."""
    penalty = Trial({"C": 100.0}, sign * sys.float_info.max)
    new = replace(related_task("new", 0.5, 0.5), trials=())
    past = [one.plus(penalty) for one in related_tasks()]
    for tasks, task in ((past, new), (past, new.plus(penalty)), (related_tasks(), new.plus(penalty))):
        recommender = Recommender(Auto(unrehearsed())).fit(tasks)
        (found,) = recommender.recommend(task)
        assert math.isfinite(found.loss)
        assert math.isfinite(recommender.explain(task).gain.mean)
        assert not task.done or math.isfinite(recommender.outlook(task).gain)


def test_a_diverged_trial_is_no_sign_against_the_history() -> None:
    """One loss of a million leaves the history its weight, and forecasts where losses are."""
    task, recommender = related_task("new", 0.3, 0.4), Recommender("auto").fit(related_tasks())
    task = task.plus(Trial(RELATED_CELLS[-1], 1e6))
    for _ in range(5):
        found = recommender.recommend(task, candidates=RELATED_CELLS)[0]
        task = task.plus(Trial(found.config, related_loss(found.config, 0.3, 0.4)))
    assert found.history_weight > 0.8
    assert abs(found.loss - 0.5) < 0.5


def test_the_history_weight_falls_when_the_history_misleads() -> None:
    """It begins at 1, stays high on an honest history, and falls below a fifth on a reversed one."""
    _, honest = searched(related_tasks(), 8)
    _, misled = searched([turned(task) for task in related_tasks()], 8)
    assert honest[0] == misled[0] == 1.0
    assert min(honest) > 0.8
    assert misled[-1] < 0.2


def test_a_misleading_history_is_overcome() -> None:
    """Within eight trials the search on a reversed history has found what is nearly the best cell."""
    task, _ = searched([turned(task) for task in related_tasks()], 8)
    losses = sorted(related_loss(cell, 0.3, 0.4) for cell in RELATED_CELLS)
    assert task.best is not None
    assert task.best.loss is not None
    assert task.best.loss <= losses[3]


def test_a_history_upside_down_is_noticed_and_told() -> None:
    """Where scores were imported as losses the search soon goes the other way, and a note says so."""
    past = Recommender("auto").fit([turned(task) for task in related_tasks()])
    task, _ = searched([turned(task) for task in related_tasks()], 5)
    assert "upside down" in past.recommend(task, candidates=RELATED_CELLS)[0].note
    assert past.learner.forecast(task, RELATED_CELLS).contrary_weight > 0.9
    honest, _ = searched(related_tasks(), 5)
    found = Recommender("auto").fit(related_tasks())
    assert found.learner.forecast(honest, RELATED_CELLS).contrary_weight < 0.1
    assert found.recommend(honest, candidates=RELATED_CELLS)[0].note == ""


def test_rehearsals_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was learned from the same content is not learned again, and answers the same."""
    monkeypatch.setenv("FORETUNE_CACHE", str(tmp_path))
    past = related_tasks(12)
    first = Auto().fit(past)
    assert len([*tmp_path.iterdir()]) == 1
    monkeypatch.setattr("foretune.recommender.selection.rehearse", lambda _: pytest.fail("rehearsed again"))
    again = Auto().fit([replace(task, name=f"other {task.name}") for task in past])
    new = related_task("new", 0.3, 0.4)
    np.testing.assert_array_equal(
        first.forecast(new, RELATED_CELLS).std, again.forecast(new, RELATED_CELLS).std
    )


def test_a_broken_memory_is_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that holds nonsense, or cannot be written, is passed over."""
    monkeypatch.setenv("FORETUNE_CACHE", str(tmp_path))
    past = related_tasks(12)
    Auto().fit(past)
    next(tmp_path.iterdir()).write_text("no JSON", encoding="utf-8")
    assert Auto().fit(past).rehearsal.tasks > 0
    (tmp_path / "file").touch()
    monkeypatch.setenv("FORETUNE_CACHE", str(tmp_path / "file"))
    assert Auto().fit(past).rehearsal.tasks > 0


def test_a_rehearsal_survives_json() -> None:
    """Written and read it is the same, and with too few tasks there is nothing to rehearse."""
    found = rehearse(related_tasks(12))
    assert Rehearsal.of_json(found.as_json()).as_json() == found.as_json()
    assert found.odds.sum() == pytest.approx(1.0)
    assert found.odds[-1] == COLD_SHARE
    assert rehearse(related_tasks(4)).tasks == 0


def test_what_matters_is_remembered_for_its_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taught again, `auto` does not learn anew which columns matter, but where the space has changed."""
    past = related_tasks(8)
    first = Auto().fit(past)
    learned = first.rehearsal.relevance.scales
    assert (learned == first._past.mixture.surfaces.relevance.scales).all()
    changed = ConfigurationSpace()
    changed.add(Float("C", (0.1, 10.0), log=True), Float("gamma", (1e-3, 1.0), log=True))
    elsewhere = [replace(task, space=changed) for task in past]
    monkeypatch.setattr(Relevance, "learned", lambda _tasks: Relevance(np.full(2, 7.0), 0.1))
    assert (Auto().fit(past)._past.mixture.surfaces.relevance.scales == learned).all()
    assert (Auto().fit(elsewhere)._past.mixture.surfaces.relevance.scales == 7.0).all()


def test_it_says_what_it_chose() -> None:
    """One sentence names the opinions and their shares."""
    assert "rehearsed tasks" in Auto().fit(related_tasks(12)).chosen


def test_the_first_trials_are_chosen_by_what_past_tasks_lost() -> None:
    """After one and two trials gains are counted on past tasks, unless these mislead; later on forecasts."""
    auto = Auto(unrehearsed()).fit(related_tasks())
    task = related_task("new", 0.3, 0.4)
    for count in range(5):
        forecast = auto.forecast(task, RELATED_CELLS)
        assert (forecast.badness is not None) == (count in {1, 2})
        cell = RELATED_CELLS[count]
        task = task.plus(Trial(cell, related_loss(cell, 0.3, 0.4)))
    assert forecast.shares is not None
    misled = turned(replace(task, trials=task.trials[:2]))
    doubted = Auto(replace(unrehearsed(), odds=np.array([0.0, 0.0, 1e-9, 1.0]))).fit(related_tasks())
    assert doubted.forecast(misled, RELATED_CELLS).badness is None


def test_what_past_tasks_lost_counts_where_they_tried_it() -> None:
    """Where many candidates, or all, were tried by no past task, or by a few, forecasts count."""
    auto, task = Auto(unrehearsed()).fit(related_tasks()), related_task("new", 0.3, 0.4)
    task = task.plus(Trial(RELATED_CELLS[0], related_loss(RELATED_CELLS[0], 0.3, 0.4)))
    new = [{"C": 3.0 + k, "gamma": 0.07} for k in range(len(RELATED_CELLS))]
    assert auto.forecast(task, [*RELATED_CELLS, new[0]]).badness is not None
    assert auto.forecast(task, [*RELATED_CELLS, *new]).badness is None
    own = [
        replace(one, trials=tuple(t for j, t in enumerate(one.trials) if j % 6 == k % 6))
        for k, one in enumerate(related_tasks())
    ]
    assert Auto(unrehearsed()).fit(own).forecast(task, RELATED_CELLS).badness is None


def test_early_in_a_search_an_outlook_is_in_losses() -> None:
    """What a longer search would gain is told in units of loss, though gains are not counted in them."""
    auto, task = Auto(unrehearsed()).fit(related_tasks()), related_task("new", 0.3, 0.4)
    task = task.plus(Trial(RELATED_CELLS[0], related_loss(RELATED_CELLS[0], 0.3, 0.4)))
    forecast = auto.forecast(task, RELATED_CELLS)
    tried = np.array([k == 0 for k in range(len(RELATED_CELLS))])
    assert forecast.badness is not None
    plain = auto.outlook(task, replace(forecast, badness=None), tried, 0.01)
    assert auto.outlook(task, forecast, tried, 0.01) == plain

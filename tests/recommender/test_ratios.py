"""Metrics of which only ratios mean something: every dataset may have units of its own."""

import math
from dataclasses import replace

import numpy as np
import pytest

from foretune.data.records import Forecast, Task, Trial
from foretune.recommender.memory import content_key
from foretune.recommender.ratios import NORMAL, Ratios, by_ratio
from foretune.recommender.recommender import Recommender
from foretune.recommender.selection import Auto, unrehearsed
from foretune.testing import RELATED_CELLS, related_task, related_tasks


def in_units(task: Task, factor: float) -> Task:
    """The task judged by RMSE, in units of its own."""
    trials = (replace(trial, loss=(trial.loss or 0.0) * factor) for trial in task.trials)
    return replace(task, metric="rmse", trials=tuple(trials))


PAST = [in_units(task, 1.0) for task in related_tasks(12)]
UNITS = np.random.default_rng(0).lognormal(0.0, 5.0, size=len(PAST)).tolist()
ELSEWHERE = [in_units(task, unit) for task, unit in zip(PAST, UNITS, strict=True)]
NEW = in_units(related_task("new", 0.3, 0.4, cells=RELATED_CELLS[::5]), 1.0)


def test_units_of_past_targets_do_not_matter() -> None:
    """Whatever the units of each past dataset, the same is recommended, with the same expected loss."""
    one, other = (Recommender(Auto(unrehearsed())).fit(past) for past in (PAST, ELSEWHERE))
    found, again = one.recommend(NEW, 5), other.recommend(NEW, 5)
    assert [each.config for each in found] == [each.config for each in again]
    np.testing.assert_allclose([each.loss for each in found], [each.loss for each in again], rtol=1e-6)
    bare = replace(NEW, trials=())
    assert one.recommend(bare)[0].config == other.recommend(bare)[0].config


def test_what_is_left_to_gain_is_in_the_units_of_the_task() -> None:
    """In units a thousand times as small, gains, losses and tolerances are a thousand times as large."""
    recommender = Recommender(Auto(unrehearsed())).fit(PAST)
    outlook = recommender.outlook(NEW, tolerance=0.02)
    larger = recommender.outlook(in_units(NEW, 1000.0), tolerance=20.0)
    assert larger.gain == pytest.approx(1000 * outlook.gain)
    assert larger.probability == pytest.approx(outlook.probability)
    assert 0 < outlook.gain < min(trial.loss or 0.0 for trial in NEW.done)
    gain = recommender.explain(NEW).gain
    larger_gain = recommender.explain(in_units(NEW, 1000.0)).gain
    assert larger_gain.mean == pytest.approx(1000 * gain.mean)
    assert larger_gain.high == pytest.approx(1000 * gain.high)


@pytest.mark.parametrize("spread", [0.05, 0.3, 1.0, 2.5])
def test_intervals_hold_what_they_say(spread: float) -> None:
    """Around a log-normal loss mean ± 1.28 std holds 80 % of the draws, however widely it spreads."""
    logs = np.random.default_rng(0).normal(0.5, spread, size=40_000)
    told = Ratios(1.0).natural(Forecast(np.array([0.5]), np.array([spread])))
    inside = np.abs(np.exp(logs) - told.mean) <= NORMAL * told.std
    assert inside.mean() == pytest.approx(0.8, abs=0.02)


def test_a_perfect_score_is_no_end_of_the_world() -> None:
    """A loss of 0, whose logarithm has no end, is taken for a very small one."""
    perfect = PAST[0].plus(Trial({"C": 5.0}, 0.0))
    recommender = Recommender(Auto(unrehearsed())).fit([perfect, *PAST[1:]])
    found = recommender.recommend(NEW.plus(Trial({"C": 5.0}, 0.0)))[0]
    assert math.isfinite(found.loss)
    only = replace(NEW, trials=(Trial({"C": 5.0}, 0.0),))
    assert math.isfinite(recommender.recommend(only)[0].loss)
    assert recommender.outlook(only).stop


def test_losses_below_zero_are_compared_by_differences() -> None:
    """Losses of another kind, some below 0, are searched nonetheless; past ones make no ratios at all."""
    recommender = Recommender(Auto(unrehearsed())).fit(PAST)
    shifted = (replace(trial, loss=(trial.loss or 0.0) - 0.7) for trial in NEW.trials)
    odd = replace(NEW, trials=tuple(shifted))
    assert min(trial.loss or 0.0 for trial in odd.done) < 0
    forecast = recommender.learner.forecast(odd, RELATED_CELLS)
    np.testing.assert_allclose(forecast.mean[::5], [trial.loss or 0.0 for trial in odd.done])
    assert not by_ratio([PAST[0], odd])
    assert not by_ratio([replace(PAST[0], metric="score")])


def test_rehearsals_by_ratio_are_others() -> None:
    """What was rehearsed with losses as they are is not taken for what is rehearsed with logarithms."""
    assert content_key(PAST) != content_key([replace(task, metric="score") for task in PAST])

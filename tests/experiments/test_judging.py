"""What a replayed search is measured by."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import r2_score, root_mean_squared_error

from foretune.data.records import Forecast, Task, Trial
from foretune.experiments.judging import (
    Search,
    calibration_of,
    curves,
    forecast_accuracy,
    prediction,
    regret_curve,
)
from foretune.experiments.replay import leave_groups_out, replay
from foretune.testing import RELATED_CELLS, related_tasks


@pytest.fixture(scope="module")
def searches() -> list[Search]:
    """A replay of ten related tasks, left out in two parts, as long as there are configs."""
    splits = list(leave_groups_out(related_tasks(10), folds=2))
    return replay(splits, ["portfolio", "forest"], trials=len(RELATED_CELLS) + 3)


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4))
def test_forecast_accuracy_is_scikit_learns(seed: int, tasks: int) -> None:
    """RMSE and R2 over all pairs are scikit-learn's; Spearman is scipy's, averaged over tasks."""
    rng = np.random.default_rng(seed)
    pairs = [(rng.normal(size=n), rng.normal(size=n)) for n in rng.integers(3, 9, tasks)]
    found = forecast_accuracy(pairs)
    forecast, truth = (np.concatenate(side) for side in zip(*pairs, strict=True))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(truth, forecast))
    assert found["r2"] == pytest.approx(r2_score(truth, forecast))
    assert found["spearman"] == pytest.approx(np.mean([spearmanr(*pair).statistic for pair in pairs]))


def test_flat_tasks_have_no_order_to_forecast() -> None:
    """A task whose losses are all equal does not count in the mean rank correlation."""
    ordered, flat = np.array([0.1, 0.2, 0.3]), np.full(3, 0.2)
    assert forecast_accuracy([(ordered, ordered), (ordered, flat)])["spearman"] == pytest.approx(1.0)


def test_what_could_not_be_measured_is_passed_over() -> None:
    """Cells without a score count in no figure; where there is none at all the figures are not known."""
    forecast, truth = np.array([0.1, 0.2, 0.9]), np.array([0.1, 0.3, np.nan])
    assert forecast_accuracy([(forecast, truth)]) == forecast_accuracy([(forecast[:2], truth[:2])])
    assert np.isnan([*forecast_accuracy([(forecast, truth * np.nan)]).values()]).all()


def test_curves_are_means_over_tasks(searches: list[Search]) -> None:
    """Each point of a curve is the mean regret of its learner then, and ranks always sum to the same."""
    rows = curves(searches)
    for row in rows:
        mine = [search.regret for search in searches if search.learner == row["learner"]]
        assert row["tasks"] == len(mine) == 10
        assert row["regret"] == pytest.approx([np.mean([r[n - 1] for r in mine]) for n in row["trials"]])
    ranks = np.sum([row["rank"] for row in rows], axis=0)
    np.testing.assert_allclose(ranks, 1 + 2 + 3)


def test_prediction_leaves_random_search_out(searches: list[Search]) -> None:
    """There is a row for each learner, and none for random search, which forecasts nothing."""
    assert [row["learner"] for row in prediction(searches)] == ["portfolio", "forest"]


def test_a_search_is_solved_when_the_best_recorded_config_is_found() -> None:
    """The number of trials until regret is nothing, or None; the area is the mean of the curve."""
    trials = tuple(Trial({"C": float(k)}, loss) for k, loss in enumerate([0.4, 0.2, 0.1, 0.5]))
    task = Task("task", "svm", None, trials=trials)
    solved = regret_curve(trials, task, 4)
    assert solved == pytest.approx([0.75, 0.25, 0.0, 0.0])
    truth = np.array([trial.loss for trial in trials])
    assert Search("any", task, solved, truth, truth).solved_after == 3
    assert Search("any", task, solved, truth, truth).area == pytest.approx(0.25)
    assert Search("any", task, solved[:2], truth, truth).solved_after is None


def test_calibrated_normal_forecasts_hold_80_per_cent() -> None:
    """Of losses drawn from their own forecast, four in five lie in its 80 % interval."""
    rng = np.random.default_rng(0)
    mean, std = rng.normal(size=20_000), rng.uniform(0.1, 2.0, 20_000)
    found = calibration_of(Forecast(mean, std), rng.normal(mean, std), trials=5, spread=4.0)
    assert found is not None
    assert found.inside == pytest.approx(0.8, abs=0.01)
    assert found.width == pytest.approx(2 * 1.2816 * std.mean() / 4.0, rel=1e-3)


def test_no_forecast_is_not_a_wrong_one() -> None:
    """A forecast that is not finite, or of no config, is not judged."""
    unknown = Forecast(np.full(3, np.nan), np.ones(3))
    assert calibration_of(unknown, np.zeros(3), trials=0, spread=1.0) is None
    assert calibration_of(Forecast(np.empty(0), np.empty(0)), np.empty(0), trials=0, spread=1.0) is None


def test_of_errors_in_units_only_the_order_is_forecast(searches: list[Search]) -> None:
    """By rmse the tasks' losses have units of their own, and the error of a forecast is no number."""
    found = prediction([replace(one, task=replace(one.task, metric="rmse")) for one in searches])
    assert [row["spearman"] for row in found] == [row["spearman"] for row in prediction(searches)]
    assert np.isnan([[row["rmse"], row["r2"]] for row in found]).all()

"""What a config is worth trying."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from foretune.data.records import Forecast
from foretune.learners.learner import SATURATION
from foretune.recommender.acquisition import expected_gain, expected_improvement

NONE_TRIED = np.zeros(4, dtype=bool)
SCENARIOS = np.array([[0.0, 1.0, 0.5, 2.0], [3.0, 1.0, 2.0, 2.5], [0.2, 0.1, 0.4, 0.3]])
WEIGHTS = np.array([0.5, 0.3, 0.2])
MIXTURE = Forecast(WEIGHTS @ SCENARIOS, np.ones(4), SCENARIOS, WEIGHTS)


@given(st.floats(-3, 3), st.floats(0.05, 3), st.floats(-3, 3))
def test_expected_improvement_is_the_integral(mean: float, std: float, best: float) -> None:
    """The formula equals the integral of how far a normal loss undercuts the best."""
    found = expected_improvement(Forecast(np.array([mean]), np.array([std])), best)[0]
    low = mean - 12 * std
    expected = quad(
        lambda x: (best - x) * norm.pdf(x, mean, std), low, max(best, low), points=[mean], limit=200
    )
    assert found == pytest.approx(expected[0], abs=1e-7)


def test_a_certain_forecast_gains_what_it_says() -> None:
    """Without any doubt the improvement is the difference to the best, and never negative."""
    forecast = Forecast(np.array([0.1, 0.5]), np.zeros(2))
    assert expected_improvement(forecast, 0.3).tolist() == pytest.approx([0.2, 0.0])


def test_without_scenarios_or_trials_the_lowest_mean_gains_most() -> None:
    """Before the first trial there is nothing to improve on, so that the forecast itself decides."""
    forecast = Forecast(np.array([0.3, 0.1, 0.4, 0.2]), np.array([9.0, 0.1, 5.0, 1.0]))
    assert np.argsort(-expected_gain(forecast, NONE_TRIED, best=None)).tolist() == [1, 3, 0, 2]


def test_without_scenarios_trials_make_it_expected_improvement() -> None:
    """With a best so far, doubt is worth something."""
    forecast = Forecast(np.array([0.3, 0.1, 0.4, 0.2]), np.array([9.0, 0.1, 5.0, 1.0]))
    gain = expected_gain(forecast, NONE_TRIED, best=0.25)
    assert np.array_equal(gain, expected_improvement(forecast, 0.25))
    assert np.argmax(gain) == 0


@pytest.mark.parametrize("tried", [[], [1], [0, 3]])
def test_the_gain_over_scenarios_is_what_a_config_adds(tried: list[int]) -> None:
    """The gain equals the mean drop of the best saturated regret, computed scenario by scenario."""
    typical = np.median([np.median(row) - min(row) for row in SCENARIOS])
    expected = np.zeros(4)
    for row, weight in zip(SCENARIOS, WEIGHTS, strict=True):
        badness = 1 - np.exp(-(row - min(row)) / (SATURATION * typical))
        so_far = min((badness[k] for k in tried), default=1.0)
        expected += [weight * max(so_far - one, 0.0) for one in badness]
    mask = np.isin(np.arange(4), tried)
    np.testing.assert_allclose(expected_gain(MIXTURE, mask, best=0.5), expected)


def test_one_disaster_does_not_decide() -> None:
    """A config that is best in most scenarios and hopeless in one is worth more than a mediocre one."""
    scenarios = np.array([[0.0, 0.5, 0.4, 1.0]] * 9 + [[1e6, 0.5, 0.0, 1.0]])
    weights = np.full(10, 0.1)
    forecast = Forecast(weights @ scenarios, np.ones(4), scenarios, weights)
    assert np.argmin(forecast.mean) != 0
    assert np.argmax(expected_gain(forecast, NONE_TRIED, best=None)) == 0


def test_early_gains_are_counted_in_what_past_tasks_lost() -> None:
    """With badness the gain is its mean drop over past tasks, whatever the losses that are forecast."""
    badness = np.array([[0.9, 0.4, 0.0, 0.6], [0.2, 0.7, 0.5, 0.0]])
    forecast = replace(MIXTURE, badness=badness, shares=np.array([0.75, 0.25]))
    tried = np.array([True, False, False, False])
    gain = expected_gain(forecast, tried, best=0.5)
    np.testing.assert_allclose(gain, [0.0, 0.75 * 0.5, 0.75 * 0.9, 0.75 * 0.3 + 0.25 * 0.2])
    before = expected_gain(forecast, NONE_TRIED, best=None)
    np.testing.assert_array_equal(before, expected_gain(MIXTURE, NONE_TRIED, best=None))

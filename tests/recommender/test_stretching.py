"""Losses in units of their own, beside those of the past."""

import math

import pytest

from foretune.data.records import Task, Trial
from foretune.recommender.explanation import Gain
from foretune.recommender.stretching import Stretching
from foretune.testing import related_space

DEFAULT = Trial({"C": 1.0, "gamma": "scale"}, 74.0)
TASK = Task("new", "svm", related_space(), metric="rmse").plus(
    Trial({"C": 10.0, "gamma": 0.1}, 54.0), Trial({"C": 10.0, "gamma": 0.01}, 55.0)
)
GAIN = Gain(DEFAULT.config, 0.2, 0.1, 0.3)


def test_a_gain_in_units_is_told_once_the_default_was_tried() -> None:
    """How little two good configs differ does not say how far the default, untried, stays behind them."""
    stretching = Stretching(0.1)
    assert math.isnan(stretching.gain(GAIN, TASK).mean)
    tried = TASK.plus(DEFAULT)
    factor = stretching.factor(tried)
    assert factor is not None and stretching.gain(GAIN, tried).mean == pytest.approx(0.2 / factor)


def test_a_gain_of_the_pasts_own_size_stays() -> None:
    """Where losses compare as they are the past says how far the default stays behind; itself it gains 0."""
    assert Stretching().gain(GAIN, TASK) == GAIN
    itself = Gain(DEFAULT.config, 0.0, 0.0, 0.0)
    assert Stretching(0.1).gain(itself, TASK) == itself

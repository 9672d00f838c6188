"""A new task as a mixture of past ones: agreement with its trials, and its level."""

from dataclasses import replace

import numpy as np
import pytest

from foretune.data.errors import LearningError
from foretune.data.records import Task, Trial
from foretune.learners.mixture import DISAGREEMENT, Mixture
from foretune.testing import RELATED_CELLS, related_loss, related_task, related_tasks

SIZES = (0.0, 0.5, 1.0)


@pytest.fixture
def mixture() -> Mixture:
    """Three past tasks of different sizes, and of one level."""
    return Mixture(
        [related_task(f"past {k}", size, 0.2, cells=RELATED_CELLS) for k, size in enumerate(SIZES)]
    )


def tried(size: float, level: float, n: int = 4) -> Task:
    """A new task of this size and level, some of whose cells were tried."""
    return related_task("new", size, level, cells=RELATED_CELLS[::5][:n])


@pytest.mark.parametrize("match", range(3))
def test_trials_that_match_one_past_task_raise_its_weight(mixture: Mixture, match: int) -> None:
    """A task whose trials behave like one past task takes most of that one, whatever its own level."""
    prior = np.full(3, 1 / 3)
    for level in (0.2, 50.0):
        weights = mixture.forecast(tried(SIZES[match], level), RELATED_CELLS, prior).weights
        assert weights is not None
        assert np.argmax(weights) == match
        assert weights[match] > 0.5


def test_agreement_is_bayes_rule(mixture: Mixture) -> None:
    """The weights equal those of Bayes' rule with the unknown level integrated out numerically."""
    prior, task = np.array([0.5, 0.2, 0.3]), tried(0.5, 0.7, n=3)
    losses = np.array([trial.loss for trial in task.done])
    regrets = np.array(
        [
            [related_loss(t.config, s, 0.2) - b for t in task.done]
            for s, b in zip(SIZES, mixture.surfaces.best, strict=True)
        ]
    )
    levels = np.linspace(-20, 20, 40_001)
    residuals = (losses - regrets)[:, :, None] - levels
    likelihood = np.exp(-0.5 * (residuals**2).sum(axis=1) / (DISAGREEMENT * mixture.scale.limit) ** 2).sum(
        axis=1
    )
    expected = prior * likelihood / (prior @ likelihood)
    np.testing.assert_allclose(mixture.forecast(task, RELATED_CELLS, prior).weights, expected, rtol=1e-6)


def test_one_trial_says_nothing_about_agreement(mixture: Mixture) -> None:
    """A single loss may be the level's doing, so that the prior stays as it was."""
    prior = np.array([0.5, 0.2, 0.3])
    weights = mixture.forecast(tried(0.0, 3.0, n=1), RELATED_CELLS, prior).weights
    np.testing.assert_allclose(weights, prior)


def test_a_past_task_without_any_prior_weight_never_gets_one(mixture: Mixture) -> None:
    """Where the prior excludes a past task, no agreement brings it back."""
    weights = mixture.forecast(tried(0.0, 0.2), RELATED_CELLS, np.array([0.0, 0.5, 0.5])).weights
    assert weights is not None
    assert weights[0] == 0.0
    assert weights.sum() == pytest.approx(1.0)


def test_mean_and_std_are_those_of_the_mixture(mixture: Mixture) -> None:
    """The mean is the scenarios' weighted mean; the variance adds the level's to their spread."""
    prior = np.array([0.5, 0.2, 0.3])
    forecast = mixture.forecast(related_task("new", 0.5, 0.2), RELATED_CELLS, prior)
    level = mixture.levels.forecast(np.zeros(2))
    assert forecast.scenarios is not None
    np.testing.assert_allclose(forecast.mean, prior @ forecast.scenarios)
    spread = prior @ forecast.scenarios**2 - (prior @ forecast.scenarios) ** 2
    np.testing.assert_allclose(forecast.std**2, spread + level.std**2, rtol=1e-9)


def test_trials_teach_the_level() -> None:
    """A task far worse than all past ones is forecast to be so once some of its losses are known."""
    mixture = Mixture(related_tasks(20))
    prior = np.full(20, 1 / 20)
    before = mixture.forecast(related_task("new", 0.5, 3.0), RELATED_CELLS, prior)
    after = mixture.forecast(tried(0.5, 3.0), RELATED_CELLS, prior)
    truth = np.array([related_loss(cell, 0.5, 3.0) for cell in RELATED_CELLS])
    assert np.abs(after.mean - truth).mean() < 0.5 * np.abs(before.mean - truth).mean()


def test_past_tasks_without_a_space_cannot_be_compared() -> None:
    """Without any space the error says what is missing; with one it serves all of them."""
    past = related_tasks(3)
    with pytest.raises(LearningError, match="has a space"):
        Mixture([replace(task, space=None) for task in past])
    assert Mixture([replace(past[0], space=None), *past[1:]]).space == past[1].space


def test_failed_trials_of_the_new_task_are_no_losses(mixture: Mixture) -> None:
    """A failed or running trial of the new task does not move the forecast."""
    prior, task = np.full(3, 1 / 3), tried(0.5, 0.2)
    more = task.plus(Trial({"C": 5.0}, status="failed"), Trial({"C": 6.0}, status="running"))
    one, other = (mixture.forecast(t, RELATED_CELLS, prior).mean for t in (task, more))
    assert np.array_equal(one, other)

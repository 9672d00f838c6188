"""The contract of every learner, and the scale on which losses of different tasks compare."""

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
import pytest
from hypothesis import given, strategies as st

from foretune.data.errors import LearningError
from foretune.data.records import FAILED, RUNNING, Config, Forecast, Task, Trial
from foretune.learners.forest import Forest
from foretune.learners.learner import SATURATION, Learner, RegretScale, taught
from foretune.learners.neighbours import Neighbours
from foretune.learners.network import Network
from foretune.learners.portfolio import Portfolio
from foretune.testing import check_learner, related_task


@pytest.mark.parametrize("make", [Portfolio, Neighbours, Forest])
def test_learners_keep_their_contract(make: Callable[[], Learner]) -> None:
    """The learners that weigh past tasks pass the checks that we publish."""
    check_learner(make)


def test_the_network_keeps_its_contract() -> None:
    """So does a small network, except that it learns from shuffled rows."""
    check_learner(
        lambda: Network(hidden=(16,), learning_rate=0.02, epochs=15),
        order_matters="the rows of the past tasks are shuffled into batches by their places",
    )


class Broken(Portfolio):
    """A portfolio that is to break one promise."""


class GivesNothingBack(Broken):
    """Its fit gives None."""

    def fit(self, tasks: Sequence[Task]) -> Self:
        """Breaks its promise."""
        super().fit(tasks)
        return None  # type: ignore[return-value]


class LearnsFromNothing(Broken):
    """It does not mind an empty past."""

    def fit(self, tasks: Sequence[Task]) -> Self:
        """Breaks its promise."""
        return super().fit(tasks) if tasks else self


class Certain(Broken):
    """It is always sure."""

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """Breaks its promise."""
        return Forecast(super().forecast(task, configs).mean, np.zeros(len(configs)))


class Forgetful(Broken):
    """Its forecasts depend on how often it was asked."""

    asked = 0

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """Breaks its promise."""
        self.asked += 1
        forecast = super().forecast(task, configs)
        return Forecast(forecast.mean + self.asked, forecast.std)


class Remembering(Broken):
    """It goes by the name of the first past task."""

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """Breaks its promise."""
        forecast = super().forecast(task, configs)
        turn = 1.0 if self._mixture.tasks[0].name in ("past 0", "copy 0") else -1.0
        return Forecast(turn * forecast.mean, forecast.std)


class UpsideDown(Broken):
    """It takes losses for scores."""

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """Breaks its promise."""
        forecast = super().forecast(task, configs)
        return Forecast(-forecast.mean, forecast.std)


class Unscaled(Broken):
    """It believes that no loss exceeds 1."""

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """Breaks its promise."""
        forecast = super().forecast(task, configs)
        mean = np.minimum(forecast.mean, 1.0) + 1e-3 * np.arange(len(configs))
        return Forecast(mean, forecast.std)


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (GivesNothingBack, "does not give the learner itself"),
        (LearnsFromNothing, "no LearningError"),
        (Certain, "a std is not positive"),
        (Forgetful, "a second forecast differs"),
        (Remembering, "other names of tasks"),
        (UpsideDown, "is forecast lowest"),
        (Unscaled, "losses times"),
    ],
)
def test_a_broken_promise_is_seen(broken: type[Learner], promise: str) -> None:
    """The published check names the promise that a learner breaks."""
    with pytest.raises(AssertionError, match=promise):
        check_learner(broken)


regrets = st.lists(st.floats(0, 6.5), min_size=1, max_size=8).map(np.array)


@given(regrets, st.floats(1e-3, 1e3))
def test_badness_and_regret_are_inverse(multiples: np.ndarray, limit: float) -> None:
    """Up to 6.5 times the limit, badness turns back into the regret it came from."""
    scale = RegretScale(limit)
    badness = scale.badness(multiples * limit)
    assert ((badness >= 0) & (badness < 1)).all()
    np.testing.assert_allclose(scale.regret(badness), multiples * limit, rtol=1e-6, atol=1e-9 * limit)


@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_scaling_and_shifting_losses_changes_no_badness(factor: float, shift: float) -> None:
    """The limit scales with the losses, and a shift does not move it."""
    losses = np.random.default_rng(0).random((7, 9))
    losses[2, 3:] = np.nan
    before, after = RegretScale.of(losses), RegretScale.of(factor * losses + shift)
    assert after.limit == pytest.approx(factor * before.limit, rel=1e-6)


def test_the_typical_regret_is_the_median_over_tasks_that_have_one() -> None:
    """Of three tasks, one is flat; half of the configs of the others stay 1 and 3 behind: the median is 2."""
    losses = np.array([[5.0, 5.0, 5.0], [0.0, 1.0, 9.0], [7.0, 10.0, 10.0]])
    assert RegretScale.of(losses).limit == SATURATION * 2.0
    assert RegretScale.of(losses[:1]).limit == 1.0


def test_tasks_without_two_finished_trials_teach_nothing() -> None:
    """Only full trials that were finished count, and where no task has two of them the error says so."""
    trials = (Trial({"C": 1.0}, 0.5), Trial({"C": 2.0}, status=FAILED), Trial({"C": 3.0}, status=RUNNING))
    poor = related_task("poor", 0.5, 0.5).plus(*trials, Trial({"C": 4.0}, 0.1, fidelity=3))
    rich = poor.plus(Trial({"C": 5.0}, 0.4))
    assert taught([poor, rich]) == [rich]
    with pytest.raises(LearningError, match="nothing to learn from"):
        taught([poor])

"""The cases that Optuna publishes for samplers, on MetaSampler with a past that matches and without one."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

pytest.importorskip("optuna")

from ConfigSpace import Categorical, ConfigurationSpace, Float
from optuna.samplers import BaseSampler
from optuna.testing import pytest_samplers

from foretune.data.records import Task, Trial
from foretune.faces.optuna_sampler import MetaSampler

NO_MATCH = "ignore:no past study has most:UserWarning"


def past_tasks(parameters: Sequence[Any], x: Sequence[Any], y: Sequence[Any]) -> list[Task]:
    """Three tasks with parameters x and y that have tried these values in every combination."""
    space = ConfigurationSpace()
    space.add(*parameters)
    losses = {(a, b): abs(k) + abs(j) for k, a in enumerate(x) for j, b in enumerate(y)}
    trials = tuple(Trial({"x": a, "y": b}, loss) for (a, b), loss in losses.items())
    return [Task(f"past {k}", "xy", space, trials=trials) for k in range(3)]


def pasts() -> list[Task]:
    """Past tasks in which x and y are numbers, choices, or one of each, as the cases have them."""
    numbers, choices, steps = [0.0, 3.0, 10.0], [1, 10, 100], [-1, -10, -100]
    x, y = Float("x", (0.0, 10.0)), Categorical("y", steps)
    return [
        *past_tasks([x, Float("y", (0.0, 10.0))], numbers, numbers),
        *past_tasks([Categorical("x", choices), y], choices, steps),
        *past_tasks([x, y], numbers, steps),
    ]


@pytest.mark.filterwarnings(NO_MATCH)
class TestWithPast(
    pytest_samplers.BasicSamplerTestCase,
    pytest_samplers.RelativeSamplerTestCase,
    pytest_samplers.SingleOnlySamplerTestCase,
):
    """With a past that matches, MetaSampler keeps what Optuna asks of samplers that propose whole configs."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        """What makes a sampler with a past."""
        return lambda: MetaSampler(pasts(), seed=0)


@pytest.mark.filterwarnings(NO_MATCH)
class TestWithoutPast(pytest_samplers.BasicSamplerTestCase, pytest_samplers.SingleOnlySamplerTestCase):
    """Without a past, MetaSampler keeps what Optuna asks of every sampler."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        """What makes a sampler without a past."""
        return lambda: MetaSampler([], seed=0)

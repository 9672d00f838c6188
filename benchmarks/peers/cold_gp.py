"""Bayesian optimisation that learns from the task's own trials alone."""

from collections.abc import Iterable, Sequence
from typing import Final, Self

import numpy as np

from foretune.data.records import Config, Floats, Forecast, Ints, Recommendation, Task
from foretune.data.spaces import default_config, sobol_configs
from foretune.features.encoding import Encoder
from foretune.recommender.acquisition import expected_improvement
from peers.gp import GaussianProcess
from peers.recorded import Recorded, losses, seed_for, space_of

INITIAL: Final = 5  # the space's default, then points of a Sobol sequence


class ColdGP:
    """A Gaussian process on standardised losses, and expected improvement over the best so far.

    Of the past it takes the space only. It begins with the recorded config nearest to the space's default and
    with those nearest to points of a scrambled Sobol sequence.
    Source: Jones, Schonlau, Welch 1998, doi:10.1023/A:1008306431147, with the kernel of Snoek, Larochelle,
    Adams 2012, https://arxiv.org/abs/1206.2944.
    """

    def __init__(self, seed: int = 0, *, initial: int = INITIAL) -> None:
        self._seed, self._initial = seed, initial
        self._recorded: Recorded | None = None
        self._warm: list[Floats] = []  # parameters of the last fit

    def fit(self, tasks: Iterable[Task]) -> Self:
        """Itself, knowing the space of these tasks."""
        self._space = space_of(tasks)
        self._encoder = Encoder(self._space)
        return self

    def recommend(
        self, task: Task, n: int = 1, *, candidates: Sequence[Config] | None = None
    ) -> list[Recommendation]:
        """The n candidates of greatest expected improvement, after the initial ones."""
        if self._recorded is not (now := Recorded.of(task, candidates, self._encoder, self._recorded)):
            self._recorded, self._warm = now, []
            self._design = self._encoder(
                [
                    default_config(self._space),
                    *sobol_configs(self._space, 64, seed=seed_for(self._seed, task)),
                ]
            )
        untried = now.untried(task)
        if len(task.done) < self._initial:
            chosen = self._first(now, task, untried, n)
            return [Recommendation(now.candidates[k], 0.0, 0.0) for k in chosen]
        forecast = self._forecast(task, now.points[untried])
        gain = expected_improvement(forecast, float(losses(task).min()))
        order = np.lexsort((forecast.mean, -gain))[:n]
        return [
            Recommendation(now.candidates[untried[k]], float(forecast.mean[k]), float(forecast.std[k]))
            for k in order
        ]

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """The losses of these configs; NaN while fewer than two trials tell nothing of their scale."""
        if len(task.done) < 2:
            return Forecast(np.full(len(configs), np.nan), np.full(len(configs), np.nan))
        return self._forecast(task, self._encoder(configs), noisy=True)

    def _first(self, now: Recorded, task: Task, untried: Ints, n: int) -> list[int]:
        chosen: list[int] = []
        for point in self._design[len(task.trials) :][:n]:
            if len(left := np.setdiff1d(untried, chosen)):
                chosen.append(now.nearest(point, left))
        return chosen

    def _forecast(self, task: Task, points: Floats, *, noisy: bool = False) -> Forecast:
        X = self._encoder([trial.config for trial in task.done])
        gp = GaussianProcess().fit(X, losses(task), starts=self._warm)
        self._warm = [gp.parameters]
        mean, std = gp.predict(points)
        if noisy:
            std = np.sqrt(std**2 + gp.noise)
        return Forecast(gp.mean + gp.std * mean, gp.std * std)

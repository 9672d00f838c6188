"""A new task as a mixture of past ones: it may behave like any of them, each with a weight."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from scipy.special import logsumexp

from foretune.data.errors import LearningError
from foretune.data.records import Config, Floats, Forecast, Task
from foretune.features.encoding import Encoder
from foretune.features.metaspace import MetaSpace
from foretune.learners.learner import SATURATION, RegretScale, taught
from foretune.learners.levels import Levels
from foretune.learners.surfaces import Surfaces

DISAGREEMENT = 0.25  # noise of a task's own trials around a past task's surface, in limits of the scale


class Mixture:
    """Past tasks as scenarios of a new one: their surfaces, scale, levels and meta-features.

    What portfolio, neighbours and forest share; they differ only in the prior weights they give.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = taught(tasks)
        spaces = [task.space for task in self.tasks if task.space is not None]
        if not spaces:
            raise LearningError("none of the past tasks has a space: a learner needs one to compare configs.")
        self.space = spaces[0]
        self.encoder = Encoder.of(self.space)
        self.surfaces = Surfaces(self.tasks, self.encoder)
        self.scale = RegretScale.of(self.surfaces.recorded)
        self.metaspace = MetaSpace([task.metafeatures for task in self.tasks])
        self.levels = Levels(
            self.metaspace.known,
            self.surfaces.best,
            self.metaspace.described,
            alone=self.scale.limit / SATURATION,
        )
        self.trust = trust_in(self.tasks)

    def trusted(self, weights: Floats) -> Floats:
        """The shares (tasks,) of past tasks, each by how far it is trusted; as they are where all are."""
        return weights if self.trust is None else weights * self.trust / (weights @ self.trust)

    def forecast(
        self, task: Task, configs: Sequence[Config], prior: Floats, *, by_agreement: bool = True
    ) -> Forecast:
        """The mixture's forecast for n configs, given prior weights (tasks,) that sum to 1.

        `by_agreement`: the task's own trials weigh each scenario by how well its differences between those
        configs agree with the new ones. How good the best config can be is forecast from the meta-features,
        and then learned from the trials.
        """
        regrets = self.surfaces.losses(configs) - self.surfaces.best[:, None]
        tried = [trial.config for trial in task.done]
        losses = np.array([trial.loss for trial in task.done], dtype=np.float64)
        seen = self.surfaces.losses(tried) - self.surfaces.best[:, None] if tried else None
        weights, noise = prior, DISAGREEMENT * self.scale.limit
        if seen is not None and by_agreement:
            weights = _updated(prior, seen, losses, noise)
        level = self.levels.forecast(self.metaspace.points([task.metafeatures])[0])
        if seen is not None:
            level = level.updated(losses - weights @ seen, noise)
        scenarios = level.mean + regrets
        mean = weights @ scenarios
        spread = weights @ (scenarios - mean) ** 2
        return Forecast(mean, np.sqrt(spread + level.std**2), scenarios, weights)


def trust_in(tasks: Sequence[Task]) -> Floats | None:
    """How far each task is trusted (tasks,), its trials' mean weight; None where none stands out."""
    trust = np.array([fmean(trial.weight for trial in task.done) for task in tasks], dtype=np.float64)
    return None if (trust == trust[0]).all() else trust


def _updated(prior: Floats, seen: Floats, losses: Floats, noise: float) -> Floats:
    """Bayes' rule over the scenarios, the unknown level of the task's losses integrated out."""
    differences = losses - seen
    shape = differences - differences.mean(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        log_weights = np.log(prior) - 0.5 * np.sum(shape**2, axis=1) / noise**2
    return np.asarray(np.exp(log_weights - logsumexp(log_weights)))

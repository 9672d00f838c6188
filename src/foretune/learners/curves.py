"""A learner of learning curves: what first epochs, of a config and of its like, say of final losses."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Self

import numpy as np

from foretune.data.errors import LearningError
from foretune.data.records import Config, Floats, Forecast, Ints, Task, Trial
from foretune.features.encoding import Encoder
from foretune.learners.forest import Forest
from foretune.learners.joint import Joint, condition_jointly
from foretune.learners.posterior import Scales
from foretune.learners.readings import at_steps, curves_of, last_place, steps_to
from foretune.learners.surfaces import Surfaces, matern

SMOOTH: Final = 0.6  # share of the covariance that a kernel has, the rest being that of past tasks
LENGTH: Final = 1.0  # of that kernel, in units of the cube's edge
SPAN: Final = 0.5  # how far apart the first and the last step are, in the same units
TRUST: Final = 0.5  # how far readings choose among past tasks; see docs/curves.md for what was tried
REACH: Final = (-3.0, 4.0)  # scores beyond are drawn in: a diverged config is no worse than a hopeless one
FEWEST: Final = 2  # configs that a past task needs at every step
LOOKED_AT: Final = 128  # past configs by which it is told how far tasks differ


_Stepwise = tuple[Task, list[Task]]  # a task, and what it looks like at each step


@dataclass(frozen=True)
class Prospects:
    """What n configs are expected to end with: the `mean` (n,) and `covariance` (n, n) of their final losses.

    `reached` (n,) counts the steps that a config has behind it, `since` (n,) is how far it was trained.
    """

    mean: Floats
    covariance: Floats
    reached: Ints
    since: Floats

    @property
    def std(self) -> Floats:
        """How far each final loss may be from its mean (n,)."""
        return np.asarray(np.sqrt(np.maximum(np.diag(self.covariance), 1e-16)))


@dataclass(frozen=True)
class _View:
    """Past curves at the configs at hand: scores (tasks, n * steps) and where these are (n * steps, d).

    `variance` is how far past tasks differ, on average over the space.
    """

    scores: Floats
    points: Floats
    variance: float
    weights: dict[str, Floats] = field(default_factory=dict)

    @cached_property
    def _around(self) -> Floats:
        """How past tasks depart from their mean (tasks, n * steps), its square summing to a variance."""
        return np.asarray((self.scores - self.scores.mean(axis=0)) / np.sqrt(len(self.scores)))

    def with_between(self, columns: Floats) -> "_View":
        """The view with a column more for each of these places (k,) between two columns of one config."""
        left, share = columns.astype(np.int64), columns % 1

        def between(one: Floats) -> Floats:
            return np.column_stack([one, one[:, left] * (1 - share) + one[:, left + 1] * share])

        return replace(self, scores=between(self.scores), points=between(self.points.T).T)

    def covariance(self, a: Ints, b: Ints) -> Floats:
        """The covariance (a, b) of how a new task departs from the past one that it is most like."""
        around = self._around
        smooth = self.variance * matern(self.points[a], self.points[b], LENGTH)
        return np.asarray((1 - SMOOTH) * around[:, a].T @ around[:, b] + SMOOTH * smooth)


class Curves:
    """A Gaussian process over configs and epochs, with every past task's curves as a prior mean.

    To the process a config after 4 epochs is one column and the same config after 52 another: past tasks say
    how they hang together, within a curve and from one config to another, so that a reading moves the
    forecasts of all final losses. Losses count in each task's own units: 0 = the median of its final losses,
    -1 = the lowest. Past tasks without curves are left out.

    `full` is the fidelity (epochs, trees, rows) of a whole training; `steps` those at which curves are read,
    from where most past curves have begun.
    Source: Swersky, Snoek, Adams 2014, arXiv:1406.3896 (freeze-thaw); Wang et al. 2024, Journal of Machine
    Learning Research 25 (a process's mean and covariance from past tasks).
    """

    def __init__(self, full: float) -> None:
        self.full, self.steps = float(full), steps_to(full)

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The process of these tasks; `LearningError` where none has curves."""
        spaces = [task.space for task in tasks if task.space is not None]
        if not spaces:
            raise LearningError("none of the past tasks has a space: a learner needs one to compare configs.")
        self.encoder = Encoder.of(spaces[0])
        self.steps = steps_to(self.full)
        told = [(task, self._steps_of(task)) for task in tasks]
        first, useful = self._with_curves(told)
        self.steps = self.steps[first:]
        self.tasks = [task for task, _ in useful]
        self._surfaces = [
            Surfaces([parts[s] for _, parts in useful], self.encoder) for s in range(len(self.steps))
        ]
        finals = self._surfaces[-1]
        self._middle = np.nanmedian(finals.recorded, axis=1)
        self._unit = np.maximum(self._middle - finals.best, 1e-12)
        logs = np.log(self._unit[self._unit > 1e-12]) if (self._unit > 1e-12).any() else np.zeros(1)
        self._scales = Scales(float(logs.mean()), max(float(logs.std()), 0.1))
        self._forest = Forest().fit([parts[-1] for _, parts in useful])
        self._views: dict[tuple[str, ...], _View] = {}
        known = finals.configs[:: -(-len(finals.configs) // LOOKED_AT)]
        self._variance = float(self._scores(known).var(axis=0).mean())
        return self

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """The final losses of n configs, whole or partial trials of the task taken in."""
        prospects = self.prospects(task, configs)
        return Forecast(prospects.mean, prospects.std)

    def prospects(self, task: Task, configs: Sequence[Config]) -> Prospects:
        """What the n configs are expected to end with, whole or partial trials of the task taken in."""
        view = self._view(configs, keys := tuple(map(self.encoder.key, configs)))
        curves = self._curves(task, keys)
        read = np.array([at_steps(curve, self.steps) for curve in curves])
        places = np.array([last_place(curve, self.steps) for curve in curves])
        between = np.flatnonzero(places % 1 > 0)  # these readings are at none of the steps
        columns = between * len(self.steps) + places[between]
        last = [next(reversed(curves[k].values())) for k in between.tolist()]
        finals = np.arange(len(keys)) * len(self.steps) + len(self.steps) - 1
        losses = self._scales.drawn_in(np.array([*read.ravel(), *last]))
        view = view.with_between(columns) if len(columns) else view
        joint = self._joint(view, task, configs, losses, finals)
        reached = np.nan_to_num(np.floor(places) + 1).astype(np.int64)
        since = np.array([max(curve, default=0.0) for curve in curves])
        return Prospects(joint.mean, joint.covariance, reached, since)

    def _joint(
        self, view: _View, task: Task, configs: Sequence[Config], read: Floats, columns: Ints
    ) -> Joint:
        """The belief about these columns, by what was `read` in all (NaN where nothing was).

        Before any reading it is that of the past, at its typical level.
        """
        weights = self._weights(view, task, configs)
        rows = np.flatnonzero(np.isfinite(read))
        if len(rows):
            return condition_jointly(
                view.scores,
                weights,
                view.covariance,
                self._scales,
                rows=rows,
                losses=read[rows],
                columns=columns,
                trust=TRUST,
            )
        unit, level = self._scales.typical, float(weights @ self._middle)
        mean = weights @ view.scores[:, columns]
        around = (view.scores[:, columns] - mean) * np.sqrt(weights)[:, None]
        covariance = view.covariance(columns, columns) + around.T @ around
        spread = float(weights @ (self._middle - level) ** 2)
        return Joint(np.asarray(level + unit * mean), np.asarray(unit**2 * covariance + spread))

    def _weights(self, view: _View, task: Task, configs: Sequence[Config]) -> Floats:
        key = repr(sorted(task.metafeatures.items()))
        if key not in view.weights:
            view.weights[key] = self._forest.weights(task, configs)
        return view.weights[key]

    def _curves(self, task: Task, keys: Sequence[str]) -> list[dict[float, float]]:
        """What the task's own trials say of each config, empty where nothing was measured."""
        curves = curves_of(task, self.full, self.encoder.key)
        return [curves[key][1] if key in curves else {} for key in keys]

    def _view(self, configs: Sequence[Config], keys: tuple[str, ...]) -> _View:
        if keys not in self._views:
            points, time = self.encoder(configs), SPAN * np.log(self.steps) / np.log(self.full)
            places = np.column_stack([np.repeat(points, len(time), axis=0), np.tile(time, len(points))])
            self._views = {keys: _View(self._scores(configs), places, self._variance)}
        return self._views[keys]

    def _scores(self, configs: Sequence[Config]) -> Floats:
        """The losses of n configs in the units of each past task, (tasks, n * steps)."""
        losses = np.stack([one.losses(configs) for one in self._surfaces], axis=2)
        scores = (losses - self._middle[:, None, None]) / self._unit[:, None, None]
        return np.asarray(np.clip(scores, *REACH).reshape(len(scores), -1))

    def _with_curves(self, told: Sequence[_Stepwise]) -> tuple[int, list[_Stepwise]]:
        """The step by which at least half of the tasks' curves have begun, and those tasks from there on.

        Raises `LearningError` where no task has curves.
        """
        from_step = [
            [(task, parts[s:]) for task, parts in told if all(len(one.trials) >= FEWEST for one in parts[s:])]
            for s in range(len(self.steps) - 1)
        ]
        if not from_step[-1]:
            raise LearningError(
                f"no past task has curves up to {self.full:g}: collect some whose trials have a `curve`, or "
                "trials at lower `fidelity` beside whole ones."
            )
        first = next(s for s, useful in enumerate(from_step) if 2 * len(useful) >= len(from_step[-1]))
        return first, from_step[first]

    def _steps_of(self, task: Task) -> list[Task]:
        """The task as it looks at each step: what was read there, as if it were final."""
        curves = curves_of(task, self.full, self.encoder.key)
        read = [(config, at_steps(curve, self.steps)) for config, curve in curves.values()]
        return [
            replace(task, trials=tuple(Trial(c, float(row[s])) for c, row in read if np.isfinite(row[s])))
            for s in range(len(self.steps))
        ]

"""The research plan's network: two hidden ReLU layers, one linear output, Adam."""

import warnings
from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from foretune.data.records import Config, Floats, Forecast, Task, sides_of
from foretune.features.encoding import Encoder
from foretune.learners.mixture import Mixture
from foretune.learners.surfaces import matern

LENGTH = 1.0  # of the covariance of a task's residuals, in units of the cube's edge
JUDGING_FOLDS = 3


class Network:
    """Forecasts the badness of a config from its hyperparameters and the dataset's meta-features.

    The defaults are the plan's: hidden layers 128-64, Adam with learning rate 0.0005, batches of 32, 100
    epochs. `metafeatures=False` is its pure form, on hyperparameters alone; `hidden=(256, 128, 64)` its
    deeper variant; `l2` is a penalty in Keras' sense (0.001 in the plan's update). How far its forecasts are
    off is measured by cross-validation over groups of tasks, never over rows; where the new task has trials,
    the residuals on them correct the forecast nearby (a Gaussian process whose mean is the network).
    """

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (128, 64),
        learning_rate: float = 0.0005,
        batch: int = 32,
        epochs: int = 100,
        l2: float = 0.0,
        metafeatures: bool = True,
        seed: int = 0,
    ) -> None:
        self._hidden, self._metafeatures, self._batch = tuple(hidden), metafeatures, batch
        self._options = {
            "learning_rate_init": learning_rate,
            "max_iter": epochs,
            "n_iter_no_change": epochs,
            # scikit-learn halves the squared error and the penalty, and divides the penalty by the batch;
            # Keras does neither.
            "alpha": l2 * batch,
            "random_state": seed,
        }

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The network trained on every trial of these tasks."""
        self._mixture = mixture = Mixture(tasks)
        self._encoder = Encoder(mixture.space)
        X, y, groups, trust = self._table()
        self._std = self._cross_validated_error(X, y, groups, trust)
        self._model = self._trained(X, y, trust)
        return self

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """The network's forecast, corrected by what the task's own trials say."""
        mixture = self._mixture
        level = mixture.levels.forecast(mixture.metaspace.points([task.metafeatures])[0])
        regret = self._regret(task, configs)
        tried = [trial.config for trial in task.done]
        if not tried:
            return Forecast(level.mean + regret, np.full(len(regret), np.hypot(level.std, self._std)))
        losses = np.array([trial.loss for trial in task.done], dtype=np.float64)
        surprise = losses - level.mean - self._regret(task, tried)
        return self._corrected(level.mean + regret, surprise, tried, configs, level.std)

    def _corrected(
        self, mean: Floats, surprise: Floats, tried: Sequence[Config], configs: Sequence[Config], level: float
    ) -> Forecast:
        """The Gaussian-process posterior of the residual: an unknown level, plus a smooth part."""
        X, Z = self._encoder(tried), self._encoder(configs)
        variance = self._std**2
        inner = level**2 + variance * (matern(X, X, LENGTH) + 0.05 * np.eye(len(X)))
        across = level**2 + variance * matern(Z, X, LENGTH)
        factor = cho_factor(inner, lower=True)
        explained = np.einsum("ij,ji->i", across, cho_solve(factor, across.T))
        std = np.sqrt(np.maximum(level**2 + variance - explained, 1e-12))
        return Forecast(mean + across @ cho_solve(factor, surprise), std)

    def _regret(self, task: Task, configs: Sequence[Config]) -> Floats:
        point = self._mixture.metaspace.points([task.metafeatures])
        badness = self._model.predict(self._inputs(self._encoder(configs), point))
        return self._mixture.scale.regret(badness)

    def _inputs(self, configs: Floats, point: Floats) -> Floats:
        return np.hstack([configs, np.repeat(point, len(configs), axis=0)]) if self._metafeatures else configs

    def _table(self) -> tuple[Floats, Floats, list[str], Floats | None]:
        """One row for every recorded loss: inputs, badness, its task's group, how far it is trusted."""
        everyone = self._mixture.trust
        surfaces, points = self._mixture.surfaces, self._encoder(self._mixture.surfaces.configs)
        X, y, groups, trust = [], [], [], []
        for t, side in enumerate(sides_of(self._mixture.tasks)):
            tried = np.isfinite(surfaces.recorded[t])
            X.append(self._inputs(points[tried], self._mixture.metaspace.known[t : t + 1]))
            y.append(self._mixture.scale.badness(surfaces.recorded[t, tried] - surfaces.best[t]))
            groups += [side] * int(tried.sum())
            trust.append(np.full(int(tried.sum()), 1.0 if everyone is None else everyone[t]))
        return np.vstack(X), np.concatenate(y), groups, None if everyone is None else np.concatenate(trust)

    def _trained(self, X: Floats, y: Floats, trust: Floats | None) -> Pipeline:
        weights = {} if trust is None else {"mlpregressor__sample_weight": trust}
        options = self._options | {"batch_size": min(self._batch, len(X))}
        model = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=self._hidden, **options))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the plan trains for a fixed time
            return model.fit(X, y, **weights)

    def _cross_validated_error(self, X: Floats, y: Floats, groups: list[str], trust: Floats | None) -> float:
        """The root mean squared error of the forecast regret on groups the network had not seen."""
        folds = min(JUDGING_FOLDS, len(set(groups)))
        if folds < 2:
            return self._mixture.scale.limit
        scale, errors = self._mixture.scale, []
        for train, test in GroupKFold(folds).split(X, y, groups):
            seen = None if trust is None else trust[train]
            predicted = self._trained(X[train], y[train], seen).predict(X[test])
            errors.append(scale.regret(predicted) - scale.regret(y[test]))
        return float(np.sqrt(np.mean(np.concatenate(errors) ** 2)))

"""Which family to try first: how close each comes to the best one on past datasets like this one."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final, Self

import numpy as np
from scipy.linalg import cho_solve, cholesky
from scipy.spatial.distance import cdist
from sklearn.linear_model import LogisticRegression

from foretune.data.metrics import LOWER_IS_BETTER
from foretune.data.records import Floats, Mask, Task
from foretune.features.metaspace import MetaSpace

CLOSE: Final = 0.01  # of a score that is at most 1; of the best loss itself where losses have units
FALL: Final = 0.02  # so far behind the best a family's closeness has fallen from 1 to 1/e
HOPELESS: Final = 1e3  # so far behind all are alike: where the best loss is nearly 0, gaps have no end
REACH: Final = 0.4  # root mean squared difference in rank up to which datasets tell of each other
NOISE: Final = 0.1  # variance of what meta-features do not tell, in units of what they do
FEWEST_DATASETS: Final = 10  # with fewer there is nothing to learn a similarity from
MOST_DATASETS: Final = 1_000  # more would take minutes: every so many are left out


class FamilyRanking:
    """The odds that each family is the best on a new dataset, or within 0.01 of the best.

    A Gaussian process for each family forecasts from meta-features how close it comes: by degrees, as whether
    a family is within 0.01 often hangs on noise. How often families were within 0.01 where that was forecast,
    each dataset by the others, turns the forecast into odds. Forecasts of losses compare families less well:
    each comes from datasets of its own, and an error of 0.02 in a level turns the order.

    Reach, fall and noise were chosen on 302 datasets of another, published history. Sources: Rasmussen and
    Williams 2006, Gaussian Processes for Machine Learning (2.2, 5.4.2); Platt 1999, Probabilistic outputs.
    """

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The ranking that these tasks of many families teach; all must be judged by one metric."""
        behind = _thinned(_behind(tasks))
        self.families = sorted({family for row in behind.values() for family in row})
        rows = [[row.get(family, np.nan) for family in self.families] for row in behind.values()]
        gaps = np.array(rows, dtype=np.float64).reshape(len(behind), len(self.families))
        described = {_dataset(task): task.metafeatures for task in tasks}
        self._space = MetaSpace([described[name] for name in behind])
        if len(behind) < FEWEST_DATASETS:
            self._forecasts: list[_Closeness] = []
            return self
        closeness, tried = np.exp(-np.minimum(gaps, HOPELESS) / FALL), ~np.isnan(gaps)
        usual = float(closeness[tried].mean())
        self._forecasts = [
            _Closeness(self._space.known[seen], values[seen], usual)
            for values, seen in zip(closeness.T, tried.T, strict=True)
        ]
        unseen = np.concatenate([forecast.unseen() for forecast in self._forecasts])
        self._odds = _Odds(unseen, gaps.T[tried.T] <= CLOSE)
        return self

    def odds(self, metafeatures: Mapping[str, float]) -> dict[str, float]:
        """Each family with its odds in [0, 1]; empty where fewer than 10 past datasets compare families."""
        if not self._forecasts:
            return {}
        point = self._space.points([metafeatures])
        forecasts = np.concatenate([forecast(point) for forecast in self._forecasts])
        return dict(zip(self.families, self._odds(forecasts).tolist(), strict=True))


class _Closeness:
    """A Gaussian process (n points of d ranks) of how close a family comes; its level is an unknown, too."""

    def __init__(self, points: Floats, closeness: Floats, usual: float) -> None:
        self._points, self._usual, self._values = points, usual, closeness - usual
        lower = cholesky(_covariance(points, points) + NOISE * np.eye(len(points)), lower=True)
        self._inverse = cho_solve((lower, True), np.eye(len(points)))
        self._weights = self._inverse @ self._values

    def __call__(self, points: Floats) -> Floats:
        """The closeness (m,) forecast at m points."""
        return np.asarray(self._usual + _covariance(points, self._points) @ self._weights)

    def unseen(self) -> Floats:
        """The closeness (n,) forecast at each of its own points by all the others."""
        return np.asarray(self._usual + self._values - self._weights / np.diag(self._inverse))


class _Odds:
    """What share of forecasts of a closeness came true."""

    def __init__(self, forecasts: Floats, came: Mask) -> None:
        self._share = float(np.mean(came))
        self._model = LogisticRegression(C=100.0)
        if 0.0 < self._share < 1.0:
            self._model.fit(forecasts[:, np.newaxis], came)

    def __call__(self, forecasts: Floats) -> Floats:
        if self._share in (0.0, 1.0):
            return np.full(len(forecasts), self._share)
        return np.asarray(self._model.predict_proba(forecasts[:, np.newaxis])[:, 1])


def _covariance(A: Floats, B: Floats) -> Floats:
    """Between points (n, d) and (m, d): a level of their own, and a function of the meta-features."""
    squared = cdist(A, B, "sqeuclidean") / max(A.shape[1], 1)
    return np.asarray(1.0 + np.exp(-squared / (2 * REACH**2)))


def _behind(tasks: Sequence[Task]) -> dict[str, dict[str, float]]:
    """For each dataset that tried two families or more: how far each stays behind the best of them."""
    best: dict[str, dict[str, float]] = {}
    for task in tasks:
        if task.best is not None and task.best.loss is not None:
            best.setdefault(_dataset(task), {})[task.family] = task.best.loss
    in_units = any(task.metric in LOWER_IS_BETTER for task in tasks)
    return {name: _gaps(row, in_units=in_units) for name, row in best.items() if len(row) > 1}


def _gaps(losses: Mapping[str, float], *, in_units: bool) -> dict[str, float]:
    best = min(losses.values())
    unit = max(abs(best), sys.float_info.min) if in_units else 1.0
    return {family: (loss - best) / unit for family, loss in losses.items()}


def _thinned(datasets: Mapping[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """At most so many datasets, evenly spread over all."""
    names = list(datasets)
    kept = np.unique(np.linspace(0, len(names) - 1, min(len(names), MOST_DATASETS)).astype(int))
    return {names[k]: datasets[names[k]] for k in kept}


def _dataset(task: Task) -> str:
    return task.dataset or task.name

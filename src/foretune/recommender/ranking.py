"""Which family to try first: how close each comes to the best one on past datasets like this one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Self

import numpy as np
from scipy.linalg import cho_solve, cholesky
from scipy.spatial.distance import cdist
from sklearn.linear_model import LogisticRegression

from foretune.data.records import Config, Floats, Mask, Task
from foretune.features.metaspace import MetaSpace
from foretune.recommender.closeness import CLOSE, are_errors, closeness, dataset_of, gaps, near
from foretune.recommender.probes import Probes

REACH: Final = 0.4  # root mean squared difference in rank up to which datasets tell of each other
NOISE: Final = 0.1  # variance of what meta-features do not tell, in units of what they do
FEWEST_DATASETS: Final = 10  # with fewer there is nothing to learn a similarity from
DRAWS: Final = 10  # of what probes might have lost on other folds
MOST_DATASETS: Final = 1_000  # more would take minutes: every so many are left out


class FamilyRanking:
    """The odds that each family is the best on a new dataset, or within 0.01 of the best.

    A Gaussian process for each family forecasts from meta-features how close it comes: by degrees, as whether
    a family is within 0.01 often hangs on noise. How often families were within 0.01 where that was forecast,
    each dataset by the others, turns the forecast into odds. Forecasts of losses compare families less well:
    each comes from datasets of its own, and an error of 0.02 in a level turns the order.

    How well a family does on the dataset itself tells more than all meta-features: what its probe lost there,
    where that was measured, is the second thing that odds are made of.

    Reach, fall and noise were chosen on 302 datasets of another, published history. Sources: Rasmussen and
    Williams 2006, Gaussian Processes for Machine Learning (2.2, 5.4.2); Platt 1999, Probabilistic outputs.
    """

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The ranking that these tasks of many families teach; all must be judged by one metric."""
        behind, self._errors = _thinned(_behind(tasks)), are_errors(tasks)
        self.families = sorted({family for row in behind.values() for family in row})
        away = self._table(behind, behind)
        described = {dataset_of(task): task.metafeatures for task in tasks}
        self._space = MetaSpace([described[name] for name in behind])
        self._forecasts: list[_Closeness] = []
        self._informed: _Odds | None = None
        self.probes: Mapping[str, Config] = {}
        if len(behind) < FEWEST_DATASETS:
            return self
        close, tried, came = closeness(away), ~np.isnan(away), away <= CLOSE
        usual = float(close[tried].mean())
        self._forecasts = [
            _Closeness(self._space.known[seen], values[seen], usual)
            for values, seen in zip(close.T, tried.T, strict=True)
        ]
        unseen = np.full_like(away, np.nan)
        for column, seen, forecast in zip(unseen.T, tried.T, self._forecasts, strict=True):
            column[seen] = forecast.unseen()
        self._odds = _Odds(unseen[tried][:, np.newaxis], came[tried])
        probes = Probes.of([task for task in tasks if dataset_of(task) in behind])
        rng = np.random.default_rng(0)
        probed = np.array(
            [
                self._table(behind, {one: self._near(probes.losses(one, rng)) for one in behind})
                for _ in range(DRAWS)
            ]
        )
        both = ~np.isnan(unseen + probed)
        if both[0].any(axis=1).sum() >= FEWEST_DATASETS:
            # The best losses share their folds, and so their luck, with the probes'; a fit to come will not.
            signs = np.column_stack([np.broadcast_to(unseen, both.shape)[both], probed[both]])
            self._informed = _Odds(signs, np.broadcast_to(came, both.shape)[both])
            self.probes = {
                family: probes.configs[family] for family in self.families if family in probes.configs
            }
        return self

    def odds(
        self, metafeatures: Mapping[str, float], probed: Mapping[str, float] | None = None
    ) -> dict[str, float]:
        """Each family with its odds in [0, 1]; empty where fewer than 10 past datasets compare families.

        `probed` holds what probes lost on the dataset, by family; one alone says nothing.
        """
        if not self._forecasts:
            return {}
        point = self._space.points([metafeatures])
        forecasts = np.concatenate([forecast(point) for forecast in self._forecasts])
        odds = dict(zip(self.families, self._odds(forecasts[:, np.newaxis]).tolist(), strict=True))
        close = self._near(probed or {})
        if self._informed is not None:
            for family, forecast in zip(self.families, forecasts, strict=True):
                if family in close:
                    odds[family] = float(self._informed(np.array([[forecast, close[family]]]))[0])
        return odds

    def _near(self, losses: Mapping[str, float]) -> dict[str, float]:
        """How close each family's loss on one dataset is to the lowest of them; of one alone nothing."""
        return near(losses, errors=self._errors) if len(losses) > 1 else {}

    def _table(self, datasets: Iterable[str], values: Mapping[str, Mapping[str, float]]) -> Floats:
        """The values (datasets, families), NaN where there is none."""
        rows = [[values.get(name, {}).get(family, np.nan) for family in self.families] for name in datasets]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.families))


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
    """What share of those came true that looked like this: of `signs` (n, k), one row each."""

    def __init__(self, signs: Floats, came: Mask) -> None:
        self._share = float(np.mean(came))
        self._model = LogisticRegression(C=100.0)
        if 0.0 < self._share < 1.0:
            self._model.fit(signs, came)

    def __call__(self, signs: Floats) -> Floats:
        if self._share in (0.0, 1.0):
            return np.full(len(signs), self._share)
        return np.asarray(self._model.predict_proba(signs)[:, 1])


def _covariance(A: Floats, B: Floats) -> Floats:
    """Between points (n, d) and (m, d): a level of their own, and a function of the meta-features."""
    squared = cdist(A, B, "sqeuclidean") / max(A.shape[1], 1)
    return np.asarray(1.0 + np.exp(-squared / (2 * REACH**2)))


def _behind(tasks: Sequence[Task]) -> dict[str, dict[str, float]]:
    """For each dataset that tried two families or more: how far each stays behind the best of them."""
    best: dict[str, dict[str, float]] = {}
    for task in tasks:
        if task.best is not None and task.best.loss is not None:
            best.setdefault(dataset_of(task), {})[task.family] = task.best.loss
    errors = are_errors(tasks)
    return {name: gaps(row, errors=errors) for name, row in best.items() if len(row) > 1}


def _thinned(datasets: Mapping[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """At most so many datasets, evenly spread over all."""
    names = list(datasets)
    kept = np.unique(np.linspace(0, len(names) - 1, min(len(names), MOST_DATASETS)).astype(int))
    return {names[k]: datasets[names[k]] for k in kept}

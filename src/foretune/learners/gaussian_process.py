"""Gaussian processes whose prior comes from past tasks, and one that knows of none."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np

from foretune.data.records import Config, Floats, Forecast, Ints, Task
from foretune.learners.forest import Forest
from foretune.learners.mixture import Mixture
from foretune.learners.observed import Observed
from foretune.learners.posterior import Posterior, Prior, Scales, condition, log_sum
from foretune.learners.surfaces import matern

# Of 0.1, 0.3 and 0.6 the best or equal on four of six published histories, with the mean area lowest.
SMOOTH = 0.6
LENGTH = 1.0  # of that smooth part, in units of the cube's edge; 0.5 was no better
LENGTHS = (0.3, 0.6, 1.2, 2.4)  # of a process without a past, which averages over them
EXACT = 1e-9  # the spread of a scenario that is believed as it stands
VIEWS = 8  # sets of candidates remembered
MOST_KEPT = 64  # components of a forecast, the weightiest
NOTHING = 1e-6  # the share of a component that is not worth working out
LEAST_UNSURE = 0.1  # of the log of the scale of losses, however alike past tasks are


@dataclass(frozen=True)
class View:
    """Past tasks at the n configs at hand: where the configs are (n, d), scores and badness (tasks, n).

    `doubt` (n,) is how little they tell there. `weights` remembers the shares of the past tasks for the
    meta-features that were asked for.
    """

    points: Floats
    scores: Floats
    badness: Floats
    doubt: Floats
    weights: dict[Hashable, Floats] = field(default_factory=dict)

    @cached_property
    def around(self) -> Floats:
        """How each past task departs from their mean, (tasks, n): `around.T @ around` is their covariance."""
        return np.asarray((self.scores - self.scores.mean(axis=0)) / np.sqrt(len(self.scores)))

    @cached_property
    def variance(self) -> Floats:
        """The variance of the past tasks at each config, (n,)."""
        return np.asarray((self.around**2).sum(axis=0))


@dataclass(frozen=True)
class Opinion:
    """How a new task departs from the past task that it is most like.

    By a covariance `amount` times as large as that between past tasks, a share of it `smooth`; and by a share
    `doubts` of what these leave open where they tell little.
    """

    smooth: float = SMOOTH
    amount: float = 1.0
    doubts: float = 0.3

    def prior(self, view: View, weights: Floats, rows: Ints, among: Floats, smooth: Floats) -> Prior:
        """The prior whose means are the past tasks, with their covariance around.

        `among` and `smooth` (m + p, n) are the past tasks' covariances of the m + p `rows` with all configs,
        and the correlations of the smooth part.
        """
        rough = self.amount * (1 - self.smooth)
        local = self.amount * self.smooth * float(view.variance.mean()) + self.doubts * view.doubt
        reach = np.sqrt(local)

        def covariance(columns: Ints | slice) -> Floats:
            found = reach[rows, None] * reach[columns]
            found *= smooth[:, columns]
            found += rough * among[:, columns]
            return np.asarray(found)

        return Prior(view.scores, weights, rough * view.variance + local, covariance)


class GaussianProcess:
    """Every past task is a prior mean of the new one, and all together are its covariance.

    Meta-features weigh the past tasks as the `forest` learner does, so they shift the prior mean. Around the
    mean that is right, a new task departs like past tasks depart from theirs: its covariance is theirs over
    the configs, but for a smooth share (a Matérn 5/2 kernel), for what none of them showed. Of several
    `opinions` how far it departs the average is taken, by how likely each makes the trials. These weigh the
    means by Bayes' rule and bend them; level and scale of the losses are unknown and integrated out. With a
    prior share `contrary` the past is upside down: what was best there is worst here, as where scores were
    recorded as losses.
    Source: Wang et al. 2024, Journal of Machine Learning Research 25 (HyperBO: mean and covariance from past
    tasks), with a mixture over past tasks in place of their mean.
    """

    def __init__(
        self, *, opinions: Sequence[Opinion] = (Opinion(),), length: float = LENGTH, contrary: float = 0.0
    ) -> None:
        self.opinions, self._length, self._contrary = tuple(opinions), length, contrary

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The processes of these tasks."""
        self._forest = Forest().fit(tasks)
        self.mixture: Mixture = self._forest.mixture
        self.scales = scales_of(self.mixture)
        self._views: dict[tuple[str, ...], View] = {}
        return self

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """Before any trial the weighted past; then the posterior, scenario by scenario."""
        observed = self.observed(task, configs)
        if not len(observed.tried):
            return self.first(task, observed, len(configs))
        posteriors, odds = self.posteriors(task, observed), np.ones(len(self.opinions))
        shares, against = self.grounds(posteriors, credence(posteriors, odds))
        return combined(
            posteriors,
            odds,
            observed,
            len(configs),
            shares=shares,
            history_weight=1.0 - against,
            contrary_weight=against,
        )

    def observed(self, task: Task, configs: Sequence[Config]) -> Observed:
        """The task's trials as columns of these configs."""
        return Observed.of(task, configs, self.mixture.encoder.key, self.scales.drawn_in)

    def first(self, task: Task, observed: Observed, n: int) -> Forecast:
        """The forecast of the first n configs before any trial; its scenarios are badness, 0 to 1."""
        weights = self.weights(task, observed)
        forecast = self.mixture.forecast(task, observed.configs[:n], weights)
        badness = self.view(observed).badness[:, :n]
        return Forecast(forecast.mean, forecast.std, badness, weights, np.full_like(badness, EXACT), weights)

    def posteriors(self, task: Task, observed: Observed) -> list[Posterior]:
        """For each opinion the posterior: its means are the past tasks in their order, then upside down."""
        view, shares, rows = self.view(observed), self.weights(task, observed), observed.rows
        if self._contrary:
            shares = np.concatenate([(1 - self._contrary) * shares, self._contrary * shares])
        among = view.around[:, rows].T @ view.around
        smooth = matern(view.points[rows], view.points, self._length)
        priors = [one.prior(view, shares, rows, among, smooth) for one in self.opinions]
        return [condition(prior, observed, self.scales) for prior in priors]

    def grounds(self, posteriors: Sequence[Posterior], believed: Floats) -> tuple[Floats, float]:
        """What rests on each past task (tasks,), and on them upside down, each posterior believed so far."""
        shares = believed @ np.array([one.weights for one in posteriors])
        tasks = len(self.mixture.tasks)
        return shares[:tasks], float(shares[tasks:].sum())

    def weights(self, task: Task, observed: Observed) -> Floats:
        """The share of each past task (tasks,) before any trial."""
        known = self.view(observed).weights
        key = tuple(sorted(task.metafeatures.items()))
        if key not in known:
            known[key] = self._forest.weights(task, observed.configs)
        return known[key]

    def view(self, observed: Observed) -> View:
        """The past tasks at the configs at hand, worked out once for the last few sets of them."""
        if observed.keys not in self._views:
            while len(self._views) >= VIEWS:
                del self._views[next(iter(self._views))]
            configs, surfaces = observed.configs, self.mixture.surfaces
            self._views[observed.keys] = View(
                self.mixture.encoder(configs),
                surfaces.scores(configs),
                surfaces.badness(configs),
                surfaces.doubt(configs),
            )
        return self._views[observed.keys]


class ColdGaussianProcess:
    """An ordinary Gaussian process: no past task, only the new one's own trials.

    Its length scale is averaged over by how likely each makes the trials. From past tasks it has no more than
    the space and the order of magnitude of losses, so a misleading history does not mislead it; of the log of
    that magnitude it is unsure by a standard deviation of at least `unsure`. It is what the history is
    measured against.
    Source: Rasmussen, Williams 2006, Gaussian Processes for Machine Learning.
    """

    def __init__(self, *, unsure: float = LEAST_UNSURE) -> None:
        self._unsure = unsure

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The process for tasks like these, which it otherwise does not look at."""
        self.mixture = Mixture(tasks)
        self.scales = scales_of(self.mixture, self._unsure)
        return self

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """Before any trial all configs are alike, but those in the middle of the space come first."""
        observed = Observed.of(task, configs, self.mixture.encoder.key, self.scales.drawn_in)
        points = self.mixture.encoder(observed.configs)
        if not len(observed.tried):
            best = self.mixture.surfaces.best
            mean = float(best.mean()) + self.scales.typical * (1 + _off_centre(points[: len(configs)]))
            std, none = float(best.std()) + self.scales.typical, np.zeros(len(self.mixture.tasks))
            return Forecast(mean, np.full(len(configs), std), shares=none, history_weight=0.0)
        posteriors = cold_posteriors(points, observed, self.scales)
        odds, none = np.ones(len(posteriors)), np.zeros(len(self.mixture.tasks))
        return combined(posteriors, odds, observed, len(configs), shares=none, history_weight=0.0)


def cold_posteriors(points: Floats, observed: Observed, scales: Scales) -> list[Posterior]:
    """The posterior of a process without a past for each length scale, at configs at these points (n, d)."""
    n, rows = len(points), points[observed.rows]

    def prior(length: float) -> Prior:
        return Prior(
            np.zeros((1, n)), np.ones(1), np.ones(n), lambda columns: matern(rows, points[columns], length)
        )

    return [condition(prior(length), observed, scales) for length in LENGTHS]


def _off_centre(points: Floats) -> Floats:
    """How far points are from the middle of the space, (n,) in [0, 1], the nearest first."""
    distance = np.abs(points - 0.5).sum(axis=1)
    return np.asarray(distance / max(float(distance.max()), 1e-12))


def scales_of(mixture: Mixture, unsure: float = LEAST_UNSURE) -> Scales:
    """The scales that losses of past tasks had: normal in their logarithm, its std at least `unsure`."""
    spreads = mixture.surfaces.spreads()
    logs = np.log(spreads[spreads > 0]) if (spreads > 0).any() else np.zeros(1)
    return Scales(float(logs.mean()), max(float(logs.std()), unsure))


def combined(
    posteriors: Sequence[Posterior],
    odds: Floats,
    observed: Observed,
    n: int,
    *,
    shares: Floats,
    history_weight: float = 1.0,
    contrary_weight: float = 0.0,
) -> Forecast:
    """The average of posteriors for the first n configs, by prior odds (p,) times evidence.

    The components become the scenarios of the forecast, the weightiest of them; a config that was tried has
    its own loss in each.
    """
    shared = [share * one.weights for share, one in zip(credence(posteriors, odds), posteriors, strict=True)]
    least = np.sort(np.concatenate(shared))[-MOST_KEPT:][0]
    chosen = [np.flatnonzero(part >= max(least, NOTHING)) for part in shared]
    weights = np.concatenate([part[kept] for part, kept in zip(shared, chosen, strict=True)])
    weights = weights / weights.sum()
    functions = [one.functions(kept) for one, kept in zip(posteriors, chosen, strict=True) if len(kept)]
    means = np.concatenate([mean for mean, _ in functions])
    stds = np.concatenate([std for _, std in functions])
    means[:, observed.tried] = observed.measured
    means, stds = means[:, :n], stds[:, :n]
    mean = weights @ means
    variance = weights @ (stds**2 + (means - mean) ** 2)
    return Forecast(mean, np.sqrt(variance), means, weights, stds, shares, history_weight, contrary_weight)


def credence(posteriors: Sequence[Posterior], odds: Floats) -> Floats:
    """How far each posterior (p,) is to be believed: Bayes' rule over their priors."""
    with np.errstate(divide="ignore"):
        logs = np.log(odds) + np.array([one.evidence for one in posteriors])
    return np.asarray(np.exp(logs - log_sum(logs)))

"""A network whose last layer is Bayesian: trained on past tasks once, updated on a new one in closed form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp
from scipy.stats import norm, rankdata

from foretune.data.errors import LearningError
from foretune.data.records import Config, Floats, Forecast, Task
from foretune.learners.bayesian_network_training import Training, trained
from foretune.learners.levels import Level
from foretune.learners.mixture import Mixture
from foretune.learners.surfaces import matern

LENGTH: Final = 1.0  # of the smooth rest that the features do not explain, in units of the cube's edge
RANK: Final = 16  # of the covariance of the task weights
MEMBERS: Final = 3
DESCRIPTION: Final = 3.0  # length of the meta-features as one vector; better than 1 on a history of SVMs
WINSOR: Final = 3.0  # losses above so many median regrets do not stretch a task's scale
SCALES: Final = np.linspace(-1.5, 1.5, 5)  # standard normal quantiles of the log scale to integrate over
NODES: Final = np.polynomial.hermite_e.hermegauss(11)
SCORES: Final = np.linspace(-3.0, 3.0, 61)  # normal scores at which the regret to expect is known


class BayesianNetwork:
    """Forecasts from hyperparameters and meta-features with task weights that the task's own trials update.

    Hidden layers, the research plan's 128-64 by default, turn a config and a dataset into features; a task's
    loss is linear in them with weights drawn from a normal prior, plus a smooth rest and noise. All of it
    is trained together, with torch, by the likelihood of past tasks, whose losses count by rank (normal
    scores). On a new task the weights are integrated out exactly, as are the level and the scale of its
    losses: no torch, no gradient. `members` networks of different seeds are weighed by their evidence.

    `l2` is a penalty in Keras' sense. `steps` counts batches, not epochs: a history of ten times the tasks
    takes no longer to learn from.
    Sources: Harrison, Sharma, Pavone 2018, arXiv:1807.08912; Perrone, Jenatton, Seeger, Archambeau 2018,
    arXiv:1712.02902.
    """

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (128, 64),
        members: int = MEMBERS,
        dropout: float = 0.0,
        l2: float = 0.0,
        learning_rate: float = 0.002,
        steps: int = 500,
        metafeatures: bool = True,
        seed: int = 0,
    ) -> None:
        self._metafeatures = metafeatures
        self._training = Training(
            hidden=tuple(hidden),
            rank=RANK,
            members=members,
            steps=steps,
            learning_rate=learning_rate,
            dropout=dropout,
            l2=l2,
            length=LENGTH,
            seed=seed,
        )

    def fit(self, tasks: Sequence[Task]) -> Self:
        """The network trained on these tasks; raises `MissingExtraError` where torch is not installed."""
        self._mixture = Mixture(tasks)
        losses, points = self._recorded()
        self._arrays = {
            **trained(
                points,
                [_normal_scores(y) for y in losses],
                self._described(tasks=None),
                self._training,
                self._mixture.trust,
            ),
            **_units(losses),
            "metafeatures": np.array(float(self._metafeatures)),
        }
        return self

    def arrays(self) -> dict[str, Floats]:
        """What was learned, as plain arrays: layers (members, in, out), prior, units of loss."""
        return dict(self._arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats], tasks: Sequence[Task]) -> Self:
        """The learner with these arrays, fitted on these tasks; it forecasts as that one did, without torch.

        Raises `LearningError` where the arrays do not fit the tasks' space and meta-features.
        """
        learner = cls(metafeatures=bool(arrays["metafeatures"]))
        learner._mixture, learner._arrays = Mixture(tasks), dict(arrays)
        wanted = len(learner._mixture.encoder.columns) + learner._described(tasks=None).shape[1]
        found = arrays["weights0"].shape[1]
        if found != wanted:
            raise LearningError(
                f"the arrays take {found} inputs, but these tasks give {wanted}: "
                "give the tasks that the network was fitted on."
            )
        return learner

    def forecast(self, task: Task, configs: Sequence[Config]) -> Forecast:
        """The mean over members and scales, conditioned on the task's own trials."""
        level = self._mixture.levels.forecast(self._mixture.metaspace.points([task.metafeatures])[0])
        tried = [trial.config for trial in task.done]
        members = self._members(task, [*tried, *configs])
        if not tried:
            return self._first(members, level)
        losses = np.array([trial.loss for trial in task.done], dtype=np.float64)
        parts = [part for member in members for part in self._parts(member, losses, level)]
        weights = np.exp([part.log_weight for part in parts] - logsumexp([p.log_weight for p in parts]))
        return _mixed(
            np.array([part.mean for part in parts]), np.array([part.variance for part in parts]), weights
        )

    def _first(self, members: Sequence["Member"], level: Level) -> Forecast:
        """Before any trial: the level, plus the regret that past tasks had at the normal scores to expect.

        Regret is far from linear in the score, so a config that is often best and sometimes hopeless is
        told from one that is always mediocre (regret at the first trial on 48 XGBoost tasks .18, not .22).
        """
        means, variances = [], []
        nodes, shares = NODES[0], NODES[1] / NODES[1].sum()
        for member in members:
            scores = (
                member.mean[:, None] + np.sqrt(np.diag(member.covariance) + member.noise)[:, None] * nodes
            )
            regrets = np.interp(scores, SCORES, self._arrays["regrets"])
            means.append(regrets @ shares)
            variances.append((regrets - means[-1][:, None]) ** 2 @ shares)
        weights = np.full(len(means), 1.0 / len(means))
        regret = _mixed(np.array(means), np.array(variances), weights)
        return Forecast(level.mean + regret.mean, np.hypot(level.std, regret.std))

    def _parts(self, member: "Member", losses: Floats, level: Level) -> list["Part"]:
        log_scale, log_scale_std = self._arrays["log_scale"]
        floor, floor_std = self._arrays["floor"]
        found = []
        for q in SCALES:
            scale = float(np.exp(log_scale + q * log_scale_std))
            # The lowest loss is a + scale * floor, and this is what the meta-features forecast.
            offset, offset_std = level.mean - scale * floor, np.hypot(level.std, scale * floor_std)
            part = member.conditioned(losses, scale=scale, offset=offset, offset_std=float(offset_std))
            found.append(Part(part.mean, part.variance, part.log_weight - 0.5 * float(q) ** 2))
        return found

    def _members(self, task: Task, configs: Sequence[Config]) -> list["Member"]:
        """The prior of each member for these configs, in normal scores."""
        points, arrays = self._mixture.encoder(configs), self._arrays
        described = np.repeat(self._described([task]), len(points), axis=0)
        hidden = np.hstack([2.0 * points - 1.0, described])[None]
        for k in range(sum(name.startswith("weights") for name in arrays)):
            hidden = np.maximum(hidden @ arrays[f"weights{k}"] + arrays[f"biases{k}"], 0.0)
        means = (hidden @ arrays["prior_mean"] + arrays["prior_offset"])[..., 0]
        features = hidden @ arrays["prior_root"]
        rest, noise = np.exp(arrays["log_rest"]), np.exp(arrays["log_noise"])
        kernel = matern(points, points, LENGTH)
        return [
            Member(means[e], features[e] @ features[e].T + rest[e] * kernel, float(noise[e]))
            for e in range(len(means))
        ]

    def _described(self, tasks: Sequence[Task] | None) -> Floats:
        """The inputs (tasks, m) that describe datasets, 0 where unknown or middling; None = the past ones."""
        space = self._mixture.metaspace
        points = space.known if tasks is None else space.points([task.metafeatures for task in tasks])
        if not self._metafeatures or not points.shape[1]:
            return np.zeros((len(points), 0))
        return np.asarray((points - 0.5) * np.sqrt(12.0 / points.shape[1]) * DESCRIPTION)

    def _recorded(self) -> tuple[list[Floats], list[Floats]]:
        """The losses (n,) and encoded configs (n, d) of each past task."""
        surfaces = self._mixture.surfaces
        points = self._mixture.encoder(surfaces.configs)
        tried = np.isfinite(surfaces.recorded)
        return [row[mask] for row, mask in zip(surfaces.recorded, tried, strict=True)], [
            points[mask] for mask in tried
        ]


@dataclass(frozen=True, slots=True)
class Part:
    """A forecast: mean and variance (n,) in units of loss, and its log evidence."""

    mean: Floats
    variance: Floats
    log_weight: float


@dataclass(frozen=True, slots=True)
class Member:
    """A normal belief about the normal scores of configs: mean (n,), covariance (n, n); noise of a trial."""

    mean: Floats
    covariance: Floats
    noise: float

    def conditioned(self, losses: Floats, *, scale: float, offset: float, offset_std: float) -> Part:
        """The forecast of a trial of each config but the first k, whose losses (k,) are known.

        A loss is a + scale * (score + noise), with a ~ N(offset, offset_std**2) integrated out.
        Source: Rasmussen, Williams 2006, eq. 2.25 and 2.41 (a basis function with a normal weight).
        """
        k = len(losses)
        lower = np.linalg.cholesky(self.covariance[:k, :k] + self.noise * np.eye(k))
        surprise = (losses - offset) / scale - self.mean[:k]
        sides = np.column_stack([surprise, np.ones(k), self.covariance[:k, k:]])
        whitened = solve_triangular(lower, sides, lower=True, check_finite=False)
        r, one, across = whitened[:, 0], whitened[:, 1], whitened[:, 2:]
        precision = float((scale / offset_std) ** 2 + one @ one)
        shift = float(one @ r) / precision
        beyond = 1.0 - across.T @ one  # how much of the level the trials do not say at each config
        mean = self.mean[k:] + across.T @ r + beyond * shift
        variance = np.diag(self.covariance)[k:] + self.noise - (across**2).sum(axis=0) + beyond**2 / precision
        log_evidence = (
            -0.5 * (float(r @ r) - shift * shift * precision)
            - float(np.log(np.diag(lower)).sum())
            - 0.5 * np.log(precision * (offset_std / scale) ** 2)
            - k * np.log(scale)
        )
        return Part(offset + scale * mean, scale**2 * np.maximum(variance, 1e-12), float(log_evidence))


def _mixed(means: Floats, variances: Floats, weights: Floats) -> Forecast:
    """Mean and std of a mixture of parts (parts, n) with these weights (parts,)."""
    mean = weights @ means
    return Forecast(mean, np.sqrt(weights @ (variances + (means - mean) ** 2)))


def _normal_scores(losses: Floats) -> Floats:
    """Each loss (n,) by its rank, as a quantile of the standard normal; equal losses stay equal."""
    return np.asarray(norm.ppf((rankdata(losses) - 0.5) / len(losses)))


def _units(losses: Sequence[Floats]) -> dict[str, Floats]:
    """What past tasks say of a new one's units: its scale, how low it goes, and the regret at a normal score.

    `log_scale` and `floor` are mean and std over the tasks; `regrets` has one value for each of `SCORES`.
    """
    told = [y for y in losses if np.ptp(y) > 0]
    if not told:
        return {
            "log_scale": np.array([0.0, 0.1]),
            "floor": np.array([0.0, 1.0]),
            "regrets": np.exp(SCORES),
        }
    winsorised = [np.minimum(y, y.min() + WINSOR * float(np.median(y - y.min()))) for y in told]
    stds = np.array([y.std() for y in winsorised])
    spans = np.array([float(np.ptp(y)) for y in told])
    stds = np.where(stds > 1e-9 * spans, stds, spans)
    floors = np.array([(y.min() - y.mean()) / std for y, std in zip(winsorised, stds, strict=True)])
    curves = [
        np.quantile((y - y.min()) / span, norm.cdf(SCORES)) for y, span in zip(told, spans, strict=True)
    ]
    return {
        "log_scale": np.array([np.log(stds).mean(), max(float(np.log(stds).std()), 0.1)]),
        "floor": np.array([floors.mean(), max(float(floors.std()), 1.0)]),
        "regrets": np.median(spans) * np.mean(curves, axis=0),
    }

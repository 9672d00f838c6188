"""The loss surface of every past task: recorded losses, and a kernel's guess at configs it never tried."""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import product
from statistics import fmean

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.spatial.distance import cdist
from scipy.stats import norm, rankdata

from foretune.data.records import FAILED, Config, Floats, Ints, Mask, Task
from foretune.features.encoding import Encoder
from foretune.learners.relevance import Relevance

NOVEL = 0.5  # length scale, in units of the cube's edge, of what the past never varied
MOST_DOUBTED = 16  # groups of tasks whose doubts are averaged; more say the same
MOST_STAND_INS = 16  # for one point: with more, and several such choices, not every combination is asked
MOST_TRIALS = 500  # of one task that a surface passes by; more cost time by their cube and change little


class Surfaces:
    """Past tasks at any configs of the space that `encoder` knows: losses, scores and badness, complete.

    Tasks differ in the level, scale and skew of their losses, so surfaces are made of *normal scores*: within
    a task the lowest of n losses becomes the lowest of n standard normal quantiles, and so on. A config that
    a task tried has its recorded loss (the mean, if it was repeated); one that failed counts as the worst
    that the task saw; any other has the posterior mean of a Gaussian process on the task's own scores, and
    the loss which that score has in this task. Which hyperparameters matter to that process, all tasks say.

    `recorded` (tasks, configs) holds losses, NaN where a config was not tried; `best` (tasks,) its minimum.
    """

    def __init__(self, tasks: Sequence[Task], encoder: Encoder) -> None:
        self.tasks = list(tasks)
        self._encoder = encoder
        self._column: dict[str, int] = {}
        self.configs: list[Config] = []
        self.recorded = self._table([_losses(task, encoder.key) for task in self.tasks])
        self.best = np.nanmin(self.recorded, axis=1)
        self._quantiles = [_quantiles(row) for row in self.recorded]
        self._asked: dict[str, int] = {}
        self._known = np.empty((2, len(self.tasks), 0))

    def losses(self, configs: Sequence[Config]) -> Floats:
        """The losses (tasks, n) of n configs, complete: no NaN."""
        return np.asarray(self.columns(configs)[0])

    def scores(self, configs: Sequence[Config]) -> Floats:
        """The normal scores (tasks, n) of n configs, complete: N(0, 1) in each task, lowest is best."""
        return np.asarray(self.columns(configs)[1])

    def badness(self, configs: Sequence[Config]) -> Floats:
        """How bad n configs are (tasks, n): 0 = the best of them, towards 1 = hopeless.

        1 - exp(-regret / typical regret of the task), so that neither a task in large units nor a few
        disastrous configs drown the rest. On 16 published histories the first config chosen by the mean of
        this stayed behind by 0.160 of the range, by that of linear regrets 0.165, of ranks 0.160.
        """
        losses = self.losses(configs)
        regrets = losses - losses.min(axis=1, keepdims=True)
        return np.asarray(1.0 - np.exp(-regrets / self._typical[:, None]))

    @cached_property
    def _typical(self) -> Floats:
        """How far half of a task's configs stay behind its best (tasks,)."""
        return np.asarray(np.maximum(np.nanmedian(self.recorded, axis=1) - self.best, 1e-300))

    def columns(self, configs: Sequence[Config]) -> Floats:
        """Losses and scores (2, tasks, n) of n configs; each config is worked out once and remembered."""
        keys = [self._encoder.key(config) for config in configs]
        new = {key: config for key, config in zip(keys, configs, strict=True) if key not in self._asked}
        if new:
            self._asked |= {key: len(self._asked) + k for k, key in enumerate(new)}
            self._known = np.concatenate([self._known, self._complete(list(new), list(new.values()))], axis=2)
        return np.asarray(self._known[:, :, [self._asked[key] for key in keys]])

    def doubt(self, configs: Sequence[Config]) -> Floats:
        """How little the past tells about n configs, (n,) in [0, 1]: the mean variance of its scores there.

        0 where every task tried the config; towards 1 where it is like none that was ever tried, or differs
        in what was the same for all of them. That a hyperparameter does not matter is not relied on here.
        """
        points = self._encoder(configs)
        known = np.isfinite(self._recorded_at([*map(self._encoder.key, configs)]))
        found, members = np.zeros(len(points)), 0
        for who, X, factor in self._doubts:
            missing = ~known[who].all(axis=0)
            if missing.any():
                solved = solve_triangular(factor, matern(X, points[missing] * self._wary, 1.0), lower=True)
                share = (~known[np.ix_(who, np.flatnonzero(missing))]).sum(axis=0)
                found[missing] += share * np.maximum(1.0 - (solved**2).sum(axis=0), 0.0)
            members += len(who)
        return np.maximum(found / members, self._novelty(points))

    @cached_property
    def _wary(self) -> Floats:
        """Scales (d,) by which no column matters less than usual: what seems not to matter may yet."""
        return np.maximum(self.relevance.scales, 1.0)

    @cached_property
    def _doubts(self) -> list[tuple[Ints, Floats, Floats]]:
        """Some of the fits for `doubt`: who, where (n, d) on wary scales, Cholesky factor."""
        found = []
        for who, X, _ in self._fits[:: -(-len(self._fits) // MOST_DOUBTED)]:
            scaled = X * self._wary
            found.append((who, scaled, _factor(scaled, self.relevance.noise)))
        return found

    def _novelty(self, points: Floats) -> Floats:
        """How far points (n, d) differ in what all past configs had in common, (n,) in [0, 1]."""
        low, high = self._reach
        same = low == high
        return 1.0 - matern(points[:, same], low[None, same], NOVEL)[:, 0]

    def _stand_ins(self, points: Floats) -> list[Floats]:
        """Points that are asked in their place: a choice never taken before is the mean of the others."""
        taken, found, rng = self._reach[1] > 0, [points], np.random.default_rng(0)
        for block in self._encoder.choices:
            novel = np.asarray((points[:, block[~taken[block]]] > 0).any(axis=1))
            others = block[taken[block]]
            if not novel.any() or not len(others):
                continue
            pairs = [*product(found, others)]
            if len(pairs) > MOST_STAND_INS:
                n, drawn = min(max(len(found), len(others)), MOST_STAND_INS), rng.permutation(others)
                pairs = [(found[k % len(found)], drawn[k % len(drawn)]) for k in range(n)]
            found = [_switched(one, novel, block, k) for one, k in pairs]
        return found

    def shared(self, most: int) -> list[Config]:
        """The configs that at least half of the tasks tried, at most so many, the most tried ones first."""
        share = np.isfinite(self.recorded).mean(axis=0)
        order = np.argsort(-share, kind="stable")
        return [self.configs[k] for k in order[:most] if share[k] >= 0.5]

    def spreads(self) -> Floats:
        """How far a task's losses scatter (tasks,): their standard deviation, disasters drawn in.

        A loss is at most three typical regrets above the best.
        """
        regrets = self.recorded - self.best[:, None]
        reach = 3 * np.nanmedian(regrets, axis=1, keepdims=True)
        return np.asarray(np.nanstd(np.minimum(regrets, reach), axis=1))

    def _table(self, rows: list[dict[str, tuple[Config, float]]]) -> Floats:
        for row in rows:
            for key, (config, _) in row.items():
                if key not in self._column:
                    self._column[key] = len(self.configs)
                    self.configs.append(config)
        table = np.full((len(rows), len(self.configs)), np.nan)
        for t, row in enumerate(rows):
            for key, (_, loss) in row.items():
                table[t, self._column[key]] = loss
        return table

    def _complete(self, keys: Sequence[str], configs: Sequence[Config]) -> Floats:
        losses = self._recorded_at(keys)
        scores = np.empty_like(losses)
        for t, (values, quantiles) in enumerate(self._quantiles):
            scores[t] = np.interp(losses[t], values, quantiles)  # NaN stays NaN
        if np.isnan(losses).any():
            self._impute(losses, scores, self._encoder(configs))
        return np.stack([losses, scores])

    def _recorded_at(self, keys: Sequence[str]) -> Floats:
        """The recorded losses (tasks, n) of configs by key, NaN where one was not tried."""
        known = np.array([self._column.get(key, -1) for key in keys], dtype=int)
        return np.where(known >= 0, self.recorded[:, known], np.nan)

    def _impute(self, losses: Floats, scores: Floats, points: Floats) -> None:
        """Fills the gaps in place; tasks that tried the same configs share one fit."""
        stand_ins, scales = self._stand_ins(points), self.relevance.scales
        for members, X, weights in self._fits:
            gaps = np.isnan(losses[members]).any(axis=0)
            if not gaps.any():
                continue
            covariances = [matern(one[gaps] * scales, X * scales, 1.0) for one in stand_ins]
            guess = np.mean([covariance @ weights for covariance in covariances], axis=0).T
            for t, row in zip(members, guess, strict=True):
                values, quantiles = self._quantiles[t]
                missing = gaps & np.isnan(losses[t])
                # A surface never promises more than the best that was really seen.
                row = np.clip(row, quantiles[0], quantiles[-1])[missing[gaps]]  # noqa: PLW2901
                losses[t, missing], scores[t, missing] = np.interp(row, quantiles, values), row

    @cached_property
    def _points(self) -> Floats:
        """Where the recorded configs are, (configs, d)."""
        return self._encoder(self.configs)

    @cached_property
    def _reach(self) -> tuple[Floats, Floats]:
        """The least and the largest value (d,) of each column that was ever recorded."""
        return self._points.min(axis=0), self._points.max(axis=0)

    @cached_property
    def relevance(self) -> Relevance:
        """Which columns matter to losses, learned from all tasks together."""
        tried = np.isfinite(self.recorded)
        return Relevance.learned(
            [
                (self._points[here], np.interp(self.recorded[t, here], *self._quantiles[t]))
                for t, here in enumerate(tried)
            ]
        )

    @cached_property
    def _fits(self) -> list[tuple[Ints, Floats, Floats]]:
        """For tasks that tried the same configs: who, where (n, d), weights (n, tasks)."""
        points, fits = self._points, []
        for tried, members in _by_row(np.isfinite(self.recorded)):
            if len(tried) > MOST_TRIALS:
                tried = np.random.default_rng(0).permutation(tried)[:MOST_TRIALS]  # noqa: PLW2901
            y = np.stack([np.interp(self.recorded[t, tried], *self._quantiles[t]) for t in members], axis=1)
            X = points[tried]
            factor = _factor(X * self.relevance.scales, self.relevance.noise)
            fits.append((members, X, cho_solve((factor, True), y)))
        return fits


def _factor(scaled: Floats, noise: float) -> Floats:
    """The Cholesky factor (n, n) of the covariance of noisy scores at these points (n, d)."""
    return np.asarray(np.linalg.cholesky(matern(scaled, scaled, 1.0) + noise * np.eye(len(scaled))))


def _switched(points: Floats, who: Mask, block: Ints, k: int) -> Floats:
    """The points, some of which take the choice of column k in place of theirs."""
    found = points.copy()
    found[np.ix_(who, block)] = 0.0
    found[who, k] = 1.0
    return found


def _quantiles(row: Floats) -> tuple[Floats, Floats]:
    """The distinct losses of a task, ascending, and the normal score of each; ties share their mean rank."""
    values, places = np.unique(row[np.isfinite(row)], return_inverse=True)
    ranks = rankdata(places)
    first = np.unique(places, return_index=True)[1]
    return values, norm.ppf((ranks[first] - 0.5) / len(ranks))


def _losses(task: Task, key: Callable[[Config], str]) -> dict[str, tuple[Config, float]]:
    found: dict[str, tuple[Config, list[float], list[float]]] = {}
    worst = max(trial.loss for trial in task.done if trial.loss is not None)
    for trial in task.trials:
        loss = worst if trial.status is FAILED else trial.loss
        if loss is not None and trial.fidelity is None:
            _, losses, weights = found.setdefault(key(trial.config), (trial.config, [], []))
            losses.append(loss)
            weights.append(trial.weight)
    return {name: (config, _mean(losses, weights)) for name, (config, losses, weights) in found.items()}


def _mean(losses: list[float], weights: list[float]) -> float:
    """The mean of repeats, each by how far it is trusted."""
    return fmean(losses) if min(weights) == max(weights) else fmean(losses, weights)


def _by_row(mask: Mask) -> list[tuple[Ints, Ints]]:
    """The distinct rows of a mask, each as the columns it holds, with the rows that equal it."""
    members: dict[bytes, list[int]] = {}
    for k, packed in enumerate(np.packbits(mask, axis=1)):
        members.setdefault(packed.tobytes(), []).append(k)
    return [(np.flatnonzero(mask[rows[0]]), np.array(rows)) for _, rows in sorted(members.items())]


def matern(A: Floats, B: Floats, length: float) -> Floats:
    """The Matérn 5/2 covariance (a, b) of points: Rasmussen, Williams 2006, eq. 4.17.

    In place, as fresh arrays of this size would take longer than what is reckoned.
    """
    r = cdist(A, B)
    r *= np.sqrt(5.0) / length
    found = r / 3.0
    found += 1.0
    found *= r
    found += 1.0  # 1 + r + r**2 / 3
    found *= np.exp(np.negative(r, out=r), out=r)
    return np.asarray(found)

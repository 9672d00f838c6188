"""How much of a task's ranking of configs is more than noise, by what each config scored on each fold."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.stats import rankdata

from foretune.data.records import Floats, Mask, Task, Trial, canonical

FEWEST_CONFIGS: Final = 10  # with fewer the estimate is mere noise itself


def reliability(task: Task) -> float | None:
    """The share of the variance between configs that is not fold noise, in [0, 1]; None if nobody can tell.

    Of the ranks (configs, folds) on each fold, so that one disaster does not decide. These less the mean of
    each config leave the noise of one fold; the mean over folds has the share 1 / folds of it. The square
    root of the reliability is how measured ranks correlate with true ones. Source: analysis of variance
    without repetition; Spearman 1904, doi:10.2307/1412159 (reliability and correlation).
    """
    scores = _scores(task)
    configs, folds = scores.shape
    if configs < FEWEST_CONFIGS or folds < 2:
        return None
    ranks = rankdata(scores, axis=0)
    of_configs = ranks.mean(axis=1)
    noise = float(((ranks - of_configs[:, None]) ** 2).sum()) / ((configs - 1) * (folds - 1)) / folds
    between = float(of_configs.var(ddof=1))
    return max(1.0 - noise / between, 0.0) if between > 0 else None


def _scores(task: Task) -> Floats:
    """What configs scored on each fold (configs, folds): those of the usual folds, with finite scores."""
    told = [(trial, trial.scores.get(task.metric, ())) for trial in task.done]
    counts = Counter(len(scores) for _, scores in told)
    folds = max(counts, key=lambda n: (counts[n], n), default=0)
    if not folds:
        return np.empty((0, 0))
    usual = [trial for trial, scores in told if len(scores) == folds]
    table: Floats = np.array([trial.scores[task.metric] for trial in usual], dtype=np.float64)
    sound: Mask = np.asarray(np.isfinite(table).all(axis=1))
    if len({(trial.seed, trial.repeat) for trial in usual}) > 1:
        return _means(table, sound, usual)
    return table[sound]


def _means(table: Floats, sound: Mask, trials: Sequence[Trial]) -> Floats:
    """The mean of the sound rows of each config, which was tried with several seeds."""
    members: dict[str, list[int]] = defaultdict(list)
    for k in np.flatnonzero(sound).tolist():
        members[canonical(trials[k].config)].append(k)
    return np.array([table[rows].mean(axis=0) for rows in members.values()]).reshape(-1, table.shape[1])

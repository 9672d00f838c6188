"""How much of a task's ranking of configs is more than noise, by what each config scored on each fold."""

from typing import Final

import numpy as np

from foretune.data.records import Floats, Task

FEWEST_CONFIGS: Final = 10  # with fewer the estimate is mere noise itself


def reliability(task: Task) -> float | None:
    """The share of the variance between configs that is not fold noise, in [0, 1]; None if nobody can tell.

    Scores (configs, folds) less the effect of the fold and of the config leave the noise of one fold; the
    mean over folds has the share 1 / folds of it. The square root of the reliability is how measured losses
    correlate with true ones. Source: analysis of variance without repetition; Spearman 1904,
    doi:10.2307/1412159 (reliability and correlation).
    """
    rows = [trial.scores.get(task.metric, ()) for trial in task.done]
    folds = max(map(len, rows), default=0)
    table: Floats = np.array([row for row in rows if len(row) == folds and np.isfinite(row).all()])
    configs = len(table)
    if configs < FEWEST_CONFIGS or folds < 2:
        return None
    of_configs = table.mean(axis=1)
    residual = table - table.mean(axis=0) - of_configs[:, None] + of_configs.mean()
    noise = float((residual**2).sum()) / ((configs - 1) * (folds - 1)) / folds
    between = float(of_configs.var(ddof=1))
    return min(max(1.0 - noise / between, 0.0), 1.0) if between > 0 else None

"""The user's view of the public API, as a type checker sees it: mypy --strict must accept every line."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from ConfigSpace import ConfigurationSpace

import foretune


def ask_and_tell(url: str, space: ConfigurationSpace, X: pd.DataFrame, y: "pd.Series[float]") -> float | None:
    """Learns from a history, searches, and keeps what it found."""
    with foretune.open_history(url) as history:
        recommender = foretune.Recommender("forest").fit(history.tasks(family="svm"))
        task = foretune.Task("churn", "svm", space, metafeatures=foretune.describe(X, y))
        for _ in range(3):
            found: list[foretune.Recommendation] = recommender.recommend(task, 2)
            task = task.plus(*(foretune.Trial(one.config, loss=0.5, seconds=1.0) for one in found))
        task = task.plus(foretune.Trial({"C": 1.0}, status=foretune.FAILED, reason="it diverged"))
        history.add(task)
    best: foretune.Trial | None = task.best
    return best.loss if best else None


def in_one_call(X: pd.DataFrame, y: "pd.Series[float]") -> tuple[float, str]:
    """From a table to a config in one call."""
    try:
        best = foretune.recommend(X, y, family="svm", candidates=[{"C": 1, "gamma": "scale"}], n=1)[0]
    except foretune.ForetuneError:
        raise
    similarity: float = best.because[0].similarity
    return best.score + best.std + similarity, best.family


class Guess:
    """A learner of one's own: it satisfies the protocol without inheriting."""

    def fit(self, tasks: Sequence[foretune.Task]) -> "Guess":
        """Learns nothing."""
        return self

    def forecast(self, task: foretune.Task, configs: Sequence[foretune.Config]) -> foretune.Forecast:
        """Expects the same of every config."""
        return foretune.Forecast(np.zeros(len(configs)), np.ones(len(configs)))


def with_a_learner_of_ones_own() -> foretune.Recommender:
    """A recommender around it."""
    learner: foretune.Learner = Guess()
    return foretune.Recommender(learner)

"""Models that go wrong, as a family of one's own may; the sweep's child processes import them from here."""

import time
from typing import Any, Self

import numpy as np
from ConfigSpace import Categorical, ConfigurationSpace
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from foretune.collect.datasets import Dataset
from foretune.collect.families import Family
from foretune.data.metrics import Target


class Odd(BaseEstimator):
    """Raises, sleeps or says NaN, as `mood` wants; else it says 0."""

    def __init__(self, mood: str = "well") -> None:
        self.mood = mood

    def fit(self, X: Any, y: Any) -> Self:
        """Raises or sleeps where it is in the mood."""
        self.classes_ = np.unique(y)
        if self.mood == "raises":
            raise ArithmeticError("no fit today\nand a long explanation")
        if self.mood == "sleeps":
            time.sleep(60)
        if self.mood == "is slow":
            time.sleep(0.4)
        return self

    def predict(self, X: Any) -> Any:
        """NaN or 0 for every row."""
        return np.full(len(X), np.nan if self.mood == "says NaN" else 0.0)


class OddClassifier(ClassifierMixin, Odd):
    """It says the first class."""


class OddRegressor(RegressorMixin, Odd):
    """It says zero."""


class SlowDataset(Dataset):
    """A table that takes long to prepare."""

    def sample(self, rows: int | None, *, seed: int = 0) -> Dataset:
        """The first step of it."""
        time.sleep(0.8)
        return super().sample(rows, seed=seed)


class IndescribableDataset(Dataset):
    """A table that has no meta-features."""

    def describe(self) -> dict[str, float]:
        """Raises."""
        raise ZeroDivisionError("no words")


def odd_space(_: Target) -> ConfigurationSpace:
    """All moods."""
    space = ConfigurationSpace()
    space.add(Categorical("mood", ["well", "raises", "says NaN", "is slow", "sleeps"], default="well"))
    return space


def odd_family(*moods: str) -> Family:
    """The family whose grid holds these moods."""
    models = {"classification": OddClassifier, "regression": OddRegressor}
    return Family("odd", models, odd_space, {"mood": list(moods)})

"""The choices that classifiers of several kinds share, and regressors lack."""

from ConfigSpace import Categorical, ConfigurationSpace

from foretune.data.metrics import Target


def add_class_weight(space: ConfigurationSpace, target: Target) -> None:
    """Adds whether rare classes weigh more; nothing for a regression."""
    if target == "classification":
        space.add(Categorical("class_weight", [None, "balanced"], default=None, weights=[3, 1]))


def add_criterion(space: ConfigurationSpace, target: Target) -> None:
    """Adds the impurity that a tree's splits lower; nothing for a regression."""
    if target == "classification":
        space.add(Categorical("criterion", ["gini", "entropy"], default="gini"))

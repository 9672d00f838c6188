"""Single trees and bagged trees: decision_tree, random_forest and extra_trees."""

from typing import Final

from ConfigSpace import Categorical, ConfigurationSpace, Float, Integer

from foretune.collect.built_in.choices import add_class_weight, add_criterion
from foretune.collect.family import Family
from foretune.data.metrics import Target
from foretune.data.spaces import add_mixed


def decision_tree_space(target: Target) -> ConfigurationSpace:
    """What one would search on a single CART tree."""
    space = ConfigurationSpace()
    add_criterion(space, target)
    add_mixed(space, Integer("max_depth", (1, 40), log=True, default=10), [None], default=None)
    space.add(Integer("min_samples_split", (2, 64), log=True, default=2))
    space.add(Integer("min_samples_leaf", (1, 64), log=True, default=1))
    add_mixed(space, Float("max_features", (0.1, 1.0), default=0.5), [None, "sqrt"], default=None)
    add_mixed(space, Float("ccp_alpha", (1e-5, 0.05), log=True, default=1e-3), [0.0], default=0.0)
    add_class_weight(space, target)
    return space


def random_forest_space(target: Target) -> ConfigurationSpace:
    """What one would search on a random forest."""
    return _forest_space(target, bootstrap=True)


def extra_trees_space(target: Target) -> ConfigurationSpace:
    """What one would search on extremely randomised trees."""
    return _forest_space(target, bootstrap=False)


def _forest_space(target: Target, *, bootstrap: bool) -> ConfigurationSpace:
    space = ConfigurationSpace()
    add_criterion(space, target)
    space.add(Integer("n_estimators", (10, 300), log=True, default=100))
    add_mixed(space, Integer("max_depth", (1, 40), log=True, default=10), [None], default=None)
    space.add(Integer("min_samples_split", (2, 64), log=True, default=2))
    space.add(Integer("min_samples_leaf", (1, 32), log=True, default=1))
    default, other = ("sqrt", 1.0) if target == "classification" else (1.0, "sqrt")
    add_mixed(space, Float("max_features", (0.1, 0.999), default=0.5), [default, other], default=default)
    space.add(Categorical("bootstrap", [True, False], default=bootstrap))
    add_class_weight(space, target)
    return space


FAMILIES: Final = (
    Family(
        "decision_tree",
        {
            "classification": "sklearn.tree:DecisionTreeClassifier",
            "regression": "sklearn.tree:DecisionTreeRegressor",
        },
        decision_tree_space,
        {"max_depth": [None, 10, 20, 30], "min_samples_split": [2, 5, 10]},
    ),
    Family(
        "random_forest",
        {
            "classification": "sklearn.ensemble:RandomForestClassifier",
            "regression": "sklearn.ensemble:RandomForestRegressor",
        },
        random_forest_space,
        {"n_estimators": [10, 50, 100], "max_depth": [None, 10, 20]},
    ),
    Family(
        "extra_trees",
        {
            "classification": "sklearn.ensemble:ExtraTreesClassifier",
            "regression": "sklearn.ensemble:ExtraTreesRegressor",
        },
        extra_trees_space,
        {"n_estimators": [10, 50, 100], "max_depth": [None, 10, 20]},
    ),
)

"""Boosted trees: hist_gradient_boosting, xgboost and lightgbm.

Their ranges follow what the libraries' guides and published benchmarks search; trees and leaves end where a
fit on 2,000 rows takes seconds. Threads are fixed at one: a sweep is parallel by its trials.
"""

from typing import Final

from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer

from foretune.collect.built_in.choices import add_class_weight
from foretune.collect.family import Family
from foretune.data.metrics import Target
from foretune.data.spaces import add_mixed


def hist_gradient_boosting_space(target: Target) -> ConfigurationSpace:
    """What one would search on scikit-learn's histogram boosting."""
    space = ConfigurationSpace()
    space.add(Integer("max_iter", (20, 400), log=True, default=100))
    space.add(Float("learning_rate", (0.01, 1.0), log=True, default=0.1))
    add_mixed(space, Integer("max_leaf_nodes", (3, 127), log=True, default=31), [None], default=31)
    add_mixed(space, Integer("max_depth", (1, 16), log=True, default=6), [None], default=None)
    space.add(Integer("min_samples_leaf", (1, 100), log=True, default=20))
    add_mixed(space, Float("l2_regularization", (1e-5, 100.0), log=True, default=1.0), [0.0], default=0.0)
    space.add(Float("max_features", (0.1, 1.0), default=1.0))
    add_class_weight(space, target)
    return space


def xgboost_space(_: Target) -> ConfigurationSpace:
    """What one would search on xgboost."""
    space = ConfigurationSpace()
    space.add(Integer("n_estimators", (20, 400), log=True, default=100))
    space.add(Float("learning_rate", (0.01, 1.0), log=True, default=0.3))
    space.add(Integer("max_depth", (1, 14), log=True, default=6))
    space.add(Float("min_child_weight", (0.1, 64.0), log=True, default=1.0))
    space.add(Float("subsample", (0.4, 1.0), default=1.0))
    space.add(Float("colsample_bytree", (0.2, 1.0), default=1.0))
    space.add(Float("colsample_bylevel", (0.2, 1.0), default=1.0))
    space.add(Float("reg_lambda", (1e-3, 100.0), log=True, default=1.0))
    add_mixed(space, Float("reg_alpha", (1e-3, 100.0), log=True, default=0.1), [0.0], default=0.0)
    add_mixed(space, Float("gamma", (1e-3, 10.0), log=True, default=0.1), [0.0], default=0.0)
    return space


def lightgbm_space(target: Target) -> ConfigurationSpace:
    """What one would search on lightgbm; rows are sampled only where `subsample_freq` says how often."""
    space = ConfigurationSpace()
    space.add(Integer("n_estimators", (20, 400), log=True, default=100))
    space.add(Float("learning_rate", (0.01, 1.0), log=True, default=0.1))
    space.add(Integer("num_leaves", (3, 127), log=True, default=31))
    add_mixed(space, Integer("max_depth", (1, 16), log=True, default=6), [-1], default=-1)
    space.add(Integer("min_child_samples", (1, 100), log=True, default=20))
    often = Categorical("subsample_freq", [0, 1], default=0)
    share = Float("subsample", (0.4, 1.0), default=1.0)
    space.add(often, share, EqualsCondition(share, often, 1))
    space.add(Float("colsample_bytree", (0.2, 1.0), default=1.0))
    add_mixed(space, Float("reg_alpha", (1e-3, 100.0), log=True, default=0.1), [0.0], default=0.0)
    add_mixed(space, Float("reg_lambda", (1e-3, 100.0), log=True, default=0.1), [0.0], default=0.0)
    add_class_weight(space, target)
    return space


FAMILIES: Final = (
    Family(
        "hist_gradient_boosting",
        {
            "classification": "sklearn.ensemble:HistGradientBoostingClassifier",
            "regression": "sklearn.ensemble:HistGradientBoostingRegressor",
        },
        hist_gradient_boosting_space,
        {"learning_rate": [0.01, 0.1, 0.3], "max_iter": [50, 100, 200]},
    ),
    Family(
        "xgboost",
        {"classification": "xgboost:XGBClassifier", "regression": "xgboost:XGBRegressor"},
        xgboost_space,
        {"learning_rate": [0.01, 0.1, 0.3], "max_depth": [3, 6, 9]},
        fixed={"n_jobs": 1, "verbosity": 0},
        extra="xgboost",
    ),
    Family(
        "lightgbm",
        {"classification": "lightgbm:LGBMClassifier", "regression": "lightgbm:LGBMRegressor"},
        lightgbm_space,
        {"learning_rate": [0.01, 0.1, 0.3], "num_leaves": [15, 31, 63]},
        fixed={"n_jobs": 1, "verbose": -1},
        extra="lightgbm",
    ),
)

"""Models of distances and sums, which want scaled columns: svm, linear models, knn and mlp."""

from typing import Final

from ConfigSpace import (
    Categorical,
    ConfigurationSpace,
    EqualsCondition,
    Float,
    InCondition,
    Integer,
)

from foretune.collect.built_in.choices import add_class_weight
from foretune.collect.family import Family
from foretune.data.metrics import Target
from foretune.data.spaces import add_lists, add_mixed


def svm_space(target: Target) -> ConfigurationSpace:
    """What one would search on a kernel machine: every kernel brings its own hyperparameters."""
    space = ConfigurationSpace()
    kernel = Categorical("kernel", ["rbf", "poly", "sigmoid", "linear"], default="rbf", weights=[5, 2, 1, 2])
    degree = Integer("degree", (2, 5), default=3)
    coef0 = Float("coef0", (-1.0, 1.0), default=0.0)
    space.add(kernel, Float("C", (1e-3, 1e3), log=True, default=1.0))
    add_mixed(space, Float("gamma", (1e-5, 10.0), log=True, default=0.1), ["scale", "auto"], default="scale")
    space.add(degree, coef0)
    space.add(InCondition(space["gamma:kind"], kernel, ["rbf", "poly", "sigmoid"]))
    space.add(EqualsCondition(degree, kernel, "poly"), InCondition(coef0, kernel, ["poly", "sigmoid"]))
    if target == "regression":
        space.add(Float("epsilon", (1e-3, 1.0), log=True, default=0.1))
    add_class_weight(space, target)
    return space


def logistic_regression_space(target: Target) -> ConfigurationSpace:
    """What one would search on a logistic regression: the penalty's strength, and its kind where saga fits.

    The penalty is ridge with `l1_ratio` 0 (the library's default, all that lbfgs knows), lasso with 1.
    """
    space = ConfigurationSpace()
    space.add(Float("C", (1e-4, 1e4), log=True, default=1.0))
    solver = Categorical("solver", ["lbfgs", "saga"], default="lbfgs", weights=[1, 2])
    space.add(solver)
    add_mixed(space, Float("l1_ratio", (0.01, 0.99), default=0.5), [0.0, 1.0], default=0.0)
    space.add(EqualsCondition(space["l1_ratio:kind"], solver, "saga"))
    space.add(Integer("max_iter", (50, 500), log=True, default=100))
    add_class_weight(space, target)
    return space


def elastic_net_space(_: Target) -> ConfigurationSpace:
    """What one would search on a linear regression: `l1_ratio` 0 is ridge, 1 is lasso."""
    space = ConfigurationSpace()
    space.add(Float("alpha", (1e-5, 10.0), log=True, default=1.0))
    add_mixed(space, Float("l1_ratio", (0.01, 0.99), default=0.5), [0.0, 1.0], default=0.5)
    return space


def knn_space(_: Target) -> ConfigurationSpace:
    """What one would search on nearest neighbours."""
    space = ConfigurationSpace()
    space.add(Integer("n_neighbors", (1, 64), log=True, default=5))
    space.add(Categorical("weights", ["uniform", "distance"], default="uniform"))
    metric = Categorical(
        "metric", ["minkowski", "chebyshev", "cosine"], default="minkowski", weights=[4, 1, 2]
    )
    p = Categorical("p", [1, 2, 3], default=2, weights=[2, 2, 1])
    space.add(metric, p, EqualsCondition(p, metric, "minkowski"))
    return space


def mlp_space(_: Target) -> ConfigurationSpace:
    """What one would search on a small network trained by Adam."""
    space = ConfigurationSpace()
    layers = [[25], [50], [100], [200], [25, 25], [50, 50], [100, 50], [100, 100], [50, 50, 50]]
    add_lists(space, "hidden_layer_sizes", layers, default=[100])
    space.add(Categorical("activation", ["relu", "tanh"], default="relu", weights=[2, 1]))
    space.add(Float("alpha", (1e-6, 10.0), log=True, default=1e-4))
    space.add(Float("learning_rate_init", (1e-4, 0.03), log=True, default=1e-3))
    add_mixed(space, Integer("batch_size", (32, 256), log=True, default=128), ["auto"], default="auto")
    space.add(Integer("max_iter", (20, 200), log=True, default=200))
    return space


FAMILIES: Final = (
    Family(
        "svm",
        {"classification": "sklearn.svm:SVC", "regression": "sklearn.svm:SVR"},
        svm_space,
        {"C": [0.1, 1, 10], "gamma": [0.001, 0.01, 0.1]},
    ),
    Family(
        "logistic_regression",
        {"classification": "sklearn.linear_model:LogisticRegression"},
        logistic_regression_space,
        {"C": [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]},
    ),
    Family(
        "elastic_net",
        {"regression": "sklearn.linear_model:ElasticNet"},
        elastic_net_space,
        {"alpha": [0.001, 0.01, 0.1, 1.0], "l1_ratio": [0.0, 0.1, 0.5, 0.9]},
    ),
    Family(
        "knn",
        {
            "classification": "sklearn.neighbors:KNeighborsClassifier",
            "regression": "sklearn.neighbors:KNeighborsRegressor",
        },
        knn_space,
        {"n_neighbors": [3, 5, 7, 11, 15], "weights": ["uniform", "distance"]},
    ),
    Family(
        "mlp",
        {
            "classification": "sklearn.neural_network:MLPClassifier",
            "regression": "sklearn.neural_network:MLPRegressor",
        },
        mlp_space,
        {"hidden_layer_sizes": [[50], [100], [50, 50]], "alpha": [0.0001, 0.01, 1.0]},
    ),
)

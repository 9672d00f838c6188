"""A fitted forest read tree by tree: scikit-learn's own way costs 30 ms a call for 200 trees, this 1 ms."""

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from foretune.data.records import Floats, Ints


def leaves(forest: ExtraTreesRegressor, points: Floats) -> Ints:
    """The leaf (n, trees) that each of n points falls into."""
    X = points.astype(np.float32)
    return np.stack([tree.tree_.apply(X) for tree in forest.estimators_], axis=1)


def predict(forest: ExtraTreesRegressor, points: Floats) -> Floats:
    """The mean over the trees (n,) of a forest with a single output."""
    X = points.astype(np.float32)
    return np.asarray(np.mean([tree.tree_.predict(X)[:, 0] for tree in forest.estimators_], axis=0))

"""Landmarkers: how well cheap models do on a small sample says which hyperparameters will suit the dataset.

One decision tree is grown in full and then read as if it had been cut back, which tells what regularising a
tree gains. Least-squares support vector machines with one kernel matrix tell what C and gamma gain: they take
one linear system each, serve many classes and numbers alike, and always converge.
Sources: Pfahringer, Bensusan, Giraud-Carrier 2000 (landmarking); Fürnkranz, Petrak 2001 (relative ones);
Suykens, Vandewalle 1999, doi:10.1023/A:1018628609742 (least-squares SVM).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy.linalg import solve
from sklearn.metrics import pairwise_distances
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

from foretune.data.metrics import Target
from foretune.data.records import Floats
from foretune.features.table import Ints, Table, filled, filled_levels, unit_range

FOLDS: Final = 3
MAX_LEVELS: Final = 10  # one-hot columns a category, the most frequent ones
TREES: Final = 8
SMOOTH: Final = 10  # training rows behind each answer of the smooth tree

_SCORE = "out-of-fold balanced accuracy in [0, 1] (classification) or R2 cut to [-1, 1] (regression) of "

GAMMAS: Final = (0.001, 0.01, 0.1)  # a standard grid's, on standardised columns
MEANINGS: Final[dict[str, str]] = {
    "one_nn": _SCORE + "the nearest neighbour",
    "naive_bayes": _SCORE + "Gaussian naive Bayes; classification only",
    "linear": _SCORE + "a linear least-squares SVM, C = 1",
    "rbf": _SCORE + "an RBF least-squares SVM, C = 1, gamma = 'scale'",
    "rbf_wide": _SCORE + "the same with a tenth of gamma",
    "rbf_narrow": _SCORE + "the same with ten times gamma",
    "rbf_hard": _SCORE + "the RBF machine with C = 100",
    **{f"rbf_{gamma}": _SCORE + f"an RBF least-squares SVM, C = 10, gamma = {gamma}" for gamma in GAMMAS},
    "best_node": _SCORE + "a decision tree of depth 1",
    "tree_3": _SCORE + "the same tree at depth 3",
    "tree_10": _SCORE + "the same tree at depth 10",
    "tree": _SCORE + "the tree grown in full",
    "tree_smooth": _SCORE + f"the tree, each answer resting on at least {SMOOTH} training rows",
    "random_trees": _SCORE + f"{TREES} extremely randomised trees together",
    "rbf_gain": "rbf minus linear: what a curved boundary gains",
    "narrow_gain": "rbf_narrow minus rbf_wide: above 0 where large gamma is better",
    "hard_gain": "rbf_hard minus rbf: above 0 where large C is better",
    "gamma_up_gain": "rbf_0.1 minus rbf_0.01: above 0 where so large a gamma is better",
    "gamma_down_gain": "rbf_0.001 minus rbf_0.01: above 0 where so small a gamma is better",
    "one_nn_gain": "one_nn minus linear: above 0 where only the neighbourhood counts",
    "depth_gain": "tree minus tree_3: above 0 where deep trees are better",
    "smooth_gain": "tree_smooth minus tree: above 0 where larger leaves are better",
    "forest_gain": "random_trees minus tree: what averaging trees gains",
    "tree_depth": "the depth of the full tree, mean over the folds",
    "leaves_per_inst": "the leaves of the full tree by its training rows, in (0, 1], mean over the folds",
    "log_distance": "log of the mean squared distance of two rows, standardised and one-hot: where an RBF "
    "kernel's gamma begins to tell them apart; NaN where all rows are equal",
    "log_nn_distance": "log of the mean squared distance of a row and its nearest one; NaN where that is 0",
}
_GAINS: Final = {
    "rbf_gain": ("rbf", "linear"),
    "narrow_gain": ("rbf_narrow", "rbf_wide"),
    "hard_gain": ("rbf_hard", "rbf"),
    "gamma_up_gain": ("rbf_0.1", "rbf_0.01"),
    "gamma_down_gain": ("rbf_0.001", "rbf_0.01"),
    "one_nn_gain": ("one_nn", "linear"),
    "depth_gain": ("tree", "tree_3"),
    "smooth_gain": ("tree_smooth", "tree"),
    "forest_gain": ("random_trees", "tree"),
}


@dataclass(frozen=True, slots=True)
class _Split:
    """One fold: all `points` (n, d) and `aims` (n, k), and which rows teach and which are asked.

    `aims` are one-hot classes, or the standardised target as one column.
    """

    points: Floats
    aims: Floats
    taught: Ints
    asked: Ints


def landmarks(table: Table, rng: np.random.Generator) -> dict[str, float]:
    """The landmarkers of the table, by name, as `MEANINGS` tells them; all are finite.

    Costs grow with the square of the rows and beyond: give a sample of some hundreds.
    """
    points, aims = encode(table), _aims(table)
    squared = np.asarray(pairwise_distances(points, metric="sqeuclidean"))
    kernels = _kernels(points, squared)
    answers: dict[str, Floats] = {}
    shapes: list[tuple[float, float]] = []
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        for split in _splits(points, aims, table.y, rng):
            tree = DecisionTreeRegressor(random_state=0).fit(points[split.taught], aims[split.taught])
            shapes.append((tree.tree_.max_depth, tree.tree_.n_leaves / len(split.taught)))
            found = _by_neighbour(split, squared) | _by_kernels(split, kernels) | _by_trees(split, tree)
            if table.target == "classification":
                found |= _by_bayes(split)
            for name, answer in found.items():
                answers.setdefault(name, np.empty_like(aims))[split.asked] = answer
    scores = {name: score(aims, answer, table.target) for name, answer in answers.items()}
    scores |= {name: scores[more] - scores[less] for name, (more, less) in _GAINS.items()}
    scores["tree_depth"], scores["leaves_per_inst"] = map(float, np.mean(shapes, axis=0))
    scores |= _distances(squared)
    return {name: scores[name] for name in MEANINGS if name in scores}


def _distances(squared: Floats) -> dict[str, float]:
    n = len(squared)
    mean = float(squared.sum() / max(n * (n - 1), 1))
    nearest = float((squared + np.diag(np.full(n, np.inf))).min(axis=1).mean()) if n > 1 else 0.0
    pairs = {"log_distance": mean, "log_nn_distance": nearest}
    return {name: float(np.log(value)) if value > 0 else np.nan for name, value in pairs.items()}


def encode(table: Table) -> Floats:
    """The columns as points (n, d): standardised numbers, then one-hot levels.

    Columns stand in an order that depends on their content alone, so that ties in a tree are broken alike
    however the dataset orders them.
    """
    numbers, levels = unit_range(filled(table.numbers)), filled_levels(table.levels)
    spread = numbers.std(axis=0)
    standard = (numbers - numbers.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    most = min(MAX_LEVELS, int(levels.max(initial=0)) + 1)
    hot = (levels[:, :, None] == np.arange(most)).reshape(len(table), -1).astype(float)
    return np.hstack([_ordered(standard), _ordered(hot[:, hot.any(axis=0)])])


def _ordered(columns: Floats) -> Floats:
    # Rounded, so that a change of units does not reorder the columns.
    keys = [column.tobytes() for column in np.round(columns.T, 6) + 0.0]
    return columns[:, sorted(range(len(keys)), key=keys.__getitem__)]


def _aims(table: Table) -> Floats:
    if table.target == "classification":
        return np.asarray(np.eye(int(table.y.max()) + 1)[table.y.astype(int)])
    y = unit_range(table.y[:, None])
    return np.asarray((y - y.mean()) / (y.std() or 1.0))


def _splits(points: Floats, aims: Floats, y: Floats, rng: np.random.Generator) -> Iterator[_Split]:
    """Folds stratified by the target: rows in its order, equal ones at random, are dealt out in turn."""
    fold = np.empty(len(y), dtype=np.int64)
    fold[np.lexsort((rng.random(len(y)), y))] = np.arange(len(y)) % FOLDS
    for k in range(min(FOLDS, len(y))):
        yield _Split(points, aims, np.flatnonzero(fold != k), np.flatnonzero(fold == k))


def score(aims: Floats, answers: Floats, target: Target) -> float:
    """Balanced accuracy in [0, 1], or R2 cut to [-1, 1], of answers (n, k) to aims (n, k)."""
    if target == "regression":
        rest, all_ = np.sum((aims - answers) ** 2), np.sum((aims - aims.mean()) ** 2)
        # A sample of a target may be constant: then there is nothing to explain.
        return float(np.clip(1.0 - rest / all_, -1.0, 1.0)) if all_ else 0.0
    hit = answers.argmax(axis=1) == aims.argmax(axis=1)
    return float(np.mean(hit @ aims / aims.sum(axis=0)))


def _by_neighbour(split: _Split, squared: Floats) -> dict[str, Floats]:
    """The answers (m, k) of the nearest neighbour to the m rows asked, from squared distances (n, n)."""
    nearest = squared[np.ix_(split.asked, split.taught)].argmin(axis=1)
    return {"one_nn": split.aims[split.taught[nearest]]}


def _kernels(points: Floats, squared: Floats) -> dict[str, tuple[Floats, float]]:
    """For each machine its kernel matrix (n, n) and its C."""
    # The mean squared distance is twice the total variance, so this is sklearn's gamma="scale".
    scale = 2.0 / (squared.mean() or 2.0)
    wide, middle, narrow = (np.exp(-factor * scale * squared) for factor in (0.1, 1.0, 10.0))
    return {
        "linear": (points @ points.T, 1.0),
        "rbf": (middle, 1.0),
        "rbf_wide": (wide, 1.0),
        "rbf_narrow": (narrow, 1.0),
        "rbf_hard": (middle, 100.0),
        **{f"rbf_{gamma}": (np.exp(-gamma * squared), 10.0) for gamma in GAMMAS},
    }


def _by_kernels(split: _Split, kernels: dict[str, tuple[Floats, float]]) -> dict[str, Floats]:
    """The answers (m, k) of the least-squares SVMs to the m rows asked.

    The dual weights solve (K + I/C) weights = aims; centred aims make the bias needless.
    """
    among, towards = np.ix_(split.taught, split.taught), np.ix_(split.asked, split.taught)
    centre = split.aims[split.taught].mean(axis=0)
    aims, ones = split.aims[split.taught] - centre, np.eye(len(split.taught))
    return {
        name: centre
        + kernel[towards] @ solve(kernel[among] + ones / C, aims, assume_a="pos", check_finite=False)
        for name, (kernel, C) in kernels.items()
    }


def _by_trees(split: _Split, tree: DecisionTreeRegressor) -> dict[str, Floats]:
    """The answers (m, k) of the tree in full and cut back, and of randomised trees together.

    On one-hot aims the squared error is the Gini impurity, so one kind of tree serves both targets.
    """
    points = split.points[split.asked]
    leaves = tree.apply(points)
    depth, rows = _depths(tree.tree_), tree.tree_.n_node_samples
    cuts = {
        "best_node": depth <= 1,
        "tree_3": depth <= 3,
        "tree_10": depth <= 10,
        "tree": depth >= 0,
        "tree_smooth": rows >= SMOOTH,
    }
    values = tree.tree_.value[:, :, 0]
    answers = {name: values[_ends(tree.tree_, kept)[leaves]] for name, kept in cuts.items()}
    return answers | {"random_trees": _by_random_trees(split)}


def _depths(tree: Any) -> Ints:
    depth = np.zeros(tree.node_count, dtype=np.int64)
    for node in _inner_nodes(tree):
        depth[[tree.children_left[node], tree.children_right[node]]] = depth[node] + 1
    return depth


def _ends(tree: Any, kept: NDArray[np.bool_]) -> Ints:
    """For each node (m,), where a row on its way there stops if it may enter kept nodes only."""
    ends = np.arange(tree.node_count)
    for node in _inner_nodes(tree):
        for child in (tree.children_left[node], tree.children_right[node]):
            if ends[node] != node or not kept[child]:
                ends[child] = ends[node]
    return ends


def _inner_nodes(tree: Any) -> list[int]:
    # sklearn numbers a parent before its children.
    return list(map(int, np.flatnonzero(tree.children_left >= 0)))


def _by_random_trees(split: _Split) -> Floats:
    aims, points = split.aims[split.taught], split.points[split.taught]
    trees = (ExtraTreeRegressor(max_features="sqrt", random_state=seed) for seed in range(TREES))
    answers = [tree.fit(points, aims).predict(split.points[split.asked]) for tree in trees]
    return np.asarray(np.mean(answers, axis=0)).reshape(len(split.asked), -1)


def _by_bayes(split: _Split) -> dict[str, Floats]:
    points, aims = split.points[split.taught], split.aims[split.taught]
    if not np.ptp(points, axis=0).any():
        # Variances of 0 everywhere leave the likelihood undefined, but not the prior.
        return {"naive_bayes": np.tile(aims.mean(axis=0), (len(split.asked), 1))}
    guess = GaussianNB().fit(points, aims.argmax(axis=1)).predict(split.points[split.asked])
    return {"naive_bayes": np.eye(aims.shape[1])[guess]}

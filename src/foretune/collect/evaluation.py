"""One config, cross-validated: every metric a fold, and what it cost."""

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from scipy.stats import rankdata
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import LabelEncoder
from threadpoolctl import threadpool_limits

from foretune.collect.datasets import Dataset
from foretune.collect.families import Family
from foretune.collect.images import Pixels
from foretune.collect.preprocessing import PREPROCESSING, make_preprocessing
from foretune.data.errors import DatasetError
from foretune.data.metrics import LOWER_IS_BETTER, Target, metrics_for
from foretune.data.records import Config, Floats, Ints

WHOLE_IMAGES: Final = "pixels/1"
SMALLEST: Final = float(
    np.finfo(np.float64).eps
)  # no probability counts as less, nor as more than 1 minus it


@dataclass(frozen=True)
class Protocol:
    """How a config is judged: cross-validation (stratified for classes) on at most `rows` rows.

    It is done `repeats` times, each time with other folds.
    """

    folds: int = 5
    seed: int = 0
    rows: int | None = None
    repeats: int = 1

    def provenance(self, target: Target = "classification", *, whole: bool = False) -> dict[str, Any]:
        """The protocol as it is stored with every task of such a target: part of the task's identity.

        `whole` says that models get images as they are, and not as preprocessed columns.
        """
        found = {
            "validation": "cross-validation",
            "folds": self.folds,
            "seed": self.seed,
            "rows": self.rows,
            "preprocessing": WHOLE_IMAGES if whole else PREPROCESSING,
        }
        if self.repeats > 1:
            found["repeats"] = self.repeats
        return found | ({"target": "standard"} if target == "regression" else {})

    def check_splits(self, data: Dataset) -> None:
        """Raises `DatasetError` where the rows, or those of each class, are fewer than the folds."""
        y = data.sample(self.rows, seed=self.seed).y
        found, what = len(y), data.name
        if data.target == "classification" and found >= self.folds:
            found, what = int(y.value_counts().max()), f"the largest class of {data.name}"
        if found < self.folds:
            raise DatasetError(
                f"{what} has {found} row{'s' if found > 1 else ''}, fewer than the {self.folds} folds: give "
                "more rows, or ask for fewer folds."
            )


@dataclass(frozen=True)
class Fold:
    """One split after preprocessing: dense float features or whole images, targets that every model takes.

    Classes are 0..k-1 in `y_test`. Models are fitted on `y_train`: there a class is its place in `seen`, the
    classes that the training part holds (xgboost refuses gaps), and a number is standardised: it times
    `scale` plus `centre` is the number itself. So C, epsilon, alpha and gamma mean the same on every target.
    """

    X_train: Floats | Pixels
    y_train: Floats
    X_test: Floats | Pixels
    y_test: Floats
    seen: Ints
    centre: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class PreparedData:
    """A dataset split and preprocessed once, for as many configs as are to be tried on it.

    `splits` (train rows, test rows) take the place of the protocol's folds where they are given.
    """

    dataset: Dataset
    protocol: Protocol
    splits: Sequence[tuple[Ints, Ints]] | None = None

    @cached_property
    def folds(self) -> list[Fold]:
        """The folds; the preprocessing of each is fitted on its training part alone."""
        return self._folds(whole=False)

    @cached_property
    def whole_folds(self) -> list[Fold]:
        """The same folds with images whole, (n, height, width, channels) bytes."""
        return self._folds(whole=True)

    def folds_for(self, family: Family) -> list[Fold]:
        """The folds as such models see them."""
        return self.whole_folds if family.sees_whole(self.dataset) else self.folds

    def _folds(self, *, whole: bool) -> list[Fold]:
        data = self.dataset.sample(self.protocol.rows, seed=self.protocol.seed)
        y = encode_target(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rare classes, constant columns: real data has them
            splits = self.splits or self._splits(data, y)
            return [_fold(data, y, train, test, whole=whole) for train, test in splits]

    def _splits(self, data: Dataset, y: Floats) -> Iterator[tuple[Ints, Ints]]:
        splitter = StratifiedKFold if data.target == "classification" else KFold
        for repeat in range(self.protocol.repeats):
            folds = splitter(self.protocol.folds, shuffle=True, random_state=self.protocol.seed + repeat)
            yield from folds.split(data.X, y)

    @cached_property
    def classes(self) -> int:
        """How many classes the whole dataset has; 0 for a regression."""
        return int(self.dataset.y.nunique()) if self.dataset.target == "classification" else 0


@dataclass(frozen=True)
class Measurement:
    """What one config brought: metric -> a score a fold, and costs (seconds, bytes) over all folds.

    `curves` holds, for a model trained in epochs, metric -> the mean score over the folds after each epoch.
    """

    scores: Mapping[str, Sequence[float]]
    costs: Mapping[str, float]
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)


def encode_target(data: Dataset) -> Floats:
    """The target as numbers (n,): classes become 0..k-1 in sorted order."""
    y = data.y if data.target == "regression" else LabelEncoder().fit_transform(data.y.astype(str))
    return np.asarray(y, dtype=np.float64)


def _fold(data: Dataset, y: Floats, train: Ints, test: Ints, *, whole: bool) -> Fold:
    if whole:
        X_train, X_test = data.pixels[train], data.pixels[test]
    else:
        preprocessing = make_preprocessing(data.X)
        X_train = preprocessing.fit_transform(data.X.iloc[train])
        X_test = preprocessing.transform(data.X.iloc[test])
    if data.target == "classification":
        seen, places = np.unique(y[train].astype(np.intp), return_inverse=True)
        return Fold(X_train, places.astype(np.float64), X_test, y[test], seen)
    centre, scale = float(y[train].mean()), float(y[train].std()) or 1.0
    return Fold(X_train, (y[train] - centre) / scale, X_test, y[test], np.arange(0), centre, scale)


def measure(family: Family, config: Config, data: PreparedData) -> Measurement:
    """Every metric of the dataset's kind fold by fold, the seconds and (on Linux) the peak bytes it took.

    Models run on one thread, so that seconds compare. Raises whatever the estimator raises.
    """
    family.check_serves(data.dataset)
    folds = data.folds_for(family)  # prepared before the clock starts
    _reset_peak()
    before = _memory_bytes("VmRSS")
    fit_seconds = predict_seconds = cpu_seconds = 0.0
    scores: dict[str, list[float]] = {metric: [] for metric in metrics_for(data.dataset.target)}
    curves: list[Mapping[str, Sequence[float]]] = []
    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore")  # a config that converges badly shows it in its score
        for fold in folds:
            start, cpu = time.perf_counter(), time.process_time()
            model = family.build(config, data.dataset.target, seed=data.protocol.seed)
            model.fit(fold.X_train, fold.y_train)
            fitted = time.perf_counter()
            outputs = predict(model, fold, classes=data.classes)
            predict_seconds += time.perf_counter() - fitted
            fit_seconds += fitted - start
            curves.append(whole_curves(model))
            cpu_seconds += time.process_time() - cpu
            for metric, value in score_fold(outputs, fold.y_test, data.dataset.target).items():
                scores[metric].append(value)
    costs = {
        "fit_seconds": fit_seconds,
        "predict_seconds": predict_seconds,
        "cpu_seconds": cpu_seconds,
    }
    if before is not None and (peak := _memory_bytes("VmHWM")) is not None:
        costs["peak_bytes"] = float(max(peak - before, 0))
    found = {metric: values for metric, values in scores.items() if values}
    return Measurement(found, costs, mean_curves(curves))


def whole_curves(model: Any) -> dict[str, list[float]]:
    """The curves of a model trained in epochs, by metric; one that stopped early stays at its best."""
    planned = int(getattr(model, "max_epochs", 0))
    curves = getattr(model, "curves_", {})
    return {metric: _padded(list(curve), planned, metric) for metric, curve in curves.items()}


def mean_curves(curves: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, list[float]]:
    """The mean curve of the folds for each metric of all of them; a fold that stopped stays at its best.

    >>> mean_curves([{"accuracy": [0.5, 0.9, 0.7]}, {"accuracy": [0.5, 0.7, 0.9, 0.9]}])
    {'accuracy': [0.5, 0.8, 0.8, 0.9]}
    """
    shared = set.intersection(*(set(one) for one in curves)) if curves else set()
    return {metric: _mean_curve([one[metric] for one in curves], metric) for metric in sorted(shared)}


def _mean_curve(folds: Iterable[Sequence[float]], metric: str) -> list[float]:
    known = [list(fold) for fold in folds if len(fold)]
    longest = max(map(len, known), default=0)
    padded = [_padded(fold, longest, metric) for fold in known]
    return [round(float(value), 6) for value in np.mean(padded, axis=0)] if padded else []


def _padded(curve: list[float], length: int, metric: str) -> list[float]:
    best = min if metric in LOWER_IS_BETTER else max
    return curve + [best(curve)] * (length - len(curve)) if curve else curve


@dataclass(frozen=True)
class Outputs:
    """What a model says of n rows.

    Labels or values (n,); where the model has them, probabilities (n, k) and decision values (n, k).
    """

    labels: Floats
    probabilities: Floats | None = None
    decisions: Floats | None = None


def predict(model: Any, fold: Fold, *, classes: int = 0) -> Outputs:
    """What the model, fitted on the fold, says of its test part, in the dataset's own numbers and classes.

    There is one column for each of the dataset's classes, also those that the training part lacks. Values or
    labels that come as a column (n, 1) are those of n rows.
    """
    if not classes:
        return Outputs(np.ravel(model.predict(fold.X_test)) * fold.scale + fold.centre)
    seen = fold.seen[model.classes_.astype(int)]
    if hasattr(model, "predict_proba"):
        found = model.predict_proba(fold.X_test)
        probabilities = _widen(found, seen, classes)
        return Outputs(seen[np.argmax(found, axis=1)].astype(np.float64), probabilities, probabilities)
    labels = fold.seen[np.ravel(model.predict(fold.X_test)).astype(int)].astype(np.float64)
    if hasattr(model, "decision_function"):
        decisions = _two_sided(model.decision_function(fold.X_test))
        return Outputs(labels, None, _widen(decisions, seen, classes))
    return Outputs(labels)


def _two_sided(decisions: Floats) -> Floats:
    one_sided = decisions.ndim == 1 or decisions.shape[1] == 1
    return np.column_stack([-decisions, decisions]) if one_sided else decisions


def _widen(values: Floats, seen: Ints, classes: int) -> Floats:
    """Columns for all classes; one that the training part did not hold gets the lowest value of all."""
    wide: Floats = np.full((len(values), classes), min(values.min(), 0.0))
    wide[:, seen] = values
    return wide


def score_fold(outputs: Outputs, y: Floats, target: Target) -> dict[str, float]:
    """Every metric that the outputs allow; one that is undefined on this fold is NaN.

    Log loss needs probabilities: a model without them (an SVM) has none. ROC AUC is the mean over the
    classes, each against the rest, that occur in `y`. Raises `ValueError` where outputs are not finite,
    or not those of as many rows. The values are scikit-learn's; on small folds its checks cost ten times
    what the model does.
    """
    for values in (outputs.labels, outputs.probabilities, outputs.decisions):
        if values is not None and len(values) != len(y):
            raise ValueError(f"the model predicts {len(values)} values for {len(y)} rows.")
        if values is not None and not np.isfinite(values).all():
            raise ValueError("the model predicts NaN or infinite values.")
    if target == "regression":
        return _regression_scores(outputs.labels, y)
    scores = _label_scores(outputs.labels.astype(np.intp), y.astype(np.intp))
    if outputs.decisions is not None:
        scores["roc_auc"] = _roc_auc(outputs.decisions, y.astype(np.intp))
    if outputs.probabilities is not None:
        right = outputs.probabilities[np.arange(len(y)), y.astype(np.intp)]
        scores["log_loss"] = float(-np.log(np.clip(right, SMALLEST, 1 - SMALLEST)).mean())
    return scores


def _regression_scores(values: Floats, y: Floats) -> dict[str, float]:
    errors = values - y
    squares, spread = float(np.sum(errors**2)), float(np.sum((y - y.mean()) ** 2))
    r2 = 1 - squares / spread if spread else float(not squares)
    return {"r2": r2, "rmse": (squares / len(y)) ** 0.5, "mae": float(np.abs(errors).mean())}


def _label_scores(labels: Ints, y: Ints) -> dict[str, float]:
    """Balanced accuracy is over the classes that occur in `y`, F1 over those in `y` or among the labels."""
    classes = max(labels.max(), y.max()) + 1
    table = np.bincount(y * classes + labels, minlength=classes**2).reshape(classes, classes)
    hits, are, said = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    occurs = are + said > 0
    return {
        "accuracy": float(hits.sum() / len(y)),
        "balanced_accuracy": float(np.mean(hits[are > 0] / are[are > 0])),
        "f1_macro": float(np.mean(2 * hits[occurs] / (are + said)[occurs])),
    }


def _roc_auc(decisions: Floats, y: Ints) -> float:
    """The share of pairs, one of a class and one of the rest, that the decision values (n, k) rank right."""
    two_sided = decisions[:, 1:] if decisions.shape[1] == 2 else decisions
    first = decisions.shape[1] - two_sided.shape[1]
    is_class = y[:, None] == np.arange(first, decisions.shape[1])
    members = is_class.sum(axis=0)
    split = (members > 0) & (members < len(y))
    if not split.any():
        return float("nan")
    ranks = np.where(is_class, rankdata(two_sided, axis=0), 0.0).sum(axis=0)[split]
    inside = members[split]
    return float(np.mean((ranks - inside * (inside + 1) / 2) / (inside * (len(y) - inside))))


def _memory_bytes(field: Literal["VmRSS", "VmHWM"]) -> int | None:
    """The process's resident memory now (VmRSS) or at its peak (VmHWM); None where there is no /proc."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field)), None)


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")

"""One config, cross-validated: every metric a fold, and what it cost."""

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn import metrics as score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import LabelEncoder, label_binarize

from foretune.collect.datasets import Dataset
from foretune.collect.families import Family
from foretune.collect.preprocessing import PREPROCESSING, make_preprocessing
from foretune.data.metrics import Target, metrics_for
from foretune.data.records import Config, Floats, Ints


@dataclass(frozen=True)
class Protocol:
    """How a config is judged: cross-validation (stratified for classes) on at most `rows` rows."""

    folds: int = 5
    seed: int = 0
    rows: int | None = None

    def provenance(self) -> dict[str, Any]:
        """The protocol as it is stored with every task: part of the task's identity."""
        return {
            "validation": "cross-validation",
            "folds": self.folds,
            "seed": self.seed,
            "rows": self.rows,
            "preprocessing": PREPROCESSING,
        }


@dataclass(frozen=True)
class Fold:
    """One split after preprocessing: dense float features, class labels as 0..k-1."""

    X_train: Floats
    y_train: Floats
    X_test: Floats
    y_test: Floats


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
        data = self.dataset.sample(self.protocol.rows, seed=self.protocol.seed)
        y = encode_target(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rare classes, constant columns: real data has them
            return [_fold(data, y, train, test) for train, test in self.splits or self._splits(data, y)]

    def _splits(self, data: Dataset, y: Floats) -> Iterator[tuple[Ints, Ints]]:
        splitter = StratifiedKFold if data.target == "classification" else KFold
        folds = splitter(self.protocol.folds, shuffle=True, random_state=self.protocol.seed)
        yield from folds.split(data.X, y)

    @cached_property
    def classes(self) -> int:
        """How many classes the whole dataset has; 0 for a regression."""
        return int(self.dataset.y.nunique()) if self.dataset.target == "classification" else 0


@dataclass(frozen=True)
class Measurement:
    """What one config brought: metric -> a score a fold, and costs (seconds, bytes) over all folds."""

    scores: Mapping[str, Sequence[float]]
    costs: Mapping[str, float]


def encode_target(data: Dataset) -> Floats:
    """The target as numbers (n,): classes become 0..k-1 in sorted order."""
    y = data.y if data.target == "regression" else LabelEncoder().fit_transform(data.y.astype(str))
    return np.asarray(y, dtype=np.float64)


def _fold(data: Dataset, y: Floats, train: Ints, test: Ints) -> Fold:
    preprocessing = make_preprocessing(data.X)
    X_train = preprocessing.fit_transform(data.X.iloc[train])
    return Fold(X_train, y[train], preprocessing.transform(data.X.iloc[test]), y[test])


def measure(family: Family, config: Config, data: PreparedData) -> Measurement:
    """Every metric of the dataset's kind fold by fold, the seconds and (on Linux) the peak bytes it took.

    Raises whatever the estimator raises.
    """
    folds = data.folds  # prepared before the clock starts
    _reset_peak()
    before = _memory_bytes("VmRSS")
    fit_seconds = predict_seconds = cpu_seconds = 0.0
    scores: dict[str, list[float]] = {metric: [] for metric in metrics_for(data.dataset.target)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a config that converges badly shows it in its score
        for fold in folds:
            start, cpu = time.perf_counter(), time.process_time()
            model = family.build(config, data.dataset.target, seed=data.protocol.seed)
            model.fit(fold.X_train, fold.y_train)
            fitted = time.perf_counter()
            outputs = predict(model, fold.X_test, classes=data.classes)
            predict_seconds += time.perf_counter() - fitted
            fit_seconds += fitted - start
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
    return Measurement({metric: values for metric, values in scores.items() if values}, costs)


@dataclass(frozen=True)
class Outputs:
    """What a model says of n rows.

    Labels or values (n,); where the model has them, probabilities (n, k) and decision values (n, k).
    """

    labels: Floats
    probabilities: Floats | None = None
    decisions: Floats | None = None


def predict(model: Any, X: Floats, *, classes: int = 0) -> Outputs:
    """The model's outputs, with one column for each of the dataset's classes, also those it never saw."""
    if classes and hasattr(model, "predict_proba"):
        probabilities = _widen(model.predict_proba(X), model.classes_, classes)
        labels = model.classes_[np.argmax(probabilities[:, model.classes_.astype(int)], axis=1)]
        return Outputs(labels, probabilities, probabilities)
    labels = model.predict(X)
    if classes and hasattr(model, "decision_function"):
        return Outputs(labels, None, _widen(_two_sided(model.decision_function(X)), model.classes_, classes))
    return Outputs(labels)


def _two_sided(decisions: Floats) -> Floats:
    return np.column_stack([-decisions, decisions]) if decisions.ndim == 1 else decisions


def _widen(values: Floats, seen: Floats, classes: int) -> Floats:
    """Columns for all classes; one that the training part did not hold gets the lowest value of all."""
    wide: Floats = np.full((len(values), classes), min(values.min(), 0.0))
    wide[:, seen.astype(int)] = values
    return wide


def score_fold(outputs: Outputs, y: Floats, target: Target) -> dict[str, float]:
    """Every metric that the outputs allow; one that is undefined on this fold is NaN.

    Log loss needs probabilities: a model without them (an SVM) has none. ROC AUC is the mean over the
    classes, each against the rest, that occur in `y`.
    """
    if target == "regression":
        return {
            "r2": float(score.r2_score(y, outputs.labels)),
            "rmse": float(score.root_mean_squared_error(y, outputs.labels)),
            "mae": float(score.mean_absolute_error(y, outputs.labels)),
        }
    scores = {
        "accuracy": float(score.accuracy_score(y, outputs.labels)),
        "balanced_accuracy": float(score.balanced_accuracy_score(y, outputs.labels)),
        "f1_macro": float(score.f1_score(y, outputs.labels, average="macro", zero_division=0)),
    }
    if outputs.decisions is not None:
        scores["roc_auc"] = _roc_auc(outputs.decisions, y)
    if outputs.probabilities is not None:
        columns = range(outputs.probabilities.shape[1])
        scores["log_loss"] = float(score.log_loss(y, outputs.probabilities, labels=list(columns)))
    return scores


def _roc_auc(decisions: Floats, y: Floats) -> float:
    if decisions.shape[1] == 2:
        return float(score.roc_auc_score(y, decisions[:, 1])) if len(np.unique(y)) == 2 else float("nan")
    present = [k for k in np.unique(y).astype(int) if np.any(y != k)]
    if not present:
        return float("nan")
    truth = label_binarize(y, classes=range(decisions.shape[1]))
    return float(score.roc_auc_score(truth[:, present], decisions[:, present], average="macro"))


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

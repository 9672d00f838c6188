"""Scores agree with scikit-learn's, whatever a fold lacks."""

import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose
from sklearn import metrics as score
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foretune.collect.datasets import Dataset, load_dataset
from foretune.collect.evaluation import (
    Fold,
    Outputs,
    PreparedData,
    Protocol,
    encode_target,
    measure,
    predict,
    score_fold,
)
from foretune.collect.families import families, family
from foretune.collect.preprocessing import make_preprocessing
from foretune.data.metrics import metrics_for

PROTOCOL = Protocol(folds=3, seed=1)
CASES = [
    ("decision_tree", {"max_depth": 3}, ["accuracy", "roc_auc"]),
    ("random_forest", {"n_estimators": 10}, ["accuracy", "balanced_accuracy", "f1_macro", "roc_auc"]),
    ("svm", {"C": 2.0}, ["accuracy", "f1_macro", "roc_auc"]),
]


def theirs(data: Dataset, model: Any, scoring: list[str]) -> dict[str, Any]:
    """Scikit-learn's own cross-validation with the same folds and pipeline."""
    splitter = StratifiedKFold if data.target == "classification" else KFold
    folds = splitter(PROTOCOL.folds, shuffle=True, random_state=PROTOCOL.seed)
    pipeline = make_pipeline(make_preprocessing(data.X), model)
    return cross_validate(pipeline, data.X, encode_target(data), scoring=scoring, cv=folds)


@pytest.mark.parametrize(("name", "config", "metrics"), CASES)
def test_scores_of_two_classes_are_scikit_learns(
    csv: Path, name: str, config: dict[str, Any], metrics: list[str]
) -> None:
    """Fold by fold, a sweep measures what `cross_validate` measures."""
    data = load_dataset(csv)
    ours = measure(family(name), config, PreparedData(data, PROTOCOL)).scores
    wanted = theirs(data, family(name).build(config, data.target, seed=PROTOCOL.seed), metrics)
    for metric in metrics:
        assert_allclose(ours[metric], wanted[f"test_{metric}"], err_msg=metric)


@pytest.mark.parametrize("name", ["decision_tree", "random_forest"])
def test_scores_of_three_classes_are_scikit_learns(name: str) -> None:
    """AUC over several classes is scikit-learn's one against the rest; log loss is its log loss."""
    data, config = load_dataset("wine"), {"max_depth": 2}
    ours = measure(family(name), config, PreparedData(data, PROTOCOL)).scores
    scoring = {"roc_auc": "roc_auc_ovr", "log_loss": "neg_log_loss", "f1_macro": "f1_macro"}
    wanted = theirs(data, family(name).build(config, data.target, seed=PROTOCOL.seed), [*scoring.values()])
    assert_allclose(ours["roc_auc"], wanted["test_roc_auc_ovr"])
    assert_allclose(ours["log_loss"], -wanted["test_neg_log_loss"])
    assert_allclose(ours["f1_macro"], wanted["test_f1_macro"])


@pytest.mark.parametrize("name", ["decision_tree", "svm"])
def test_scores_of_a_regression_are_scikit_learns(name: str) -> None:
    """R², RMSE and MAE, of a model of the standardised target, come in the target's own units."""
    data = load_dataset("diabetes")
    ours = measure(family(name), {}, PreparedData(data, PROTOCOL)).scores
    scoring = ["r2", "neg_root_mean_squared_error", "neg_mean_absolute_error"]
    model = family(name).build({}, data.target, seed=PROTOCOL.seed)
    wanted = theirs(data, TransformedTargetRegressor(model, transformer=StandardScaler()), scoring)
    assert [*ours] == [*metrics_for("regression")]
    assert_allclose(ours["r2"], wanted["test_r2"])
    assert_allclose(ours["rmse"], -wanted["test_neg_root_mean_squared_error"])
    assert_allclose(ours["mae"], -wanted["test_neg_mean_absolute_error"])


def test_an_svm_has_an_auc_but_no_log_loss(csv: Path) -> None:
    """A model without probabilities is judged by its decision values, and not by log loss."""
    scores = measure(family("svm"), {}, PreparedData(load_dataset(csv), PROTOCOL)).scores
    assert {*metrics_for("classification")} - {*scores} == {"log_loss"}


def test_a_class_that_the_training_part_lacks_is_still_scored() -> None:
    """A tree that never saw class 2 gives it no probability, and each metric stays a number."""
    X, y = np.array([[0.0], [1.0], [0.2], [0.9]]), np.array([0.0, 1.0, 0.0, 1.0])
    model = family("decision_tree").build({}, "classification", seed=0).fit(X, y)
    fold = Fold(X, y, np.array([[0.0], [1.0], [0.5]]), y[:3], seen=np.array([0, 1]))
    outputs = predict(model, fold, classes=3)
    assert outputs.probabilities is not None
    assert outputs.probabilities.shape == (3, 3)
    assert outputs.probabilities[:, 2].tolist() == [0, 0, 0]
    scores = score_fold(outputs, np.array([0.0, 1.0, 2.0]), "classification")
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert all(np.isfinite(value) for value in scores.values())


@pytest.mark.parametrize("seen", [[0, 1, 2], [0, 2], [1, 2]])
def test_decision_values_stand_under_their_own_class(seen: list[int]) -> None:
    """An SVM's decision values, of two sides or of many, rank every class it saw perfectly on easy data."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.array(seen, dtype=float), 10)
    X = np.eye(3)[y.astype(int)] + rng.normal(scale=0.01, size=(len(y), 3))
    places = np.searchsorted(seen, y).astype(float)
    model = family("svm").build({}, "classification").fit(X, places)
    outputs = predict(model, Fold(X, places, X, y, seen=np.array(seen)), classes=3)
    assert outputs.decisions is not None
    assert np.argmax(outputs.decisions, axis=1).tolist() == y.tolist()
    assert score_fold(outputs, y, "classification")["roc_auc"] == 1


@pytest.mark.parametrize("classes", [2, 3])
def test_the_auc_of_a_fold_with_one_class_is_undefined(classes: int) -> None:
    """A fold whose rows are all of one class has no AUC, but an accuracy."""
    outputs = Outputs(np.zeros(4), None, np.zeros((4, classes)))
    scores = score_fold(outputs, np.zeros(4), "classification")
    assert np.isnan(scores["roc_auc"])
    assert scores["accuracy"] == 1


@given(st.integers(2, 5), st.integers(2, 40), st.integers(0, 9999))
def test_every_score_is_scikit_learns(classes: int, n: int, seed: int) -> None:
    """Whatever classes occur among truth and labels, with ties, each score is the one of scikit-learn."""
    rng = np.random.default_rng(seed)
    y, labels = rng.integers(0, classes, (2, n)).astype(float)
    probabilities = np.round(rng.dirichlet(np.ones(classes), n), 1)
    ours = score_fold(Outputs(labels, probabilities, probabilities), y, "classification")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that do not occur, probabilities that do not sum to 1
        theirs = {
            "accuracy": score.accuracy_score(y, labels),
            "balanced_accuracy": score.balanced_accuracy_score(y, labels),
            "f1_macro": score.f1_score(y, labels, average="macro", zero_division=0),
            "log_loss": score.log_loss(y, probabilities, labels=range(classes)),
        }
    assert ours | theirs == pytest.approx(ours, nan_ok=True)
    values = score_fold(Outputs(probabilities[:, 0]), y, "regression")
    assert values["r2"] == pytest.approx(score.r2_score(y, probabilities[:, 0]))
    assert values["mae"] == pytest.approx(score.mean_absolute_error(y, probabilities[:, 0]))


class Column(LinearRegression):
    """It predicts (n, 1), as a network may."""

    def predict(self, X: Any) -> Any:
        """A column."""
        return super().predict(X)[:, None]


def test_a_column_of_predictions_is_read_as_values() -> None:
    """A regressor that predicts (n, 1) scores what one that predicts (n,) does."""
    data = load_dataset("diabetes").sample(60)
    shapes = [
        replace(family("elastic_net"), estimators={"regression": one}) for one in (LinearRegression, Column)
    ]
    flat, column = (measure(one, {}, PreparedData(data, PROTOCOL)).scores for one in shapes)
    assert column == flat


@pytest.mark.parametrize("shape", [(3,), (8,), (4, 2)])
def test_predictions_of_other_rows_are_refused(shape: tuple[int, ...]) -> None:
    """A model that predicts more or fewer values than there are rows has no score, and says why."""
    model = SimpleNamespace(predict=lambda _: np.zeros(shape))
    fold = Fold(np.zeros((4, 1)), np.zeros(4), np.zeros((4, 1)), np.arange(4.0), np.arange(0))
    with pytest.raises(ValueError, match=rf"predicts {np.prod(shape)} values for 4 rows"):
        score_fold(predict(model, fold), fold.y_test, "regression")


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_outputs_that_are_no_numbers_are_refused(broken: float) -> None:
    """A model that predicts NaN or infinity has no score, and says why."""
    with pytest.raises(ValueError, match="NaN or infinite"):
        score_fold(Outputs(np.array([0.0, broken])), np.zeros(2), "regression")


def test_the_auc_is_over_the_classes_that_occur() -> None:
    """With a class missing from the fold, AUC is the mean over the others, each against the rest."""
    y, decisions = np.array([0, 0, 1, 1.0]), np.random.default_rng(0).normal(size=(4, 3))
    wanted = [score.roc_auc_score(y == k, decisions[:, k]) for k in (0, 1)]
    ours = score_fold(Outputs(y, None, decisions), y, "classification")["roc_auc"]
    assert ours == pytest.approx(np.mean(wanted))


@pytest.mark.parametrize("name", [n for n, one in families("classification").items() if one.images != "only"])
def test_every_family_takes_a_class_too_rare_for_every_fold(name: str) -> None:
    """A class with one row is missing from one training part; each model is scored all the same."""
    rng = np.random.default_rng(0)
    y = pd.Series(["a"] * 30 + ["b"] + ["c"] * 30)
    X = pd.DataFrame(
        {"x": y.map({"a": 0.0, "b": 5.0, "c": 9.0}) + rng.normal(size=61), "z": rng.normal(size=61)}
    )
    found = measure(family(name), {}, PreparedData(Dataset("rare", X, y, "classification"), PROTOCOL))
    assert np.isfinite(found.scores["accuracy"]).all()
    assert np.mean(found.scores["accuracy"]) > 0.8


@pytest.mark.parametrize("name", families("regression"))
def test_the_units_of_a_target_do_not_matter(name: str) -> None:
    """A target in other units has the same R², and errors as many times as large."""
    data = load_dataset("diabetes").sample(120)
    other = Dataset("other", data.X, 1024 * data.y, "regression")  # a power of 2 rounds nothing
    config = {"max_iter": 20} if name == "mlp" else {}
    ours, theirs = (
        measure(family(name), config, PreparedData(one, PROTOCOL)).scores for one in (data, other)
    )
    assert_allclose(theirs["r2"], ours["r2"], atol=1e-6)
    assert_allclose(theirs["mae"], 1024 * np.array(ours["mae"]), rtol=1e-6)


def test_the_preprocessing_never_sees_the_test_part(csv: Path) -> None:
    """Every fold is prepared by its own training rows: their mean is 0, and each row is tested once."""
    folds = PreparedData(load_dataset(csv), PROTOCOL).folds
    assert sum(len(fold.y_test) for fold in folds) == 150
    for fold in folds:
        assert_allclose(fold.X_train[:, :2].mean(axis=0), 0, atol=1e-12)


def test_the_protocol_limits_the_rows(csv: Path) -> None:
    """At most so many rows are used, and the provenance says so."""
    protocol = Protocol(folds=2, rows=40)
    assert sum(len(fold.y_test) for fold in PreparedData(load_dataset(csv), protocol).folds) == 40
    assert protocol.provenance()["rows"] == 40
    assert protocol.provenance() != Protocol(folds=2).provenance()
    assert protocol.provenance("regression") != protocol.provenance("classification")


def test_repeats_have_other_folds(csv: Path) -> None:
    """Each row is tested once a repeat, beside other rows; the provenance tells repeats where there are."""
    protocol = Protocol(folds=2, repeats=3)
    folds = PreparedData(load_dataset(csv), protocol).folds
    assert len(folds) == 6
    assert len({fold.X_test.tobytes() for fold in folds}) == 6
    assert protocol.provenance() == {**Protocol(folds=2).provenance(), "repeats": 3}


def test_classes_become_numbers_in_sorted_order() -> None:
    """Any labels become 0..k-1; a regression's target stays as it is."""
    X = pd.DataFrame({"a": [1, 2, 3]})
    assert encode_target(Dataset("d", X, pd.Series(["b", "c", "a"]), "classification")).tolist() == [1, 2, 0]
    assert encode_target(Dataset("d", X, pd.Series([5, 7, 6]), "regression")).tolist() == [5, 7, 6]


def test_measuring_twice_gives_the_same(csv: Path) -> None:
    """The seed fixes folds and model, so that a repeated forest scores the same to the bit."""
    data, config = load_dataset(csv), {"n_estimators": 5}
    once, again = (
        measure(family("random_forest"), config, PreparedData(data, PROTOCOL)).scores for _ in "ab"
    )
    assert once == again


def test_costs_are_measured(csv: Path) -> None:
    """Seconds and bytes are positive, and a forest of many trees costs more than one of few."""
    data = PreparedData(load_dataset(csv), PROTOCOL)
    few, many = (measure(family("random_forest"), {"n_estimators": n}, data).costs for n in (1, 60))
    assert {*few} >= {"fit_seconds", "predict_seconds", "cpu_seconds"}
    assert many["fit_seconds"] > few["fit_seconds"] > 0
    assert many["cpu_seconds"] > few["cpu_seconds"] > 0


def test_what_the_estimator_raises_comes_out(csv: Path) -> None:
    """An impossible config raises the estimator's own error."""
    with pytest.raises(ValueError, match="max_depth"):
        measure(family("decision_tree"), {"max_depth": -3}, PreparedData(load_dataset(csv), PROTOCOL))

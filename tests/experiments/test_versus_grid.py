"""Searches trained for real, beside the full grid."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from foretune.collect import evaluation
from foretune.collect.datasets import Dataset, load_dataset
from foretune.collect.families import family
from foretune.collect.preprocessing import make_preprocessing
from foretune.data.errors import DatasetError, LearningError
from foretune.data.records import Config, Task, Trial
from foretune.experiments import versus_grid
from foretune.experiments.evaluation import evaluate
from foretune.experiments.summaries import as_rows, overall, prediction_accuracy
from foretune.experiments.versus_grid import (
    Bench,
    Case,
    Search,
    Setup,
    best_fixed_cells,
    compare,
    lend,
    outer_split,
    without,
)
from foretune.testing import RELATED_CELLS, related_tasks

SETUP = Setup(folds=3)
SVM = family("svm")
KNN = family("knn")


@pytest.fixture(scope="module")
def wine() -> Dataset:
    """A small dataset."""
    return load_dataset("wine")


def svm_past(n: int = 3) -> list[Task]:
    """Past tasks with the standard grid of the svm, whose best cell differs from task to task."""
    space = SVM.wide_space("classification")
    return [
        Task(f"past {k}", "svm", space, dataset=f"data {k}").plus(
            *(Trial(cell, ((i * 5 + k) % 9) / 9) for i, cell in enumerate(SVM.cells()))
        )
        for k in range(n)
    ]


@pytest.mark.parametrize("rows", [None, 60])
def test_the_outer_test_part_is_never_trained_on(
    wine: Dataset, rows: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row that a model is fitted or selected on is one that the winner is judged on."""
    marked = replace(wine, X=wine.X.assign(row=np.arange(len(wine.X), dtype=float)))
    prepared: list[tuple[str, set[float], set[float]]] = []
    fold = evaluation._fold

    def spy(
        data: Dataset, y: np.ndarray, train: np.ndarray, test: np.ndarray, *, whole: bool
    ) -> evaluation.Fold:
        prepared.append((data.name, {*data.X["row"].iloc[train]}, {*data.X["row"].iloc[test]}))
        return fold(data, y, train, test, whole=whole)

    monkeypatch.setattr(evaluation, "_fold", spy)
    Bench(marked, SVM, replace(SETUP, rows=rows)).search(SVM.cells()[:2])
    assert len(prepared) == 3 + 1
    *inner, (_, outer_train, outer_test) = prepared
    assert not outer_train & outer_test
    assert len(outer_train | outer_test) == (rows or len(wine.X))
    for _, train, test in inner:
        assert train | test == outer_train
        assert not train & test


def test_classes_keep_their_shares(wine: Dataset) -> None:
    """In the outer test part each class has its share of the rows, to within a row."""
    sample, _, test = outer_split(wine, SETUP)
    counts = sample.y.iloc[test].value_counts()
    for label, n in sample.y.value_counts().items():
        assert abs(counts[label] - n / 4) <= 1


def test_many_classes_in_few_rows_are_split_at_random() -> None:
    """Where the test part has no room for every class it is drawn at random, and there is a split."""
    digits = load_dataset("digits").sample(30)
    _, train, test = outer_split(digits, SETUP)
    assert len(test) == 8
    assert sorted([*train, *test]) == list(range(30))


def test_each_config_is_measured_once(wine: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many searches try a config, spelled in whatever way, it is measured once on each side."""
    asked: list[Config] = []
    measure = versus_grid.measure
    monkeypatch.setattr(versus_grid, "measure", lambda *a: asked.append(a[1]) or measure(*a))
    bench = Bench(wine, SVM, SETUP)
    first = bench.search([{"C": 0.1}, {"C": 10.0}])
    assert len(asked) == 3
    again = bench.search([{"C": 10.0, "gamma": "scale"}, {"gamma": "scale", "C": 0.1}])
    alone = bench.search([{"C": 10.0}])
    assert len(asked) == 3
    assert first.scores == again.scores == alone.scores
    assert (first.fits, again.fits, alone.fits) == (7, 7, 1)
    assert alone.inner is None


def test_the_grid_search_is_scikit_learns(wine: Dataset) -> None:
    """GridSearchCV on the same folds picks the same cell, with the same inner and outer scores."""
    case = next(compare([wine], [SVM], {"svm": svm_past()}, SETUP))
    sample, train, test = outer_split(wine, SETUP)
    X, y = sample.X.iloc[train], sample.y.iloc[train]
    pipeline = make_pipeline(make_preprocessing(X), SVC(random_state=0))
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    cells = [{f"svc__{name}": [value] for name, value in cell.items()} for cell in SVM.cells()]
    search = GridSearchCV(pipeline, cells, cv=folds).fit(X, y)
    ours = case.searches["grid"]
    assert ours.config == {name.removeprefix("svc__"): value for name, value in search.best_params_.items()}
    assert ours.inner == pytest.approx(search.best_score_)
    assert ours.scores["accuracy"] == pytest.approx(search.score(sample.X.iloc[test], sample.y.iloc[test]))
    np.testing.assert_allclose(case.measured, search.cv_results_["mean_test_score"])
    assert set(case.searches) == {"recommended", "grid", "default", "fixed"}
    assert case.searches["recommended"].config in SVM.cells()


def test_best_fixed_cells_are_those_of_brute_force() -> None:
    """The cells with the smallest mean gap to the best cell, computed the slow way, in that order."""
    past = related_tasks(9)
    gaps = []
    for k in range(len(RELATED_CELLS)):
        losses = [[float(trial.loss or 0) for trial in task.done] for task in past]
        gaps.append(sum(row[k] - min(row) for row in losses) / len(past))
    expected = [RELATED_CELLS[k] for k in sorted(range(len(gaps)), key=lambda k: gaps[k])]
    found = best_fixed_cells(past, RELATED_CELLS, 4)
    assert [id(cell) for cell in found] == [id(cell) for cell in expected[:4]]


def test_a_dataset_is_removed_from_the_past(wine: Dataset) -> None:
    """Tasks of the same data, the same name or the same group are left out, and no others."""
    past = [
        Task("copy", "svm", None, dataset=wine.fingerprint),
        Task("wine", "svm", None, dataset="elsewhere"),
        Task("copy", "svm", None, group="wines", dataset=wine.fingerprint, metric="f1_macro"),
        Task("near copy", "svm", None, group="wines"),
        Task("made of it", "svm", None, dataset="z", group="wine"),
        Task("another", "svm", None, dataset="x", group="y"),
        Task("loner", "svm", None),
    ]
    assert [task.name for task in without(past, wine)] == ["another", "loner"]
    renamed = replace(wine, name="under another name")
    assert [task.name for task in without(past, renamed)] == ["wine", "made of it", "another", "loner"]
    assert [task.name for task in without(past, wine, frozenset({"y"}))] == ["loner"]
    alone = [task for task in past if task.name != "copy"]
    assert [task.name for task in without(alone, wine)] == ["near copy", "another", "loner"]


def test_lent_tasks_keep_what_is_shared() -> None:
    """Tasks of a tree, lent to a forest, keep only the hyperparameters that the forest has too."""
    trials = (
        Trial({"max_depth": 3, "splitter": "random"}, 0.5),
        Trial({"splitter": "best"}, 0.4),
        Trial({"max_depth": 9}, status="failed"),
    )
    task = Task("a", "decision_tree", None, trials=trials)
    forest = family("random_forest")
    lent, shared = lend([task], forest, "classification")
    assert shared == ["max_depth"]
    assert [(trial.config, trial.loss) for trial in lent[0].trials] == [({"max_depth": 3}, 0.5), ({}, 0.4)]
    assert lent[0].family == "random_forest"
    assert lent[0].space is forest.wide_space("classification")


def test_a_regression_is_compared_too() -> None:
    """With numbers as the target the winner has the lowest loss by the metric, here rmse."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=80)
    data = Dataset("line", pd.DataFrame({"x": x}), pd.Series(x + 0.1 * rng.normal(size=80)), "regression")
    bench = Bench(data, SVM, Setup(metric="rmse", folds=2))
    found = bench.search([{"C": 0.001}, {"C": 10.0}])
    assert found.config == {"C": 10.0}
    assert set(found.scores) == {"r2", "rmse", "mae"}


def test_errors_in_units_are_not_forecast() -> None:
    """By rmse a report holds no forecasts, which are in units of other targets, but how well they rank."""
    search = Search({"C": 1}, 58.0, {"rmse": 58.0}, 1, 0.1, 0.1, None)
    case = Case("diabetes", "svm", {"grid": search}, [0.7, 0.8, 0.9], [58.0, 59.0, 77.0])
    (row,), (told,) = as_rows([case], "rmse"), prediction_accuracy([case], "auto", "rmse")
    assert row["predicted"] == [] and row["measured"] == [58.0, 59.0, 77.0]
    assert told["spearman"] == 1.0 and np.isnan([told["rmse"], told["r2"]]).all()


def test_errors_in_units_have_no_mean_over_datasets() -> None:
    """Gaps by rmse are shares of the grid's, so a target in thousands does not drown one in hundredths."""
    cases = []
    for name, unit, behind in (("houses", 1e4, 1.1), ("doses", 0.01, 1.3)):
        scores = {search: {"rmse": unit} for search in ("grid", "default", "fixed")}
        scores["recommended"] = {"rmse": unit * behind}
        searches = {key: Search({}, None, each, 1, 0.1, 0.1, None) for key, each in scores.items()}
        cases.append(Case(name, "svm", searches, [], []))
    row = overall(cases, "rmse")
    assert row["gap_recommended"] == pytest.approx(0.2) and row["within_001_default"] == 1.0
    assert np.isnan(row["rmse_grid"])
    assert overall(cases[:1], "rmse")["rmse_grid"] == 1e4


def knn_past() -> list[Task]:
    """Past tasks with the standard grid of knn, on all of which the most neighbours are best."""
    space, cells = KNN.wide_space("classification"), KNN.cells()
    return [
        Task(f"past {k}", "knn", space, dataset=f"data {k}").plus(
            *(Trial(cell, 1 / cell["n_neighbors"] + k / 100) for cell in cells)
        )
        for k in range(3)
    ]


def test_cells_that_fail_are_passed_over(wine: Dataset) -> None:
    """Cells with more neighbours than rows end no experiment; where one was named the default takes over."""
    few = wine.sample(24)
    setup = replace(SETUP, test_share=0.4)  # 14 rows to train on, 9 or 10 on inner folds
    case = next(compare([few], [KNN], {"knn": knn_past()}, setup))
    cells = KNN.cells()
    too_many = [cell["n_neighbors"] > 10 for cell in cells]
    assert 0 < sum(too_many) < len(cells)
    assert np.isnan(case.measured).tolist() == too_many
    assert case.searches["grid"].failed >= sum(too_many)
    assert case.searches["recommended"].failed == 1
    assert case.searches["recommended"].scores == case.searches["default"].scores
    assert case.searches["default"].failed == 0
    (row,) = prediction_accuracy([case], "forest", "accuracy")
    assert np.isfinite(row["rmse"])


def test_a_dataset_on_which_nothing_trains_is_named(wine: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even the default can be trained, the error names the family, the dataset and the reason."""

    def fail(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(versus_grid, "measure", fail)
    with pytest.raises(LearningError, match=r"svm cannot be trained on wine.*MemoryError: no room"):
        Bench(wine, SVM, SETUP).search(SVM.cells())


def test_a_grid_that_cannot_be_searched_is_no_rival(wine: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every cell fails on the inner folds there is nothing to compare with, and that is said."""

    def failing(_: Bench, config: Config) -> None:
        raise ValueError("no")

    monkeypatch.setattr(Bench, "inner", failing)
    with pytest.raises(LearningError, match=r"no cell of svm's grid.*3 inner folds of wine.*ValueError: no"):
        [*compare([wine], [SVM], {"svm": svm_past()}, SETUP)]


def test_classes_smaller_than_the_folds_are_told_before_any_training(wine: Dataset) -> None:
    """The numbers are named, so that the folds can be chosen."""
    few = wine.part(np.arange(0, len(wine.X), 15))
    with pytest.raises(DatasetError, match="fewer than the 6 folds"):
        evaluate([few], ["svm"], svm_past(), replace(SETUP, folds=6))


def test_an_experiment_needs_no_replay(wine: Dataset) -> None:
    """With a history of one dataset the trainings are reported, and why there is no replay."""
    report = evaluate([wine], ["svm"], svm_past(1), replace(SETUP, rows=60))
    assert len(report["cases"]) == 1
    assert report["replay"] == []
    assert "two groups" in report["left_out"][0]

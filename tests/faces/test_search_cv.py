"""What the past adds to a search, and what the search says of it."""

import json
import pickle
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from ConfigSpace import ConfigurationSpace
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.callback.tests._utils import RecordingCallback
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine, make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.metrics import make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import foretune
from foretune.data.errors import HistoryError, LearningError
from foretune.data.records import Task, Trial
from foretune.faces.search_cv import MetaSearchCV, SearchWarning
from foretune.faces.searching.estimators import Model
from foretune.history.history import open_history
from foretune.recommender import selection
from foretune.testing import RELATED_CELLS, related_tasks

X, y = make_classification(n_samples=90, n_features=5, random_state=0)
GRID = {"C": [0.01, 1, 100], "gamma": [0.001, 0.1]}
PIPE = make_pipeline(StandardScaler(), SVC())
PIPE_GRID = {f"svc__{name}": values for name, values in GRID.items()}


def rows(search: Any) -> list[dict[str, Any]]:
    """The settings that were tried."""
    return list(search.cv_results_["params"])


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (RandomForestClassifier(5), {"max_features": ["sqrt", "log2", None]}),
        (RandomForestClassifier(5, max_features="log2"), {"max_depth": [2, 3, 4]}),
        (LogisticRegression(), {"C": [1, 10, np.inf]}),
        (RandomForestClassifier(5, max_features=None), None),
    ],
)
def test_a_number_may_be_a_word(estimator: Any, grid: Any) -> None:
    """Words and infinity in the place of a number are cells like others, and stay where they are set."""
    search = MetaSearchCV(estimator, grid, n_trials=2, cv=2).fit(X, y)
    assert len(rows(search)) == 2
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_history_of_odd_settings_spoils_no_later_search(tmp_path: Path) -> None:
    """Words, other steps' parameters and objects that were written down are not tried without a grid."""
    url = str(tmp_path / "past.db")
    forest = RandomForestClassifier(5, random_state=0)
    wordy = {"max_features": ["sqrt", "log2"], "class_weight": [{0: 1, 1: 2}, None]}
    MetaSearchCV(forest, wordy, n_trials=4, cv=2, history=url).fit(X, y)
    steps = Pipeline([("scale", StandardScaler()), ("forest", forest)])
    MetaSearchCV(steps, {"scale__with_mean": [True, False]}, n_trials=2, cv=2, history=url).fit(X, y)
    for estimator in (forest, steps):
        search = MetaSearchCV(estimator, n_trials=4, cv=2, history=url, experience=False).fit(X, y)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_another_pipeline_is_another_task(tmp_path: Path) -> None:
    """What stays the same in a search tells it from another one on the same data."""
    url = str(tmp_path / "past.db")
    for steps in (PCA(1), PCA(3), PCA(3)):
        MetaSearchCV(make_pipeline(steps, SVC()), {"svc__C": [1, 10]}, history=url, n_jobs=1).fit(X, y)
    with open_history(url) as history:
        tasks = list(history.tasks())
    assert [len(task.trials) for task in tasks] == [2, 2]
    protocol = tasks[0].provenance["protocol"]
    assert (protocol["validation"], protocol["folds"]) == ("cross-validation", 5)


@pytest.mark.parametrize("scoring", ["neg_root_mean_squared_error", "neg_mean_absolute_error"])
def test_the_unit_of_the_target_does_not_matter(scoring: str) -> None:
    """By errors in units of the target a search and its outlook are the same in metres and in millimetres."""
    numbers, target = load_diabetes(return_X_y=True)
    found = []
    for unit in (1.0, 1000.0):
        tree = DecisionTreeRegressor(random_state=0)
        search = MetaSearchCV(tree, n_trials=5, scoring=scoring, tolerance=3 * unit, cv=2)
        search.fit(numbers[:150], target[:150] * unit)
        assert np.isnan(search.recommendations_[0].loss)
        why = search.explain(0)
        assert "nan" not in str(why)
        assert json.loads(json.dumps(why.as_json(), allow_nan=False))["gain"]["mean"] is None
        found.append((rows(search), search.outlook_.probability, search.outlook_.gain / unit))
    assert found[0][0] == found[1][0]
    assert found[0][1:] == pytest.approx(found[1][1:], rel=1e-6)


def test_a_budget_leaves_out_what_is_done_once() -> None:
    """How long a round takes is told by the latest round, not by what came before the first."""
    slow = MetaSearchCV(SVC(), n_trials=200, time_budget=3.0)
    began = time.perf_counter()
    slow.fit(X, y)
    assert len(rows(slow)) > 1
    assert time.perf_counter() - began < 6


def test_scores_that_are_not_finite_are_told_once() -> None:
    """However many rounds there are, scikit-learn's warning about them comes once, about all rows."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        grid = {"C": [-1.0, 1.0, 2.0, 3.0, 4.0]}
        search = MetaSearchCV(SVC(), grid, n_trials=5, tolerance=1e-9, experience=False).fit(X, y)
    told = [str(one.message) for one in caught if "non-finite" in str(one.message)]
    assert len(told) == int(np.isnan(search.cv_results_["mean_test_score"]).any())


def test_a_derived_class_with_fewer_parameters_is_served() -> None:
    """Only what the class takes is searched."""

    class Plain(SVC):
        def __init__(self, *, C: float = 1.0) -> None:
            super().__init__(C=C)

    search = MetaSearchCV(Plain(), n_trials=3).fit(X, y)
    assert [{*one} for one in rows(search)] == [{"C"}] * 3
    assert len({one["C"] for one in rows(search)}) == 3


def test_a_few_searches_of_ones_own_need_no_rehearsal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the experience a handful of own tasks teach, and how far to believe it is known already."""
    url = str(tmp_path / "past.db")
    MetaSearchCV(SVC(), GRID, n_trials=6, history=url).fit(X, y)

    def refuse(_: Any) -> None:
        raise AssertionError("a rehearsal takes seconds")

    monkeypatch.setattr(selection, "rehearse", refuse)
    assert len(rows(MetaSearchCV(SVC(), n_trials=2, history=url).fit(X[::2], y[::2]))) == 2


def test_nothing_but_the_estimator_is_needed() -> None:
    """The family, its space and its experience are found, and the search begins with what they know."""
    search = MetaSearchCV(SVC(), n_trials=5).fit(X, y)
    assert len(rows(search)) == 5
    assert {"C", "kernel", "class_weight"} <= {*rows(search)[0]}
    assert search.recommendations_[0].history_weight == 1.0
    assert len(search.recommendations_[0].because) == 5
    assert search.notes_ == []
    assert search.task_.family == "svm"


def test_every_row_can_be_explained() -> None:
    """The best row, or any, says what was known when it was chosen, in the score's units."""
    search = MetaSearchCV(SVC(), GRID, n_trials=3).fit(X, y)
    for row in range(3):
        why = search.explain(row)
        assert why.trials == row  # those that had been scored
        assert why.recommendation == search.recommendations_[row]
        assert sum(why.importances.values()) == pytest.approx(1.0, abs=1e-3)
    assert search.explain() == search.explain(search.best_index_)
    with pytest.raises(LearningError, match="rows 0 to 2"):
        search.explain(3)


def test_what_is_told_is_what_was_tried() -> None:
    """On columns that are not standardised, recommendations and explanations name the row itself."""
    grid = {"C": [0.1, 10], "gamma": [1e-6, 1e-4, 1e-2]}
    with pytest.warns(SearchWarning):
        search = MetaSearchCV(SVC(), grid, n_trials=4).fit(X * 1e3, y)
    for row, tried in enumerate(rows(search)):
        for told in (search.recommendations_[row], search.explain(row).recommendation):
            assert {name: told.config[name] for name in tried} == pytest.approx(tried)


def test_what_no_past_chose_cannot_be_explained() -> None:
    """A grid tried as a whole, a search without refit and an unpickled one say what to do instead."""
    whole = MetaSearchCV(SVC(), GRID, n_trials=6).fit(X, y)
    with pytest.raises(LearningError, match="tried as a whole"):
        whole.explain()
    blind = MetaSearchCV(SVC(), GRID, n_trials=2, scoring=["accuracy", "f1"], refit=False).fit(X, y)
    with pytest.raises(LearningError, match="give the row"):
        blind.explain()
    assert blind.explain(1).trials == 1
    with pytest.raises(LearningError, match="explain it before"):
        pickle.loads(pickle.dumps(blind)).explain(1)
    with pytest.raises(NotFittedError):
        MetaSearchCV(SVC(), GRID).explain()


def test_a_pipeline_has_prefixes() -> None:
    """Within a pipeline the same settings are tried under their longer names."""
    alone, within = MetaSearchCV(SVC(), n_trials=3).fit(X, y), MetaSearchCV(PIPE, n_trials=3).fit(X, y)
    assert {*rows(within)[0]} <= {f"svc__{name}" for name in SVC().get_params()}
    assert within.task_.trials[0].config.keys() == alone.task_.trials[0].config.keys()


def test_what_is_set_on_the_estimator_stays() -> None:
    """A kernel that the user has chosen is not searched over, and the past is asked about that kernel."""
    search = MetaSearchCV(SVC(kernel="linear", random_state=3), n_trials=3).fit(X, y)
    assert "kernel" not in rows(search)[0]
    assert search.best_estimator_.kernel == "linear"
    assert {trial.config["kernel"] for trial in search.task_.trials} == {"linear"}


def test_the_past_leads() -> None:
    """Taught by past tasks of one kind, the first cell tried of a grid is the one that was best there."""
    best = min(related_tasks(1)[0].trials, key=lambda trial: trial.loss or 0.0).config
    grid = {"C": sorted({cell["C"] for cell in RELATED_CELLS}), "gamma": ["scale", 1e-4, 0.01, 1.0]}
    copies = [
        foretune.Task(f"copy {k}", "svm", related_tasks(1)[0].space, trials=related_tasks(1)[0].trials)
        for k in range(20)
    ]
    search = MetaSearchCV(SVC(), grid, n_trials=1, history=Fixed(copies), experience=False).fit(X, y)
    assert rows(search) == [best]


class Fixed:
    """A history that is read, and to which nothing is added."""

    def __init__(self, tasks: list[foretune.Task]) -> None:
        self.kept, self.added = tasks, list[foretune.Task]()

    def __deepcopy__(self, _: Any) -> Self:
        return self

    def tasks(
        self, family: str | None = None, *, metric: str | None = None, name: str | None = None
    ) -> Iterator[foretune.Task]:
        """Those kept of this family and metric."""
        return (one for one in self.kept if (one.family, one.metric) == (family, metric))

    def add(self, *tasks: foretune.Task) -> None:
        """Notes what would be added."""
        self.added += tasks


def test_every_seed_gives_its_own_draw_and_the_same_again() -> None:
    """The same random_state gives the same search, for distributions too; another one another draw."""
    space = {"C": loguniform(1e-2, 1e2), "gamma": loguniform(1e-4, 1.0)}
    one, again, other = (
        rows(MetaSearchCV(SVC(), space, n_trials=3, random_state=seed).fit(X, y)) for seed in (0, 0, 1)
    )
    assert one == again
    assert one != other


def test_a_config_space_is_taken() -> None:
    """A ConfigSpace of the user's bounds what is tried."""
    space = ConfigurationSpace({"svc__C": (0.5, 2.0), "svc__kernel": ["rbf", "linear"]})
    found = rows(MetaSearchCV(PIPE, space, n_trials=4).fit(X, y))
    assert all(0.5 <= one["svc__C"] <= 2.0 for one in found)
    assert len({repr(one) for one in found}) == 4


def test_rounds_of_as_many_as_there_are_jobs() -> None:
    """With n_jobs=2 two settings are tried at a time, all different, and the search is the same each time."""
    callback = RecordingCallback()
    search = MetaSearchCV(PIPE, PIPE_GRID, n_trials=5, n_jobs=2, cv=2).set_callbacks(callback).fit(X, y)
    rounds = [entry for entry in callback.record if entry["context"].task_name == "round"]
    assert len(rounds) == 2 * 3  # begin and end
    assert len({repr(one) for one in rows(search)}) == 5
    assert rows(search) == rows(MetaSearchCV(PIPE, PIPE_GRID, n_trials=5, n_jobs=2, cv=2).fit(X, y))


def test_a_time_budget_ends_the_search() -> None:
    """A round that the budget cannot afford is not begun; one is always tried."""
    forest = RandomForestClassifier(50, random_state=0)
    start = time.perf_counter()
    search = MetaSearchCV(forest, n_trials=1_000, time_budget=2.0, cv=3).fit(X, y)
    assert 1 <= len(rows(search)) < 1_000
    assert time.perf_counter() - start < 120  # a thousand trials would take longer on any machine
    hurried = MetaSearchCV(forest, n_trials=50, time_budget=1e-6, cv=3).fit(X, y)
    assert len(rows(hurried)) == 1


def test_a_tolerance_ends_the_search() -> None:
    """Once it is sure that nothing is better by more than the tolerance, the search stops."""
    search = MetaSearchCV(SVC(), GRID, n_trials=6, tolerance=0.5).fit(X, y)
    assert len(rows(search)) < 6
    assert search.outlook_.stop
    assert search.outlook_.tolerance == 0.5


def test_the_outlook_tells_what_is_left() -> None:
    """After fit the outlook holds the expected further gain, and how sure it is."""
    outlook = MetaSearchCV(SVC(), GRID, n_trials=2).fit(X, y).outlook_
    assert outlook.tolerance == 0.01
    assert 0 <= outlook.gain < 0.5
    assert 0 <= outlook.probability <= 1


def test_a_search_is_written_to_the_history(tmp_path: Path) -> None:
    """With history= the task is stored: its trials by fold, what the data are like, and how it was judged."""
    url = f"sqlite:///{tmp_path / 'tuning.db'}"
    search = MetaSearchCV(PIPE, PIPE_GRID, n_trials=3, scoring="balanced_accuracy", history=url).fit(X, y)
    with open_history(url) as history:
        (task,) = history.tasks()
    assert (task.family, task.metric) == ("svm", "balanced_accuracy")
    assert task.metafeatures["nr_inst"] == 90.0
    assert task.dataset is not None
    assert task.provenance["protocol"]["preprocessing"] == "StandardScaler"
    folds = [[*map(float, trial.scores["balanced_accuracy"])] for trial in task.trials]
    assert np.mean(folds, axis=1) == pytest.approx([*search.cv_results_["mean_test_score"]])
    assert all((trial.seconds or 0) > 0 for trial in task.trials)
    assert {*task.trials[0].config} == {"C", "gamma"}


def test_what_is_written_reads_alike_in_all_units(tmp_path: Path) -> None:
    """A gamma tried on columns a hundred times as wide is stored as what it is on standardised ones."""
    url, grid = f"sqlite:///{tmp_path / 'tuning.db'}", {"gamma": [1e-6, 1e-5]}
    MetaSearchCV(SVC(), grid, history=url).fit(100 * StandardScaler().fit_transform(X), y)
    with open_history(url) as history:
        (task,) = history.tasks()
    assert [trial.config["gamma"] for trial in task.trials] == pytest.approx([0.01, 0.1])


def test_a_search_with_an_open_history_travels(tmp_path: Path) -> None:
    """An open history may be given too: the search still clones and pickles, and writes from where it is."""
    with open_history(tmp_path / "tuning.db") as history:
        search = pickle.loads(pickle.dumps(clone(MetaSearchCV(SVC(), GRID, n_trials=2, history=history))))
        search.fit(X, y)
        assert [len(task.trials) for task in history.tasks()] == [2]


def test_without_history_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is off unless asked."""
    monkeypatch.chdir(tmp_path)
    MetaSearchCV(SVC(), GRID, n_trials=2).fit(X, y)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore::foretune.SearchWarning")
def test_the_next_search_is_better(tmp_path: Path) -> None:
    """A model that nobody knew is known from its own history: the next search begins with its best cell."""
    url = f"sqlite:///{tmp_path / 'tuning.db'}"
    data, target = load_diabetes(return_X_y=True)
    grid = {"alpha": [1000.0, 100.0, 10.0, 1.0, 0.1]}
    first = MetaSearchCV(Ridge(), grid, n_trials=5, history=url).fit(data, target)
    again = MetaSearchCV(Ridge(), grid, n_trials=1, history=url).fit(data[::2], target[::2])
    assert rows(again) == [first.best_params_]
    assert again.recommendations_[0].because


def test_a_history_that_cannot_be_written_to_is_refused_before_any_fit(tmp_path: Path) -> None:
    """A pack is read-only: that is said at once, and not after hours."""
    foretune.write_pack(related_tasks(3), tmp_path / "pack", card={"name": "mine"})
    for trials in (2, 6):
        search = MetaSearchCV(SVC(), GRID, n_trials=trials, history=tmp_path / "pack")
        with pytest.raises(HistoryError, match="read-only"):
            search.fit(X, y)
        assert not hasattr(search, "cv_results_")


def test_a_search_outlives_its_history() -> None:
    """If writing fails in the end, the search is kept and a warning tells why."""

    class Full(Fixed):
        def add(self, *tasks: foretune.Task) -> None:
            raise HistoryError("the disk is full")

    with pytest.warns(SearchWarning, match="not in the history: the disk is full"):
        search = MetaSearchCV(SVC(), GRID, n_trials=2, history=Full([])).fit(X, y)
    assert len(rows(search)) == 2


def test_an_unknown_estimator_is_told_of_once_and_searched() -> None:
    """One warning, then a good cold search: the best of a large grid in a fifth of the trials."""
    data, target = load_diabetes(return_X_y=True)
    grid = {"alpha": [*np.logspace(-4, 4, 17)], "fit_intercept": [True, False], "tol": [1e-3, 1e-4]}
    with pytest.warns(SearchWarning, match="no regression task of ridge") as caught:
        search = MetaSearchCV(Ridge(), grid, n_trials=13).fit(data, target)
    assert len(caught) == 1
    full = GridSearchCV(Ridge(), grid).fit(data, target)
    assert search.best_score_ > full.best_score_ - 0.005
    assert rows(search)[0]["fit_intercept"] is True  # near what the estimator is set to
    assert {one.history_weight for one in search.recommendations_} == {0.0}


def test_nothing_is_expected_of_an_unknown_estimator_before_trials_differ() -> None:
    """Without a past nobody knows a score before any is seen, nor how far scores differ before two do."""
    grid = {"alpha": np.logspace(-3, 3, 13)}
    with pytest.warns(SearchWarning, match="no regression task of ridge"):
        search = MetaSearchCV(Ridge(), grid, n_trials=4, scoring="neg_root_mean_squared_error", cv=3).fit(
            *load_diabetes(return_X_y=True)
        )
        first = MetaSearchCV(Ridge(), grid, n_trials=1, cv=3).fit(X, y)
    expected = [one.score for one in search.recommendations_]
    assert np.isnan(expected[:2]).all() and np.isfinite(expected[2:]).all()
    assert first.outlook_ is None and search.outlook_ is not None


@pytest.mark.parametrize(
    ("scoring", "served"),
    [
        ("f1", "f1_macro"),
        ("matthews_corrcoef", "balanced_accuracy"),
        (lambda e, X, y: 1e3 * e.score(X, y), "accuracy"),
    ],
)
def test_the_nearest_metric_serves_and_that_is_said(scoring: Any, served: str) -> None:
    """A scoring that the experience lacks is read by the nearest one, with one warning that says so."""
    with pytest.warns(SearchWarning, match=f"it is read by {served}, the nearest one") as caught:
        search = MetaSearchCV(SVC(), GRID, n_trials=4, scoring=scoring).fit(X, y)
    assert len(caught) == 1
    assert [-trial.loss for trial in search.task_.trials] == pytest.approx(
        [*search.cv_results_["mean_test_score"]]
    )
    assert search.notes_ == [str(caught[0].message)]


def test_the_unit_of_a_score_does_not_matter() -> None:
    """A score of the user's own in thousands leads to the same trials as the same score in ones."""
    with pytest.warns(SearchWarning):
        one, other = (
            MetaSearchCV(
                SVC(), GRID, n_trials=5, scoring=lambda e, X, y, size=size: size * e.score(X, y)
            ).fit(X, y)
            for size in (1e-3, 1e3)
        )
    assert rows(one) == rows(other)


def test_unscaled_columns_are_told_of_once() -> None:
    """On columns of other units one warning names the way out; with a scaler there is none."""
    data, target = load_breast_cancer(return_X_y=True)
    with pytest.warns(SearchWarning, match=r"standardised.*preprocess=True") as caught:
        raw = MetaSearchCV(SVC(), {"gamma": [1e-6, 1e-2, 1.0], "C": [1, 10]}, n_trials=1).fit(data, target)
    assert len(caught) == 1
    assert raw.best_params_["gamma"] == 1e-6  # the past's own gammas would all be far too large here
    assert MetaSearchCV(PIPE, PIPE_GRID, n_trials=1).fit(data, target).notes_ == []


def test_on_unscaled_columns_what_the_estimator_is_set_to_comes_first() -> None:
    """A search of a wide space tries the estimator as it is, in its own units, and then another setting."""
    data, target = load_wine(return_X_y=True)
    with pytest.warns(SearchWarning, match="what the estimator is set to comes first"):
        search = MetaSearchCV(SVR(epsilon=0.2), n_trials=2, cv=3).fit(data, 100.0 * target)
    first, other = search.cv_results_["params"]
    assert first["C"] == 1.0 and first != other
    own = cross_val_score(SVR(epsilon=0.2), data, 100.0 * target, cv=3).mean()
    assert search.cv_results_["mean_test_score"][0] == pytest.approx(own)
    assert len(search.recommendations_) == len(search.task_.trials) == 2


def test_preprocessing_in_front() -> None:
    """With preprocess=True the best estimator takes care of gaps, text and units by itself."""
    frame = pd.DataFrame(X * 1000).assign(word=np.where(X[:, 0] > 0, "up", "down"))
    frame.iloc[::7, 1] = np.nan
    frame.columns = [str(column) for column in frame.columns]
    search = MetaSearchCV(SVC(), {"C": [0.1, 1, 10]}, n_trials=2, preprocess=True, error_score="raise")
    search.fit(frame, y)
    assert search.notes_ == []
    assert [*search.best_params_] == ["svc__C"]
    assert [name for name, _ in search.best_estimator_.steps] == ["preprocessing", "svc"]
    assert len(search.predict(frame)) == len(y)
    assert isinstance(search.estimator, SVC)
    again = MetaSearchCV(SVC(), n_trials=2, preprocess=True, error_score="raise").fit(frame.to_numpy(), y)
    assert again.best_score_ > 0.5


def test_preprocessing_turns_the_target_of_a_regression() -> None:
    """A regressor's target is standardised for the fit, and predictions are in its own units."""
    data, target = load_diabetes(return_X_y=True)
    search = MetaSearchCV(ElasticNet(), n_trials=3, preprocess=True).fit(data, target * 1e4)
    assert next(iter(search.best_params_)).startswith("regressor__elasticnet__")
    assert np.mean(search.predict(data)) == pytest.approx(np.mean(target) * 1e4, rel=0.05)


def test_texts_are_searched_without_meta_features() -> None:
    """Data that are no table cannot be compared with past ones; that is said once, and the search goes on."""
    texts, labels = ["good film", "bad film", "great play", "awful play"] * 10, [1, 0, 1, 0] * 10
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    with pytest.warns(SearchWarning, match="cannot be compared") as caught:
        search = MetaSearchCV(
            model,
            {"logisticregression__C": [0.1, 1, 10], "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)]},
            n_trials=3,
        ).fit(texts, labels)
    assert len(caught) == 1
    assert {type(one["tfidfvectorizer__ngram_range"]) for one in rows(search)} == {tuple}


@pytest.mark.filterwarnings("ignore::foretune.SearchWarning")
def test_several_targets_and_none() -> None:
    """A target of two columns, and none at all, are searched too."""
    two = np.column_stack([y, 1 - y])
    forest = RandomForestClassifier(5, random_state=0)
    scorer = make_scorer(lambda a, b: float((a == b).mean()))
    assert MetaSearchCV(forest, n_trials=2, cv=3, scoring=scorer).fit(X, two).predict(X).shape == two.shape
    clusters = MetaSearchCV(KMeans(random_state=0), {"n_clusters": [2, 3, 4]}, n_trials=2).fit(X)
    assert len(rows(clusters)) == 2


def test_a_frozen_step_stays_frozen() -> None:
    """A frozen transformer in front is used as it is."""
    scaler = StandardScaler().fit(X + 100)
    model = Pipeline([("scale", FrozenEstimator(scaler)), ("svc", SVC())])
    best = MetaSearchCV(model, n_trials=2).fit(X, y).best_estimator_
    assert np.allclose(best[0].transform(X), scaler.transform(X))


def test_few_rows_do_not_hinder() -> None:
    """Iris with 12 rows is searched as well as the whole of it."""
    data, target = load_iris(return_X_y=True)
    search = MetaSearchCV(DecisionTreeClassifier(random_state=0), n_trials=3, cv=2).fit(
        data[::13], target[::13]
    )
    assert len(rows(search)) == 3


def test_a_changed_space_is_told_of_and_keeps_its_past(tmp_path: Path) -> None:
    """Where the past used another name the alias leads to it; what is assumed stands in `notes_`."""
    X, y = load_iris(return_X_y=True)
    with open_history(tmp_path / "past.db") as history:
        past = [replace(task, metafeatures={}, metric="accuracy") for task in related_tasks(12)]
        history.add(*(replace(task, trials=renamed_trials(task)) for task in past))
    search = MetaSearchCV(
        SVC(),
        {"C": [0.001, 1.0, 1000.0]},
        n_trials=1,
        history=str(tmp_path / "past.db"),
        experience=False,
        aliases={"C": "cost"},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SearchWarning)
        search.fit(X, y)
    assert "C was called cost." in search.notes_


def renamed_trials(task: Task) -> tuple[Trial, ...]:
    """The trials of a time when C was called cost."""
    return tuple(
        replace(t, config={("cost" if name == "C" else name): value for name, value in t.config.items()})
        for t in task.trials
    )


def test_a_grid_of_lists_is_tried_in_full() -> None:
    """Shapes of a network that the family's space does not hold are different settings, each tried."""
    X, y = load_iris(return_X_y=True)
    grid = {"hidden_layer_sizes": [(5,), (5, 5), (10,)], "alpha": [1e-4, 1e-2]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = MetaSearchCV(MLPClassifier(max_iter=5), grid, n_trials=5, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 5
    assert (5, 5) in {params["hidden_layer_sizes"] for params in search.cv_results_["params"]}


def test_what_the_estimator_is_set_to_is_what_past_trials_had() -> None:
    """A hyperparameter that the past never searched is taken to have been as the estimator has it."""
    X, y = load_iris(return_X_y=True)
    grid = {"C": [1, 10, 100], "shrinking": [False, True]}
    search = MetaSearchCV(SVC(), grid, n_trials=2, preprocess=True).fit(X, y)
    assert "shrinking was not searched: it is taken to have been True." in search.notes_


def test_a_scaler_of_the_target_is_none_of_the_columns() -> None:
    """Behind a TransformedTargetRegressor the columns are as they were given, and that is told."""
    model = Model.of(TransformedTargetRegressor(SVR(), transformer=StandardScaler()))
    assert not model.scaled
    assert Model.of(make_pipeline(StandardScaler(), SVR())).scaled


def test_a_past_in_which_nothing_differs_is_no_obstacle(tmp_path: Path) -> None:
    """Where all past settings scored the same, a search by another score still ends well."""
    X, y = load_iris(return_X_y=True)
    url, grid = str(tmp_path / "past.db"), {"var_smoothing": [1e-9, 1e-8, 1e-7]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MetaSearchCV(GaussianNB(), grid, n_trials=3, history=url).fit(X[:100], y[:100])
        wider = {"var_smoothing": [1e-9, 1e-3, 1e-1, 1.0]}
        search = MetaSearchCV(GaussianNB(), wider, n_trials=3, history=url, scoring="neg_log_loss").fit(X, y)
    assert search.outlook_.gain < 10.0

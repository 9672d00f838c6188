"""MetaSearchCV in the place of GridSearchCV: what that brings, this brings too."""

import pickle
import re
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.callback.tests._utils import RecordingCallback
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    ShuffleSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from foretune.data.errors import FamilyError, HistoryError, SpaceError
from foretune.data.records import DONE, FAILED
from foretune.faces.search_cv import MetaSearchCV

X, y = make_classification(n_samples=90, n_features=5, random_state=0)
GRID = {"C": [0.01, 1, 100], "gamma": [0.001, 0.1]}
PIPE = make_pipeline(StandardScaler(), SVC())
PIPE_GRID = {f"svc__{name}": values for name, values in GRID.items()}


class Timid(ClassifierMixin, BaseEstimator):
    """A classifier that fails on fit where it is told to."""

    def __init__(self, level: int = 0, fails: bool = False) -> None:
        self.level, self.fails = level, fails

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Itself, or a failure."""
        if self.fails:
            raise RuntimeError("too timid to be fitted")
        self.classes_, self.weighted_ = np.unique(y), sample_weight is not None
        return self

    def predict(self, X: Any) -> Any:
        """The first class, or the last."""
        return np.full(len(X), self.classes_[min(self.level, len(self.classes_) - 1)])


def rows(search: Any) -> list[dict[str, Any]]:
    """The settings that were tried."""
    return list(search.cv_results_["params"])


@parametrize_with_checks(
    [
        MetaSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, n_trials=1, cv=2, error_score="raise"),
        MetaSearchCV(
            Ridge(), {"alpha": [0.1, 1.0, 10.0]}, n_trials=2, cv=2, error_score="raise", learner="portfolio"
        ),
        MetaSearchCV(
            LogisticRegression(random_state=0), n_trials=2, cv=2, error_score="raise", preprocess=True
        ),
    ],
    # As it is with GridSearchCV: the splitter, and not a warning, meets a target of one column first.
    expected_failed_checks=lambda search: (
        {"check_supervised_y_2d": "as with GridSearchCV"} if isinstance(search.estimator, Ridge) else {}
    ),
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks_it(estimator: Any, check: Any) -> None:
    """scikit-learn's own checks of an estimator pass, as they do with GridSearchCV."""
    check(estimator)


def test_a_grid_tried_as_a_whole_is_a_grid_search() -> None:
    """With as many trials as cells all is as GridSearchCV has it, row by row, and nothing is recommended."""
    options: dict[str, Any] = {
        "scoring": ["accuracy", "roc_auc"],
        "refit": "roc_auc",
        "return_train_score": True,
    }
    ours, theirs = (
        MetaSearchCV(PIPE, PIPE_GRID, **options).fit(X, y),
        GridSearchCV(PIPE, PIPE_GRID, **options).fit(X, y),
    )
    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    for key in theirs.cv_results_:
        if "time" not in key:
            assert np.array_equal(ours.cv_results_[key], theirs.cv_results_[key]), key
    assert (ours.best_index_, ours.best_params_) == (theirs.best_index_, theirs.best_params_)
    assert ours.recommendations_ == []
    assert (ours.outlook_.gain, ours.outlook_.stop) == (0.0, True)


def test_only_cells_of_the_grid_are_tried_in_recommended_order() -> None:
    """Of an existing grid so many cells are tried as were asked for, with the very objects, none twice."""
    kernels = ["rbf", lambda a, b: a @ b.T]
    grid = [
        {"svc__kernel": kernels, "svc__C": np.array([0.01, 1.0])},
        {"svc__C": (10, 100), "standardscaler": ["passthrough"]},
    ]
    search = MetaSearchCV(PIPE, grid, n_trials=5).fit(X, y)
    found = rows(search)
    assert len(found) == 5
    assert len({repr(one) for one in found}) == 5
    assert all(one["svc__kernel"] in kernels for one in found if "svc__kernel" in one)
    assert {type(one["svc__C"]) for one in found} <= {np.float64, int}
    assert len(search.recommendations_) == 5


def test_results_have_the_shape_of_a_grid_search() -> None:
    """A row for each trial: its parameters masked where it has none, each fold, mean, spread and rank."""
    search = MetaSearchCV(SVC(), [GRID, {"kernel": ["linear"]}], n_trials=4, return_train_score=True).fit(
        X, y
    )
    results = search.cv_results_
    assert {"param_C", "param_gamma", "param_kernel", "params", "rank_test_score", "split4_train_score"} <= {
        *results
    }
    assert all(len(values) == 4 for values in results.values())
    folds = np.array([results[f"split{k}_test_score"] for k in range(5)])
    assert np.allclose(results["mean_test_score"], folds.mean(axis=0))
    assert np.allclose(results["std_test_score"], folds.std(axis=0))
    for k, params in enumerate(rows(search)):
        assert results["param_kernel"].mask[k] == ("kernel" not in params)
    assert (
        results["mean_test_score"][search.best_index_]
        == search.best_score_
        == max(results["mean_test_score"])
    )
    assert results["rank_test_score"][search.best_index_] == 1


def test_scores_are_those_of_cross_validation() -> None:
    """Each row's folds are what cross_val_score gives for its parameters on the same splits."""
    cv = KFold(3, shuffle=True, random_state=1)
    search = MetaSearchCV(PIPE, PIPE_GRID, n_trials=2, cv=cv, scoring="f1_macro").fit(X, y)
    for k, params in enumerate(rows(search)):
        expected = cross_val_score(clone(PIPE).set_params(**params), X, y, cv=cv, scoring="f1_macro")
        assert [search.cv_results_[f"split{i}_test_score"][k] for i in range(3)] == pytest.approx(expected)


def test_all_rounds_see_the_same_folds() -> None:
    """Splits that are drawn at random are drawn once: equal models score equally in every round."""
    grid = {"max_depth": [3, 4, 5, 6, 7], "min_samples_leaf": [45]}
    search = MetaSearchCV(DecisionTreeClassifier(random_state=0), grid, n_trials=4, cv=ShuffleSplit(3)).fit(
        X, y
    )
    for k in range(3):
        assert len({*search.cv_results_[f"split{k}_test_score"]}) == 1


def test_the_best_is_refitted_and_serves() -> None:
    """After fit the search predicts, scores and tells classes as its best estimator does."""
    search = MetaSearchCV(SVC(), GRID, n_trials=2).fit(X, y)
    assert np.array_equal(search.predict(X), search.best_estimator_.predict(X))
    assert np.array_equal(search.decision_function(X), search.best_estimator_.decision_function(X))
    assert search.score(X, y) == accuracy_score(y, search.predict(X))
    assert search.classes_.tolist() == [0, 1]
    assert (search.n_features_in_, search.n_splits_, search.multimetric_) == (5, 5, False)
    assert search.refit_time_ > 0
    assert search.best_estimator_.get_params()["C"] == search.best_params_["C"]
    assert not hasattr(search, "transform")


def test_without_refit_nothing_is_fitted_again() -> None:
    """refit=False leaves the best parameters and no estimator."""
    search = MetaSearchCV(SVC(), GRID, n_trials=2, refit=False).fit(X, y)
    assert {*search.best_params_} == {"C", "gamma"}
    assert not hasattr(search, "best_estimator_")
    with pytest.raises(AttributeError, match="has no attribute 'predict'"):
        search.predict(X)


def test_refit_may_choose() -> None:
    """A callable refit picks the row; one that picks none is refused."""
    last = MetaSearchCV(SVC(), GRID, n_trials=3, refit=lambda results: len(results["params"]) - 1).fit(X, y)
    assert last.best_params_ == rows(last)[2]
    assert not hasattr(last, "best_score_")
    with pytest.raises(IndexError, match="best_index_ index out of range"):
        MetaSearchCV(SVC(), GRID, n_trials=3, refit=lambda _: 3).fit(X, y)


@pytest.mark.parametrize(
    "scoring",
    [
        ["accuracy", "roc_auc"],
        ("accuracy", "roc_auc"),
        {"accuracy": make_scorer(accuracy_score), "roc_auc": "roc_auc"},
        lambda e, X, y: {"accuracy": e.score(X, y), "roc_auc": -e.score(X, y)},
    ],
)
@pytest.mark.filterwarnings("ignore:.*no loss by roc_auc:foretune.SearchWarning")
def test_several_metrics(scoring: Any) -> None:
    """Several scores are all kept, and the one that refit names leads the search and the choice."""
    search = MetaSearchCV(SVC(), GRID, n_trials=3, scoring=scoring, refit="roc_auc").fit(X, y)
    results = search.cv_results_
    assert {"mean_test_accuracy", "mean_test_roc_auc"} <= {*results}
    assert search.multimetric_
    assert search.best_score_ == max(results["mean_test_roc_auc"])
    assert [-trial.loss for trial in search.task_.trials] == pytest.approx([*results["mean_test_roc_auc"]])


def test_several_metrics_want_a_leader() -> None:
    """Without a name to refit by, several metrics are refused, in scikit-learn's words."""
    with pytest.raises(ValueError, match="For multi-metric scoring, the parameter refit must be set"):
        MetaSearchCV(SVC(), GRID, scoring=["accuracy", "f1"]).fit(X, y)


@pytest.mark.filterwarnings("ignore::foretune.SearchWarning")
def test_a_config_that_fails_is_in_the_results() -> None:
    """What fails on every fold is in the results, with the error score, and a FAILED trial."""
    grid = {"level": [0, 1], "fails": [True, False]}
    with pytest.warns(FitFailedWarning, match=r"fits failed"), pytest.warns(UserWarning, match="non-finite"):
        search = MetaSearchCV(Timid(), grid, time_budget=60, n_trials=4, learner="cold").fit(X, y)
    failed = [one["fails"] for one in rows(search)]
    results = search.cv_results_["mean_test_score"]
    assert [bool(np.isnan(score)) for score in results] == failed
    assert not search.best_params_["fails"]
    assert sorted(trial.status for trial in search.task_.trials).count(FAILED) == 2


@pytest.mark.filterwarnings("ignore::foretune.SearchWarning")
def test_where_all_fail_there_is_no_result() -> None:
    """If every fit fails the search does, with scikit-learn's error; error_score="raise" shows the first."""
    grid = {"fails": [True], "level": [0, 1, 2]}
    for trials in (2, 3):
        with pytest.raises(ValueError, match=r"(?s)All the \d+ fits failed.*too timid") as caught:
            MetaSearchCV(Timid(), grid, n_trials=trials).fit(X, y)
        assert "misconfigured" in str(caught.value)
    with pytest.raises(RuntimeError, match="too timid"):
        MetaSearchCV(Timid(), grid, n_trials=2, error_score="raise").fit(X, y)


@pytest.mark.filterwarnings("ignore::foretune.SearchWarning")
def test_failures_at_the_end_are_told() -> None:
    """A last round that failed as a whole has no round to be tried beside: a warning tells its settings."""
    grid = {"fails": [False, True], "level": [0]}
    with pytest.warns(FitFailedWarning, match=r"1 setting, .*not in cv_results_.*'fails': True"):
        search = MetaSearchCV(Timid(), grid, n_trials=2, time_budget=60).fit(X, y)
    assert rows(search) == [{"fails": False, "level": 0}]
    assert [trial.status for trial in search.task_.trials] == [DONE, FAILED]
    assert len(search.recommendations_) == 1


def test_an_error_score_that_is_a_number_counts() -> None:
    """A fold that fails has the error score where that is a number."""

    class Picky(DecisionTreeClassifier):  # type: ignore[misc]
        def fit(self, X: Any, y: Any) -> Self:
            if self.max_depth == 2 and X[0, 0] == first:
                raise RuntimeError("not that row")
            return super().fit(X, y)

    first = X[next(iter(KFold(5).split(X)))[0][0], 0]
    with pytest.warns(FitFailedWarning, match="set to 0"):
        search = MetaSearchCV(
            Picky(), {"max_depth": [2, 3, 4]}, n_trials=3, cv=KFold(5), error_score=0.0
        ).fit(X, y)
    scores = [search.cv_results_[f"split{k}_test_score"][0] for k in range(5)]
    assert scores.count(0.0) == 1


def test_groups_reach_the_splitter() -> None:
    """Groups given to fit split the data; a splitter that wants them complains where they are missing."""
    groups = np.arange(len(y)) % 4
    search = MetaSearchCV(SVC(), GRID, n_trials=2, cv=LeaveOneGroupOut()).fit(X, y, groups=groups)
    assert search.n_splits_ == 4
    for cv in (LeaveOneGroupOut(), GroupKFold(3)):
        with pytest.raises(ValueError, match="'groups' parameter should not be None"):
            MetaSearchCV(SVC(), GRID, n_trials=2, cv=cv).fit(X, y)


@pytest.mark.filterwarnings("ignore::foretune.SearchWarning")
def test_fit_parameters_reach_the_estimator() -> None:
    """A sample weight goes to the estimator, by name and also with metadata routing."""
    weight = np.ones(len(y))
    grid = {"level": [0, 1, 2]}
    assert MetaSearchCV(Timid(), grid, n_trials=2).fit(X, y, sample_weight=weight).best_estimator_.weighted_
    with config_context(enable_metadata_routing=True):
        timid = Timid().set_fit_request(sample_weight=True)
        scorer = make_scorer(f1_score).set_score_request(sample_weight=True)
        search = MetaSearchCV(timid, grid, n_trials=2, scoring=scorer, cv=GroupKFold(3))
        found = search.fit(X, y, sample_weight=weight, groups=np.arange(len(y)) % 5)
        assert found.best_estimator_.weighted_


def test_it_clones_and_pickles() -> None:
    """A clone is unfitted and has the same parameters; a pickle predicts as the search does."""
    search = MetaSearchCV(PIPE, PIPE_GRID, n_trials=2, tolerance=0.1, scoring="f1_macro")
    search.fit(X, y)
    copied = clone(search)
    assert repr(copied) == repr(search)
    with pytest.raises(NotFittedError):
        copied.predict(X)
    loaded = pickle.loads(pickle.dumps(search))
    assert np.array_equal(loaded.predict(X), search.predict(X))
    assert loaded.task_.trials == search.task_.trials
    assert len(pickle.dumps(search)) < 200_000


def test_tables_lists_and_labels_of_all_kinds() -> None:
    """A DataFrame with a Series, text labels, and lists are taken, and give the same results."""
    frame, words = (
        pd.DataFrame(X, columns=list("abcde")),
        pd.Series(np.where(y, "yes", "no"), index=range(5, 95)),
    )
    one = MetaSearchCV(SVC(), GRID, n_trials=3).fit(X, y)
    for data, target in ((frame, words), (X.tolist(), y.tolist()), (csr_matrix(X), y)):
        other = MetaSearchCV(SVC(), GRID, n_trials=3).fit(data, target)
        assert rows(other) == rows(one)
        assert other.best_score_ == pytest.approx(one.best_score_, abs=0.03)
    assert MetaSearchCV(SVC(), GRID, n_trials=2).fit(frame, words).feature_names_in_.tolist() == list("abcde")


def test_callbacks_follow_the_search() -> None:
    """scikit-learn's callbacks see the search, each round and each fit begin and end."""
    callback = RecordingCallback()
    search = MetaSearchCV(PIPE, PIPE_GRID, n_trials=3, cv=2).set_callbacks(callback).fit(X, y)
    fits, rounds = 3 * 2, 3
    for hook in ("on_fit_task_begin", "on_fit_task_end"):
        assert callback.count_hooks(hook) == 1 + 1 + rounds + fits + 1  # fit, search, ..., refit
    assert callback.count_hooks("setup") == callback.count_hooks("teardown") == 1
    assert all(entry["estimator"] is search for entry in callback.record)


def test_verbose_says_what_is_going_on(capsys: pytest.CaptureFixture[str]) -> None:
    """With verbose the expectation of each trial and the best so far are printed; without it nothing is."""
    MetaSearchCV(SVC(), GRID, n_trials=2, verbose=1).fit(X, y)
    printed = capsys.readouterr().out
    assert len(re.findall(r"expected 0\.\d+ ± 0\.\d+, \d+% of it by the past", printed)) == 2
    assert "2 trials, best score 0." in printed
    MetaSearchCV(SVC(), GRID, n_trials=2).fit(X, y)
    assert capsys.readouterr().out == ""


def test_verbose_gives_errors_the_sign_of_the_scores(capsys: pytest.CaptureFixture[str]) -> None:
    """What is expected of an error is printed as scikit-learn's scores have it, as is the best so far."""
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    MetaSearchCV(tree, {"min_samples_leaf": [1, 5, 9]}, n_trials=2, verbose=1, scoring="neg_log_loss").fit(
        X, y
    )
    printed = capsys.readouterr().out
    assert len(re.findall(r"expected -\d", printed)) == 2
    assert "2 trials, best score -" in printed


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("estimator", "svm"),
        ("param_space", 3),
        ("n_trials", 0),
        ("n_trials", 2.5),
        ("time_budget", 0),
        ("tolerance", -0.1),
        ("history", 7),
        ("experience", "no"),
        ("learner", "oracle"),
        ("preprocess", "yes"),
        ("scoring", "acuracy"),
        ("random_state", "now"),
    ],
)
def test_a_wrong_argument_is_named_at_fit(option: str, value: Any) -> None:
    """Construction takes anything; fit says which parameter is wrong, and what it may be."""
    search = MetaSearchCV(SVC(), GRID).set_params(**{option: value})
    with pytest.raises(
        ValueError, match=rf"The '{option}' parameter of MetaSearchCV must be .* Got .* instead"
    ):
        search.fit(X, y)


def test_wrong_spaces_are_refused() -> None:
    """No grid, no such parameter, no family, no such history: each is one clear error."""
    with pytest.raises(SpaceError, match=r"'C' needs to be a list"):
        MetaSearchCV(SVC(), {"C": 1.0}).fit(X, y)
    with pytest.raises(ValueError, match=r"Invalid parameter 'D' for estimator SVC"):
        MetaSearchCV(SVC(), {"D": [1, 2, 3]}, n_trials=2).fit(X, y)
    for estimator in (Ridge(), FrozenEstimator(SVC().fit(X, y))):
        with pytest.raises(FamilyError, match=r"no family of .* param_space"):
            MetaSearchCV(estimator).fit(X, y)
    with pytest.raises(HistoryError, match="foo://bar"):
        MetaSearchCV(SVC(), GRID, n_trials=2, history="foo://bar").fit(X, y)

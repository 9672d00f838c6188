"""What scikit-learn's searches leave behind, read as tasks."""

import pickle
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from foretune.data.errors import ForetuneError, HistoryError, MetricError
from foretune.data.records import FAILED
from foretune.history.history import open_history
from foretune.history.readers.cv_results import read_cv_results

OUTPUTS = Path(__file__).parent / "outputs"
CONFIGS: list[dict[str, Any]] = [
    {"C": 1, "class_weight": None, "kernel": "rbf"},
    {"C": 1, "class_weight": "balanced", "kernel": "rbf"},
    {"C": 10, "class_weight": None, "kernel": "rbf"},
    {"C": 10, "class_weight": "balanced", "kernel": "rbf"},
    {"C": 1, "kernel": "linear"},
]


def searched(**options: Any) -> Any:
    """The cv_results_ of a small search over a pipeline."""
    grid = {"svc__C": [1, 10], "svc__gamma": ["scale", 0.1]}
    search = GridSearchCV(make_pipeline(SVC()), **{"param_grid": grid, "cv": 3} | options)
    return search.fit(*load_iris(return_X_y=True)).cv_results_


def test_a_stored_csv_is_read() -> None:
    """A CSV keeps None apart from what is not there, the types, each fold, and loses the step's name."""
    (task,) = read_cv_results(OUTPUTS / "grid_search.csv", task="iris", family="svm", metric="accuracy")
    table = pd.read_csv(OUTPUTS / "grid_search.csv")
    assert [dict(trial.config) for trial in task.trials] == CONFIGS
    assert [type(trial.config["C"]) for trial in task.trials] == [int] * 5
    assert [-(trial.loss or 0) for trial in task.trials] == pytest.approx(table["mean_test_score"].tolist())
    first = task.trials[0]
    folds = [table[f"split{k}_test_score"][0] for k in range(3)]
    assert list(first.scores["accuracy"]) == pytest.approx(folds)
    assert first.noise == pytest.approx(np.std(folds, ddof=1) / 3**0.5)
    assert first.seconds == pytest.approx(3 * (table["mean_fit_time"][0] + table["mean_score_time"][0]))
    assert task.provenance["protocol"] == {"folds": 3}


def test_the_model_of_several_steps_can_be_said() -> None:
    """Where transformers are searched, too, the model's names lose their step once it is named."""
    pipe = make_pipeline(StandardScaler(), PCA(), SVC())
    grid = {"svc__C": [1, 10], "pca__n_components": [2, 3], "standardscaler": ["passthrough"]}
    results = GridSearchCV(pipe, grid, cv=2).fit(*load_iris(return_X_y=True)).cv_results_
    (task,) = read_cv_results(results, task="iris", step="svc")
    assert set(task.trials[0].config) == {"C", "pca__n_components", "standardscaler"}
    with pytest.warns(UserWarning, match=r"names keep their steps \(pca, svc\)"):
        (kept,) = read_cv_results(results, task="iris")
    assert set(kept.trials[0].config) == set(grid)
    with pytest.raises(HistoryError, match="no hyperparameter is of a step 'svm': the steps are pca, svc"):
        read_cv_results(results, task="iris", step="svm")


@pytest.mark.parametrize(
    ("config", "is_pipeline"),
    [
        ({"svc__C": 1, "svc__gamma": 0.1}, False),
        ({"svc__C": 1, "pca__n_components": 2}, True),
        ({"svc__C": 1, "standardscaler": "passthrough"}, True),
        ({"estimator__max_depth": 1, "n_estimators": 5}, False),
        ({"estimator__max_depth": 1, "algorithm": "SAMME"}, False),
        ({"C": 1}, False),
    ],
)
def test_only_of_pipelines_a_step_is_asked_for(config: dict[str, Any], is_pipeline: bool) -> None:
    """A model within another one is no step, and one step alone is lost without asking."""
    results = {"params": [config], "mean_test_score": [0.9], "mean_fit_time": [0.1]}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        read_cv_results(results, task="iris", family="model")
    assert [one for one in told if "names keep their steps" in str(one.message)] == told
    assert bool(told) is is_pipeline


def test_several_metrics_are_several_tasks() -> None:
    """A JSON of two metrics gives two tasks; an error's sign is turned back, and one may be asked for."""
    accuracy, mse = read_cv_results(OUTPUTS / "grid_search.json", task="iris", family="svm")
    assert (accuracy.metric, mse.metric) == ("accuracy", "mse")
    assert [dict(trial.config) for trial in mse.trials] == CONFIGS
    assert all((trial.loss or 0) > 0 for trial in mse.trials)
    (one,) = read_cv_results(OUTPUTS / "grid_search.json", task="iris", metric="mse", family="svm")
    assert one == mse
    with pytest.raises(MetricError, match="measured no 'r2'"):
        read_cv_results(OUTPUTS / "grid_search.json", task="iris", metric="r2")


def test_a_dict_and_a_frame_are_the_same() -> None:
    """A search's own dict and the frame of it give equal tasks, of the types in the grid."""
    results = searched()
    (task,) = read_cv_results(results, task="iris")
    assert (task.metric, task.family[:8]) == ("score", "c_gamma_")
    assert {type(trial.config["gamma"]) for trial in task.trials} == {str, float}
    assert read_cv_results(pd.DataFrame(results), task="iris") == [task]


def test_parquet_is_read_from_its_columns(tmp_path: Path) -> None:
    """Without `params` the columns of parameters tell."""
    frame = pd.DataFrame(searched(param_grid={"svc__C": [1, 10]})).drop(columns="params")
    frame.to_parquet(tmp_path / "r.parquet")
    (task,) = read_cv_results(tmp_path / "r.parquet", task="iris")
    assert [dict(trial.config) for trial in task.trials] == [{"C": 1}, {"C": 10}]


def test_numpy_scalars_and_objects_in_a_csv(tmp_path: Path) -> None:
    """What numpy wrote into a text is a number again; objects are told by their text."""
    frame = pd.DataFrame(searched(param_grid={"svc__C": [np.float64(0.5)], "svc": [SVC()]}))
    frame.to_csv(tmp_path / "r.csv", index=False)
    (task,) = read_cv_results(tmp_path / "r.csv", task="iris", step="svc")
    assert set(task.trials[0].config) == {"svc", "C"}
    assert task.trials[0].config["C"] == 0.5


def test_a_failed_fit_is_a_failed_trial() -> None:
    """A setting that could not be fitted is a failed trial."""
    results = searched()
    results["mean_test_score"][1] = np.nan
    (task,) = read_cv_results(results, task="iris")
    assert [trial.status == FAILED for trial in task.trials] == [False, True, False, False]


def test_a_halving_search_keeps_its_resources() -> None:
    """Rows at fewer resources have them as their fidelity; those at most are full."""
    search = HalvingGridSearchCV(SVC(), {"C": [0.1, 1, 10]}, cv=3, random_state=0)
    results = search.fit(*load_iris(return_X_y=True)).cv_results_
    (task,) = read_cv_results(results, task="iris")
    full = results["n_resources"].max()
    expected = [None if n == full else float(n) for n in results["n_resources"]]
    assert [trial.fidelity for trial in task.trials] == expected


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    """A pickled search is not opened, as file or as bytes: the error says how to export it."""
    content = pickle.dumps(searched())
    (tmp_path / "search.pkl").write_bytes(content)
    for source in (tmp_path / "search.pkl", content):
        with pytest.raises(HistoryError, match=r"to_csv\('results.csv'"):
            read_cv_results(source, task="iris")  # type: ignore[arg-type]


def test_what_is_no_cv_results_is_refused() -> None:
    """Other tables, and errors with their signs turned already, are refused."""
    with pytest.raises(HistoryError, match="is no cv_results_"):
        read_cv_results(pd.DataFrame({"C": [1]}), task="iris")
    with pytest.raises(MetricError, match="above 0"):
        read_cv_results(searched(), task="iris", metric="log_loss")
    with pytest.raises(HistoryError, match="a list is no table"):
        read_cv_results([1], task="iris")  # type: ignore[arg-type]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
COLUMNS = ("params", "param_C", "mean_fit_time", "mean_test_score", "split0_test_score", "n_resources")


@settings(max_examples=100)
@given(
    st.fixed_dictionaries(
        {
            name: st.lists(PLAIN if name.startswith("param") else PLAIN | st.floats(), min_size=2, max_size=2)
            | st.lists(st.floats() if "_t" in name or "n_" in name else PLAIN, min_size=2, max_size=2)
            for name in COLUMNS
        }
    )
)
def test_any_columns_are_read_or_refused(columns: dict[str, list[Any]]) -> None:
    """Whatever stands in the columns of a search, it is read, or refused by an error of foretune's."""
    try:
        tasks = read_cv_results(columns, task="any")
    except ForetuneError:
        return
    with TemporaryDirectory() as folder, open_history(Path(folder) / "any.db") as history:
        history.add(*tasks)

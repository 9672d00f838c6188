"""Tidy tables of anyone's own, read as tasks."""

import math
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ConfigSpace import ConfigurationSpace
from hypothesis import given, settings, strategies as st

import foretune
from foretune.data.errors import ForetuneError, HistoryError, MetricError
from foretune.data.records import FAILED, Task, Trial, as_tuples, sides_of
from foretune.data.spaces import unfold
from foretune.history.history import open_history
from foretune.history.readers.inferred import in_words
from foretune.history.readers.table import read_table

ROWS = [
    {"data": "iris", "acc": 0.9, "C": 0.01, "kernel": "rbf", "gamma": "scale", "depth": "None", "s": 1.5},
    {"data": "iris", "acc": 0.8, "C": 1.0, "kernel": "linear", "gamma": None, "depth": "3", "s": 0.5},
    {"data": "wine", "acc": 0.7, "C": 100.0, "kernel": "rbf", "gamma": "0.5", "depth": "12", "s": None},
    {"data": "wine", "acc": None, "C": 10.0, "kernel": "rbf", "gamma": "0.1", "depth": "3", "s": 2.0},
]


def read(rows: list[dict[str, Any]], **options: Any) -> list[Task]:
    """The rows, as a frame, read as tasks of the svm family."""
    frame = pd.DataFrame(rows)
    return read_table(
        frame, **{"task": "data", "score": "acc", "metric": "accuracy", "family": "svm"} | options
    )


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """The rows as a CSV file."""
    path = tmp_path / "runs.csv"
    pd.DataFrame(ROWS).to_csv(path, index=False)
    return path


def test_a_csv_becomes_tasks(csv: Path) -> None:
    """Cells get the types they look like, empty ones are not active, a missing score is a failed trial."""
    iris, wine = read_table(csv, task="data", score="acc", metric="accuracy", seconds="s", family="svm")
    assert (iris.name, iris.family, iris.metric) == ("iris", "svm", "accuracy")
    assert iris.trials[0].config == {"C": 0.01, "kernel": "rbf", "gamma": "scale", "depth": None}
    assert iris.trials[1].config == {"C": 1.0, "kernel": "linear", "depth": 3}
    assert (iris.trials[0].loss, iris.trials[0].seconds, wine.trials[0].seconds) == (-0.9, 1.5, None)
    assert (wine.trials[1].status, wine.trials[1].reason) == (FAILED, "its score is nan")


def test_spaces_are_inferred(csv: Path) -> None:
    """Ranges, log scales, special values and conditions are read off what was tried; each config is legal."""
    tasks = read_table(csv, task="data", score="acc", metric="accuracy", seconds="s", family="svm")
    space = tasks[0].space
    assert space is not None
    assert in_words(space) == {
        "C": "float 0.01 to 100, log scale",
        "kernel": "'rbf' or 'linear'",
        "gamma": "'scale' or float 0.1 to 0.5; depends on kernel",
        "depth": "None or int 3 to 12",
    }
    for trial in (trial for task in tasks for trial in task.trials):
        assert all(space[name].legal_value(v) for name, v in unfold(space, trial.config).items())


def test_a_family_without_a_name_is_called_by_its_hyperparameters() -> None:
    """As with Optuna's studies, the names of the hyperparameters call the family."""
    (task,) = read([{"data": "a", "acc": 0.5, "C": 1, "gamma": 2}], family=None)
    assert task.family == "c_gamma_" + task.family[-8:]


def test_a_column_may_name_the_family() -> None:
    """Each family has its own tasks and its own space."""
    rows = [{"data": "a", "acc": 0.5, "kind": "x", "C": 1.5}, {"data": "a", "acc": 0.6, "kind": "y", "k": 3}]
    x, y = read(rows, family="kind")
    assert (x.family, y.family) == ("x", "y")
    assert (list(x.space or ()), list(y.space or ())) == (["C"], ["k"])


def test_the_direction_is_known_or_given() -> None:
    """An error is a loss, an unknown metric needs its direction, and one that contradicts is refused."""
    rows = [{"data": "a", "acc": 0.5, "C": 1}]
    assert read(rows, metric="rmse")[0].trials[0].loss == 0.5
    assert read(rows, metric="gain", direction="maximize")[0].trials[0].loss == -0.5
    cost = read(rows, metric="cost", direction="minimize")[0]
    assert (cost.metric, cost.trials[0].loss, cost.provenance["score"]) == ("loss", 0.5, "cost")
    with pytest.raises(MetricError, match="which way 'acuracy' points \\(did you mean 'accuracy'"):
        read(rows, metric="acuracy")
    with pytest.raises(MetricError, match="to maximize, not to minimize"):
        read(rows, direction="minimize")
    with pytest.raises(MetricError, match="'up' is no direction"):
        read(rows, metric="gain", direction="up")


def test_repeats_stay_and_copies_go() -> None:
    """A config tried again with another score is a repeat; a row that says the same is one trial."""
    rows = [{"data": "a", "acc": acc, "C": 1} for acc in (0.5, 0.6, 0.5)]
    assert [(t.loss, t.repeat) for t in read(rows)[0].trials] == [(-0.5, 0), (-0.6, 1)]
    seeded = [{**row, "seed": seed} for seed, row in enumerate(rows)]
    assert [(t.seed, t.repeat) for t in read(seeded, seed="seed")[0].trials] == [(0, 0), (1, 0), (2, 0)]


def test_the_highest_fidelity_is_the_full_one() -> None:
    """Where every row names its epochs, those of most epochs are finished trials; a task may lack some."""
    rows = [{"data": "a", "acc": 0.5, "C": 1, "epochs": e} for e in (1, 9)]
    assert [t.fidelity for t in read(rows, fidelity="epochs")[0].trials] == [1.0, None]
    rows.append({"data": "a", "acc": 0.9, "C": 1, "epochs": None})
    assert [t.fidelity for t in read(rows, fidelity="epochs")[0].trials] == [1.0, 9.0, None]


@pytest.mark.parametrize(
    "text",
    [
        '"data","C","acc"\n"1","churn",1.0,0.5\n"2","churn",2.0,0.7\n',
        "data,C,acc\nchurn,1.5,0.5,9\nchurn,2.5,0.25,9\n",
    ],
)
def test_rows_of_more_cells_than_the_header_are_refused(tmp_path: Path, text: str) -> None:
    """A file with row names that have no header, or a cell too many, is not read with shifted columns."""
    (tmp_path / "runs.csv").write_text(text)
    with pytest.raises(HistoryError, match="more cells than its header"):
        foretune.read_table(tmp_path / "runs.csv", task="data", score="acc", metric="accuracy", family="svm")


def test_two_metrics_of_one_name_are_two_tasks(tmp_path: Path) -> None:
    """What foretune calls loss may be several metrics: none takes the place of another in a history."""
    rows = [{"data": "a", "C": c, "hinge": 0.1 * c, "brier": 30 - c} for c in (1, 2, 3)]
    with foretune.open_history(tmp_path / "history.db") as history:
        for score in ("hinge", "brier"):
            table = [{name: row[name] for name in ("data", "C", score)} for row in rows]
            words = {"task": "data", "score": score, "metric": score, "direction": "minimize", "family": "f"}
            history.add(*foretune.read_table(pd.DataFrame(table), **words))
        found = {task.provenance["score"]: task.best.loss for task in history.tasks()}
    assert found == {"hinge": 0.1, "brier": 27}


def test_statuses_are_heeded() -> None:
    """Failed rows are failed trials whatever their score; rows under way are left out, with a warning."""
    words = ["COMPLETE", "TrialState.FAIL", "running"]
    rows = [{"data": "a", "acc": 0.5, "C": c, "st": word} for c, word in enumerate(words)]
    with pytest.warns(UserWarning, match="1 rows are left out, as they are not finished"):
        (task,) = read(rows, status="st")
    assert [(str(t.status), t.reason) for t in task.trials] == [("done", ""), ("failed", "fail")]
    with pytest.raises(HistoryError, match="'odd', which is no status"):
        read([{"data": "a", "acc": 0.5, "C": 1, "st": "odd"}], status="st")


def test_what_is_no_hyperparameter_is_left_out() -> None:
    """Row numbers, empty columns and remarks are left out with a warning; asked for, they are refused."""
    rows = [
        {"Unnamed: 0": i, "data": "a", "acc": 0.5, "C": i, "n_jobs": 2, "none": math.nan, "id": f"x{i}"}
        for i in range(300)
    ]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        (task,) = read(rows)
    assert list(task.space or ()) == ["C"]
    said = " ".join(str(one.message) for one in told)
    for words in ("'Unnamed: 0'", "'n_jobs'", "'none' is left out: it holds nothing", "300 different texts"):
        assert words in said
    with pytest.raises(HistoryError, match="'id' is no hyperparameter: it holds 300 different texts"):
        read(rows, hyperparameters=["C", "id"])


def test_metafeatures_and_datasets_come_along() -> None:
    """Columns may say what identifies the dataset, and describe it."""
    rows = [{"data": "a", "acc": 0.5, "C": 1, "print": "f1", "rows": 150}]
    (task,) = read(rows, dataset="print", metafeatures=["rows"])
    assert (task.dataset, dict(task.metafeatures)) == ("f1", {"rows": 150.0})


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {"task": "dat"}, "did you mean 'data'"),
        ({}, {"score": "zzzz"}, "no column 'zzzz'"),
        ({"acc": "high"}, {}, "'acc' holds 'high', which is no number"),
        ({"acc": True}, {}, "which is no number"),
        ({"data": None}, {}, "no finished row"),
        ({"data": "x" * 10**6}, {}, "has 1000000 characters"),
        ({"x" * 10**6: 1}, {}, "has 1000000 characters"),
        ({"kernel": "x" * 10**6}, {}, "has 1000000 characters"),
        ({"C": 10**400}, {}, "no range is so wide"),
        ({"C:kind": 1}, {}, "cannot be called"),
        ({"seed": 0.5}, {"seed": "seed"}, "whole number of 64 bits"),
        ({"C": -1}, {"log": ["C"]}, "cannot be on the log scale"),
        ({}, {"log": ["D"]}, "no hyperparameter 'D'"),
        ({}, {"metric": "m" * 10**6}, "1000000 characters"),
    ],
)
@pytest.mark.filterwarnings("ignore:1 rows are left out")
def test_odd_tables_are_refused(change: dict[str, Any], options: dict[str, Any], words: str) -> None:
    """Wrong columns, types, names and numbers are answered with what is wrong and what to do."""
    with pytest.raises(ForetuneError, match=words):
        read([{"data": "a", "acc": 0.5, "C": 1} | change], **options)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "cannot be read as CSV"),
        ("a.csv", b"data,acc,C\n", "is empty"),
        ("a.csv", b"data,acc\n\xff\xfe,1", "cannot be read as CSV"),
        ("a.parquet", b"PAR1....", "cannot be read as PARQUET"),
        ("a.json", b'{"a": [1, 2', "cannot be read as JSON"),
        ("a.json", b'{"a": [1, 2], "b": [1]}', "not of one length"),
        ("a.json", b"[" * 100_000, "cannot be read as JSON"),
        ("a.json", b"7", "holds no table"),
        ("a.pkl", b"hello", "is pickled"),
        ("a.csv", b"\x80\x04]q.", "is pickled"),
        ("a.txt", b"hello", "foretune reads .csv"),
    ],
)
def test_odd_files_are_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Empty, truncated, pickled and foreign files are refused by a `HistoryError`."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HistoryError, match=words):
        read_table(tmp_path / name, task="data", score="acc", metric="accuracy")


FRACTIONS = st.floats(-1e9, 1e9)
TEXTS = st.text("abc", min_size=1, max_size=3)
VALUES = {
    "C": FRACTIONS,
    "depth": st.none() | st.integers(-99, 99),
    "gamma": TEXTS | FRACTIONS,
    "kernel": st.none() | st.booleans() | TEXTS | st.lists(st.integers(1, 9), max_size=2),
}
CONFIGS = st.lists(
    st.fixed_dictionaries({}, optional=VALUES).filter(bool),
    min_size=1,
    max_size=6,
    unique_by=lambda config: Trial(config, 0.0).key,
)


@settings(max_examples=60)
@given(st.lists(CONFIGS, min_size=1, max_size=3), st.data())
def test_a_table_of_tasks_gives_the_tasks_again(
    parts: list[list[dict[str, Any]]], data: st.DataObject
) -> None:
    """Tasks, written as a table of objects and read, are the tasks: nothing is lost, added or moved."""
    scores = st.floats(-1e6, 1e6)
    rows = [
        {"data": f"t{k}", "acc": data.draw(scores), "s": data.draw(st.none() | st.floats(0, 1e6)), **config}
        for k, configs in enumerate(parts)
        for config in configs
    ]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {n: pd.Series([row.get(n, math.nan) for row in rows], dtype=object) for n in names}
    tasks = read_table(pd.DataFrame(columns), task="data", score="acc", metric="accuracy", seconds="s")
    assert [task.name for task in tasks] == [f"t{k}" for k in range(len(parts))]
    trials = [trial for task in tasks for trial in task.trials]
    assert [(t.config, -(t.loss or 0.0), t.seconds) for t in trials] == [
        ({n: as_tuples(v) for n, v in row.items() if n in VALUES}, row["acc"], row["s"]) for row in rows
    ]
    for task in tasks:
        space = task.space
        assert space is not None
        for trial in task.trials:
            assert all(space[n].legal_value(v) for n, v in unfold(space, trial.config).items())


@settings(max_examples=60)
@given(st.binary(max_size=300), st.sampled_from([".csv", ".tsv", ".json", ".parquet"]))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_bytes_are_read_or_refused(tmp_path_factory: Any, content: bytes, suffix: str) -> None:
    """Whatever a file holds, it is read, or refused by an error of foretune's."""
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(b"data,acc,C\n" + content if suffix == ".csv" else content)
    try:
        tasks = read_table(path, task="data", score="acc", metric="accuracy")
    except ForetuneError:
        return
    assert all(task.name for task in tasks)


def test_a_table_teaches_a_history_once(csv: Path, tmp_path: Path) -> None:
    """Tasks of a table are stored, and storing them again adds nothing."""
    tasks = read_table(csv, task="data", score="acc", metric="accuracy", seconds="s", family="svm")
    with foretune.open_history(tmp_path / "mine.db") as history:
        for _ in range(2):
            history.add(*tasks)
            assert len(history.table()) == len(ROWS)


def test_a_table_that_grew_widens_the_space_that_was_inferred(tmp_path: Path) -> None:
    """Imported again with more rows, the task has the space of all of them; one that was given stays."""
    first = pd.DataFrame(
        {"data": ["a"] * 3, "acc": [0.5, 0.6, 0.7], "C": [0.1, 0.2, 0.3], "k": ["x", "y", "x"]}
    )
    more = pd.DataFrame({"data": ["a"], "acc": [0.8], "C": [0.9], "k": ["z"]})
    whole = pd.concat([first, more])
    words = {"task": "data", "score": "acc", "metric": "accuracy", "family": "svm"}
    with open_history(tmp_path / "mine.db") as history:
        for frame in (first, whole, first, more):
            history.add(*read_table(frame, **words))
        (task,) = history.tasks()
        space = task.space
        assert space is not None and len(task.trials) == 4
        assert (space["C"].lower, space["C"].upper) == (0.1, 0.9)
        assert set(space["k"].choices) == {"x", "y", "z"}
    given = ConfigurationSpace({"C": (0.1, 0.3), "k": ["x", "y"]})
    with open_history(tmp_path / "given.db") as history:
        history.add(*read_table(first, space=given, **words))
        for _ in range(2):
            history.add(*read_table(whole, **words))
        (task,) = history.tasks()
        assert task.space == given


def test_a_study_that_went_on_to_more_epochs_is_another_task(tmp_path: Path) -> None:
    """What counts as full is part of the task, so losses after 3 epochs are never taken for those after 9."""
    first = pd.DataFrame({"data": "a", "acc": [0.5, 0.6], "C": [1.0, 2.0], "epoch": [3, 3]})
    later = pd.DataFrame({"data": "a", "acc": [0.7, 0.8], "C": [1.0, 2.0], "epoch": [9, 9]})
    words = {"task": "data", "score": "acc", "metric": "accuracy", "family": "net", "fidelity": "epoch"}
    with open_history(tmp_path / "mine.db") as history:
        for _ in range(2):
            history.add(*read_table(first, **words))
            history.add(*read_table(pd.concat([first, later]), **words))
        early, late = history.tasks()
    assert [trial.fidelity for trial in early.trials] == [None, None]
    assert [trial.fidelity for trial in late.trials] == [3.0, 3.0, None, None]
    assert sides_of([early, late]) == ["a", "a"]


def test_a_row_that_failed_before_it_began_does_not_make_all_partial() -> None:
    """The highest fidelity is full though a failed row names none."""
    rows = pd.DataFrame(
        {
            "data": "a",
            "acc": [0.5, 0.6, None],
            "C": [1.0, 2.0, 3.0],
            "epoch": [3, 9, None],
            "st": ["done"] * 2 + ["failed"],
        }
    )
    words = {"task": "data", "score": "acc", "metric": "accuracy", "fidelity": "epoch", "status": "st"}
    (task,) = read_table(rows, **words)
    assert [trial.fidelity for trial in task.trials] == [3.0, None, None]
    assert task.provenance["protocol"] == {"fidelity": 9.0}


@pytest.mark.parametrize(
    "text",
    [
        "data,acc,C,kernel\niris,0.9,0.5,rbf\niris,0.8,1.0,linear\n",
        "data, acc, C, kernel\niris, 0.9, 0.5, rbf\niris, 0.8, 1.0, linear\n",
        "data;acc;C;kernel\niris;0,9;0,5;rbf\niris;0,8;1,0;linear\n",
        "data;acc;C;kernel\niris;0.9;0.5;rbf\niris;0.8;1.0;linear\n",
    ],
)
def test_blanks_and_semicolons_are_read(tmp_path: Path, text: str) -> None:
    """Blanks behind commas are no part of names and words; semicolons part cells, commas may be decimal."""
    (tmp_path / "runs.csv").write_text(text)
    (task,) = read_table(tmp_path / "runs.csv", task="data", score="acc", metric="accuracy", family="svm")
    assert [trial.config for trial in task.trials] == [
        {"C": 0.5, "kernel": "rbf"},
        {"C": 1.0, "kernel": "linear"},
    ]
    assert [trial.loss for trial in task.trials] == [-0.9, -0.8]

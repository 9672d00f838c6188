"""Weights & Biases' two exports of a runs table become tasks."""

import math
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from foretune.data.errors import HistoryError, MetricError
from foretune.data.records import FAILED, Task
from foretune.history.readers.literals import mapping_in
from foretune.history.readers.wandb import read_wandb

OUTPUTS = Path(__file__).parent / "outputs"
PAGE, API = OUTPUTS / "wandb_page.csv", OUTPUTS / "wandb_api.csv"


def read(source: Any, **words: Any) -> tuple[list[Task], list[str]]:
    """The tasks, and the warnings."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        tasks = read_wandb(source, **{"metric": "val_accuracy", **words})
    return tasks, [str(one.message) for one in told]


def test_the_pages_table_is_read() -> None:
    """Config and metrics are told apart; a sweep is a task, runs in none another; the oldest come first."""
    (sweep, rest), told = read(PAGE)
    assert (sweep.name, rest.name, sweep.metric) == ("ab12cd34", "wandb_page", "accuracy")
    assert [trial.reason for trial in sweep.trials] == ["", "", "", "", "crashed"]
    assert [trial.reason for trial in rest.trials] == ["its score is nan"]
    first = sweep.trials[0]
    assert first.config == {"n_estimators": 5, "max_depth": 1, "max_features": "sqrt"}
    assert (first.loss, first.seconds, first.seed) == (-0.7333333333333333, 12.0, 0)
    assert [trial.config["max_features"] for trial in sweep.trials[:4]] == ["sqrt", "sqrt", 0.5, 1.0]
    assert sorted(told) == [
        "no hyperparameters, so left out: 'seed'.",
        "runs left out: 1 not finished.",
        "taken for metrics, not for hyperparameters: '_step', 'train_accuracy', 'val_loss'.",
        "the metric 'val_accuracy' is taken for accuracy.",
    ]


def test_the_apis_table_is_read() -> None:
    """Mappings in cells are config and summary, nested ones joined; without a state runs are finished."""
    (task,), told = read(API)
    assert task.name == "wandb_api"
    first = task.trials[0]
    assert first.config == {"model.n_estimators": 5, "model.max_depth": 1, "model.max_features": "sqrt"}
    assert (first.loss, first.seconds) == (-0.7333333333333333, 12.5)
    assert [trial.status for trial in task.trials].count(FAILED) == 1
    assert "runs left out: 2 without the metric 'val_accuracy'." in told


def test_a_frame_of_mappings_is_read() -> None:
    """What the API gives needs no file; values that it wraps are unwrapped, its own entries are none."""
    frame = pd.DataFrame(
        {
            "config": [{"lr": {"value": 0.1, "desc": None}, "_wandb": {"value": 1}}, {"lr": 0.01}],
            "summary": [{"loss": 1.0, "image": {"path": "a.png"}}, {"loss": math.inf}],
            "state": ["finished", "finished"],
        }
    )
    (task,), _ = read(frame, metric="loss")
    assert [trial.config for trial in task.trials] == [{"lr": 0.1}, {"lr": 0.01}]
    assert [trial.loss for trial in task.trials] == [1.0, None]


def test_columns_may_be_named() -> None:
    """Hyperparameters that are named are the only ones, and a column may name the task."""
    tasks, told = read(PAGE, hyperparameters=["max_depth"], task="max_features", log=["max_depth"])
    assert {task.name for task in tasks} == {"sqrt", "0.5", "1.0"}
    assert list(tasks[0].space) == ["max_depth"]
    assert not any("taken for metrics" in words for words in told)


def test_a_sweep_may_look_like_a_number(tmp_path: Path) -> None:
    """What a run is called is text, whatever it looks like."""
    path = tmp_path / "a.csv"
    path.write_text("Name,State,Runtime,Sweep,lr,loss\n1,finished,1,1e5,0.1,1\n2,finished,2,12345678,0.2,2\n")
    tasks, _ = read(path, metric="loss")
    assert [task.name for task in tasks] == ["1e5", "12345678"]
    assert [task.trials[0].seconds for task in tasks] == [1.0, 2.0]


def test_what_is_missing_is_said() -> None:
    """A wrong sweep, a wrong metric, several metrics and another table are clear errors."""
    with pytest.raises(HistoryError, match="no sweep 'ab': "):
        read(PAGE, study="ab")
    with pytest.raises(HistoryError, match="no column 'val_acc'"):
        read(PAGE, metric="val_acc")
    with pytest.raises(MetricError, match="say which counts"):
        read(PAGE, metric=None)
    with pytest.raises(HistoryError, match="no export of Weights & Biases'"):
        read(OUTPUTS / "grid_search.csv")
    (task,), _ = read(PAGE, study="ab12cd34")
    assert len(task.trials) == 5


@pytest.mark.parametrize(
    ("runtime", "seconds"),
    [("1h 2m 3s", 3723.0), ("45s", 45.0), ("2d", 172800.0), ("", None), ("soon", None)],
)
def test_runtimes_are_seconds(tmp_path: Path, runtime: str, seconds: float | None) -> None:
    """A runtime in words counts; one that is no time tells nothing."""
    path = tmp_path / "a.csv"
    path.write_text(f"Name,State,Runtime,lr,loss\na,finished,{runtime},0.1,1\n")
    (task,), _ = read(path, metric="loss")
    assert task.trials[0].seconds == seconds


@pytest.mark.parametrize(
    ("config", "state", "words"),
    [
        ("__import__('os').system('true')", "finished", "no mapping"),
        ("{" * 10_000, "finished", "no mapping"),
        ("{'a': " * 300 + "1" + "}" * 300, "finished", "no mapping"),
        ("{'lr': 1}", "asleep", "none of Weights & Biases'"),
        ("{'lr': " + "9" * 5000 + "}", "finished", "no mapping"),
    ],
)
def test_odd_cells_are_refused(config: str, state: str, words: str) -> None:
    """Nothing in a cell is run, and what is too deep or no state is one clear error."""
    frame = pd.DataFrame({"config": [config], "summary": ["{'loss': 1}"], "state": [state]})
    with pytest.raises(HistoryError, match=words):
        read(frame, metric="loss")


def test_mappings_are_json_or_python() -> None:
    """Both spellings of NaN, None and truth are read; words inside texts stay."""
    assert mapping_in('{"a": NaN, "b": true, "c": null}') == {"a": None, "b": True, "c": None}
    assert mapping_in("{'a': nan, 'b': np.float64(0.5), 'c': 'nan inf', 'd': inf}") == {
        "a": None,
        "b": 0.5,
        "c": "nan inf",
        "d": math.inf,
    }
    assert mapping_in("[1]") is mapping_in(3) is mapping_in("{1, 2}") is None

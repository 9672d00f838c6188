"""Hyperopt's trials, as it dumped them, become tasks."""

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest

from foretune.data.errors import HistoryError, MetricError
from foretune.data.records import FAILED
from foretune.history.readers.hyperopt import read_hyperopt

DUMP = Path(__file__).parent / "outputs" / "hyperopt.json"
TRIALS = json.loads(DUMP.read_text(encoding="utf-8"))
CHOICES = {"kernel": ["linear", "rbf", "sigmoid"], "class_weight": [None, "balanced"]}


def changed(**words: Any) -> list[dict[str, Any]]:
    """The dumped trials, the first of them with another result."""
    trials = copy.deepcopy(TRIALS)
    trials[0]["result"] = {"status": "ok", **words}
    return trials


def test_trials_are_read() -> None:
    """Losses, seconds, what was drawn, conditions, failures and their reasons are those of the search."""
    (task,) = read_hyperopt(DUMP, task="iris", family="svm", choices=CHOICES)
    assert (task.name, task.metric, len(task.trials)) == ("iris", "loss", 16)
    reasons = {trial.reason for trial in task.trials if trial.status is FAILED}
    assert reasons == {"<class 'ValueError'>: C is too large", "the kernel is not positive definite"}
    told = {json.dumps(one["misc"]["vals"]["C"][0]): one["result"].get("loss") for one in TRIALS}
    assert all(trial.loss == told[json.dumps(trial.config["C"])] for trial in task.trials)
    assert all(("gamma" in trial.config) == (trial.config["kernel"] == "rbf") for trial in task.trials)
    assert all(trial.seconds is not None and trial.seconds >= 0 for trial in task.trials)
    assert {trial.config["class_weight"] for trial in task.trials} == {None, "balanced"}
    assert [str(one.name) for one in task.space.parents_of["gamma"]] == ["kernel"]
    assert task.space["C"].log


def test_without_the_choices_places_stay() -> None:
    """What hp.choice drew is the option's place, a whole number also where numpy's was dumped as text."""
    (task,) = read_hyperopt(TRIALS, task="iris")
    assert {type(trial.config["kernel"]) for trial in task.trials} == {int}


def test_a_place_beyond_the_options_is_an_error() -> None:
    """Options that do not fit what was drawn are refused."""
    with pytest.raises(HistoryError, match="'kernel' was drawn as 2, but has 2 options"):
        read_hyperopt(TRIALS, task="iris", choices={"kernel": ["linear", "rbf"]})


def test_another_number_of_the_results_may_count() -> None:
    """A metric in the results is read in its own direction."""
    (task,) = read_hyperopt(TRIALS, task="iris", metric="accuracy")
    (loss,) = read_hyperopt(TRIALS, task="iris")
    assert task.metric == "accuracy"
    assert task.best.config == loss.best.config
    with pytest.raises(MetricError, match="did you mean 'accuracy'"):
        read_hyperopt(TRIALS, task="iris", metric="acuracy")


def test_losses_that_are_no_numbers_are_failures() -> None:
    """NaN, infinity and none at all make a failed trial."""
    for words in ({"loss": math.nan}, {"loss": math.inf}, {"loss": "NaN"}, {}):
        (task,) = read_hyperopt(changed(**words), task="iris")
        first = next(t for t in task.trials if t.config["C"] == TRIALS[0]["misc"]["vals"]["C"][0])
        assert first.status is FAILED


@pytest.mark.filterwarnings("error")
def test_trials_under_way_are_left_out() -> None:
    """New and running trials are counted in a warning."""
    trials = copy.deepcopy(TRIALS)
    trials[0]["state"], trials[1]["state"] = 0, 1
    with pytest.warns(UserWarning, match="runs left out: 2 not finished"):
        (task,) = read_hyperopt(trials, task="iris")
    assert len(task.trials) == 14


def test_exp_keys_are_tasks() -> None:
    """Trials of several exp_keys are several tasks, of which some may be named."""
    trials = copy.deepcopy(TRIALS)
    for place, one in enumerate(trials):
        one["exp_key"] = "ab"[place % 2]
    assert [task.name for task in read_hyperopt(trials, task="iris")] == ["iris: a", "iris: b"]
    (task,) = read_hyperopt(trials, task="iris", study="b")
    assert (task.name, len(task.trials)) == ("iris: b", 8)
    with pytest.raises(HistoryError, match="no exp_key 'c'"):
        read_hyperopt(trials, task="iris", study=["a", "c"])


@pytest.mark.parametrize(
    "content",
    [[], {}, [1], "text", [{"misc": {}, "result": {}}], None],
)
def test_other_json_is_refused(tmp_path: Path, content: Any) -> None:
    """What is no list of trials is one clear error that says how to write it."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    with pytest.raises(HistoryError, match=r"json\.dump\(trials\.trials"):
        read_hyperopt(path, task="a")


@pytest.mark.parametrize(
    "words",
    [
        {"misc": []},
        {"misc": {"vals": 3}},
        {"result": None},
        {"state": 17},
        {"state": "done"},
        {"state": math.nan},
        {"misc": {"vals": {"x": [10**400]}}},
        {"misc": {"vals": {"x": ["y" * 10**6]}}},
        {"book_time": {"$date": 10**400}},
        {"refresh_time": "9999-99-99"},
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_odd_trials_are_refused_or_read(words: dict[str, Any]) -> None:
    """Whatever a trial holds, a task or a `HistoryError` comes of it."""
    try:
        tasks = read_hyperopt([*TRIALS, {**TRIALS[0], **words}], task="a")
    except HistoryError:
        return
    assert len(tasks) == 1

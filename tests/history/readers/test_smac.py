"""SMAC3's run folders become tasks with the space that was searched."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ConfigSpace import Configuration, ConfigurationSpace

from foretune.data.errors import HistoryError, MetricError
from foretune.data.records import DONE, FAILED, Task
from foretune.history.readers.smac import read_smac

MADE = Path(__file__).parent / "outputs" / "smac"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A copy of the run without budgets."""
    return Path(shutil.copytree(MADE / "whole" / "3", tmp_path / "whole" / "3"))


def changed(file: Path, **entries: Any) -> None:
    """Writes the JSON file anew with these entries."""
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))


def by_name(**words: Any) -> dict[str, Task]:
    """The tasks of all runs that SMAC made."""
    return {task.name: task for task in read_smac(MADE, **words)}


def test_real_runs_become_tasks() -> None:
    """A scenario is a task, an instance one of its own, with its features, in the scenario's group."""
    tasks = by_name()
    assert {name: len(task.trials) for name, task in tasks.items()} == {
        "budgets": 30, "instances/easy": 16, "instances/hard": 14, "whole": 25,
    }  # fmt: skip
    assert tasks["instances/hard"].metafeatures == {"feature0": 900.0, "feature1": 7.0}
    assert tasks["instances/hard"].group == tasks["instances/easy"].group == "instances"
    reasons = [trial.reason for trial in tasks["whole"].trials if trial.status is FAILED]
    assert reasons == ["ValueError: the kernel matrix is not positive definite"]


def test_budgets_are_fidelities() -> None:
    """The highest budget is full, lower ones are fidelities, and seeds are kept."""
    task = by_name()["budgets"]
    assert Counter(trial.fidelity for trial in task.trials if trial.status is DONE) == {
        1.0: 15,
        3.0: 8,
        None: 5,
    }
    assert {trial.seed for trial in task.trials} == {218175338}


def test_the_space_is_the_one_searched() -> None:
    """Scales, conditions and forbidden combinations are those of configspace.json; each config is legal."""
    task = by_name()["whole"]
    told = json.loads((MADE / "whole" / "3" / "configspace.json").read_text())
    assert task.space == ConfigurationSpace.from_serialized_dict(told)
    assert len(task.space.forbidden_clauses) == 1
    for trial in task.trials:
        Configuration(task.space, values=trial.config).check_valid_configuration()


def test_a_cost_is_what_the_user_says() -> None:
    """A single cost is a loss, or an error by that name; it cannot be a metric to maximise."""
    assert {task.metric for task in read_smac(MADE)} == {"loss"}
    assert {task.metric for task in read_smac(MADE, metric="error")} == {"error"}
    with pytest.raises(MetricError, match="maximize"):
        read_smac(MADE, metric="accuracy")


def test_of_several_objectives_one_is_read(run: Path) -> None:
    """Costs of several objectives are told apart by their names."""
    history = json.loads((run / "runhistory.json").read_text())
    data = [trial | {"cost": [trial["cost"], 7.0]} for trial in history["data"]]
    changed(run / "runhistory.json", data=data)
    changed(run / "scenario.json", objectives=["error", "size"])
    (task,) = read_smac(run, metric="size")
    assert {trial.loss for trial in task.trials if trial.status is DONE} == {7.0}
    with pytest.raises(MetricError, match="'error', 'size'"):
        read_smac(run)


def test_seeds_of_a_scenario_are_one_task(run: Path) -> None:
    """Runs that differ in SMAC's seed alone give one task with the trials of both."""
    shutil.copytree(run, run.parent / "4")
    history = json.loads((run.parent / "4" / "runhistory.json").read_text())
    data = [trial | {"seed": trial["seed"] + 1} for trial in history["data"]]
    changed(run.parent / "4" / "runhistory.json", data=data)
    (task,) = read_smac(run.parents[1])
    assert (task.name, len(task.trials)) == ("whole", 50)


def test_trials_listed_as_by_older_versions_are_read(run: Path) -> None:
    """A trial that is a list of ten or eleven values is the same as a mapping."""
    (expected,) = read_smac(run)
    history = json.loads((run / "runhistory.json").read_text())
    whole = [list(trial.values()) for trial in history["data"]]
    for rows in (whole, [row[:6] + row[7:] for row in whole]):
        changed(run / "runhistory.json", data=rows)
        (task,) = read_smac(run)
        assert task.trials == expected.trials


def test_a_running_trial_is_left_out(run: Path) -> None:
    """A trial of status RUNNING is counted in a warning."""
    history = json.loads((run / "runhistory.json").read_text())
    changed(run / "runhistory.json", data=[history["data"][0] | {"status": 0}, *history["data"][1:]])
    with pytest.warns(UserWarning, match="runs left out: 1 not finished"):
        (task,) = read_smac(run)
    assert len(task.trials) == 24


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("runhistory.json", "{}"),
        ("runhistory.json", '{"configs": {}, "data": [{"config_id": 1}]}'),
        ("runhistory.json", '{"configs": {}, "data": [[1]]}'),
        ("scenario.json", "[]"),
        ("configspace.json", '{"hyperparameters": 3}'),
        ("configspace.json", "{"),
    ],
)
def test_a_damaged_file_is_one_clear_error(run: Path, name: str, content: str) -> None:
    """A file that holds something other than SMAC's is a HistoryError that names it."""
    (run / name).write_text(content)
    with pytest.raises(HistoryError, match=name.replace(".", r"\.")):
        read_smac(run)


def test_no_run_is_one_clear_error(tmp_path: Path, run: Path) -> None:
    """A folder without a run, and an unknown scenario, say what there is."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(HistoryError, match=r"no runhistory\.json"):
        read_smac(tmp_path / "empty")
    with pytest.raises(HistoryError, match="there are whole"):
        read_smac(run, study="half")


def test_two_runs_of_one_name_are_two_tasks(run: Path) -> None:
    """A scenario that was run again elsewhere began at another time; its equal configs are not dropped."""
    (first,) = read_smac(run)
    file = run / "runhistory.json"
    trials = json.loads(file.read_text())["data"]
    changed(file, data=[one | {"starttime": one["starttime"] + 1000} for one in trials])
    (again,) = read_smac(run)
    assert first.name == again.name
    assert first.key != again.key
    assert read_smac(run)[0].key == again.key


def test_seeds_are_one_task_however_they_come(run: Path) -> None:
    """Runs of a scenario that lie side by side are known by the first of them, read alone or together."""
    later = run.parent / "4"
    shutil.copytree(run, later)
    file = later / "runhistory.json"
    trials = json.loads(file.read_text())["data"]
    changed(file, data=[one | {"starttime": one["starttime"] + 1000, "seed": 4} for one in trials])
    keys = {read_smac(folder)[0].key for folder in (run, later, run.parent)}
    assert len(keys) == 1
    (later / "runhistory.json").write_text("{")
    assert read_smac(run)[0].key in keys, "a damaged one beside it is no harm"

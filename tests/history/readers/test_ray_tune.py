"""Ray Tune's experiment folders become tasks."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from foretune.data.errors import HistoryError, MetricError
from foretune.data.records import DONE, FAILED
from foretune.history.readers.ray_tune import read_ray_tune

MADE = Path(__file__).parent / "outputs" / "ray_tune"
PICKLED = b"\x80\x05cos\nsystem\n(S'touch opened'\ntR."


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """A copy of the experiment that Ray Tune made."""
    return Path(shutil.copytree(MADE, tmp_path / "ray_results" / "mine"))


def trial_folder(experiment: Path, text: str) -> Path:
    """The folder of the first trial in whose name there is this text."""
    return next(folder for folder in sorted(experiment.glob("train_*")) if text in folder.name)


def test_a_real_experiment_becomes_a_task() -> None:
    """Its nine trials are there: full ones, those that ASHA stopped at an iteration, and the failed one."""
    (task,) = read_ray_tune(MADE, metric="accuracy")
    assert (task.name, task.metric, len(task.trials)) == ("ray_tune", "accuracy", 9)
    counted = Counter((trial.status, trial.fidelity) for trial in task.trials)
    assert counted == {(DONE, 3.0): 5, (DONE, None): 3, (FAILED, None): 1}
    assert task.best is not None
    assert task.best.config == {"layers": 1, "lr": 0.01, "optimizer.name": "adam"}
    assert len(task.best.curve) == 9
    assert task.best.curve[-1] == task.best.loss
    assert task.best.seconds is not None
    assert task.best.seconds > 0
    assert [trial.reason for trial in task.trials if trial.status is FAILED] == [
        "RuntimeError: the optimizer is broken"
    ]


def test_the_metric_must_be_clear() -> None:
    """Of several metrics none is guessed; one that is no number makes failed trials."""
    with pytest.raises(MetricError, match=r"'accuracy', 'loss'.*--metric"):
        read_ray_tune(MADE)
    (task,) = read_ray_tune(MADE, metric="loss")
    assert sum(trial.reason == "its score is nan" for trial in task.trials) == 2


def test_a_folder_of_experiments_is_read(experiment: Path) -> None:
    """Each experiment is a task, or those named; an unknown name is told the nearest."""
    shutil.copytree(experiment, experiment.parent / "other")
    tasks = read_ray_tune(experiment.parent, metric="accuracy")
    assert [task.name for task in tasks] == ["mine", "other"]
    assert [task.name for task in read_ray_tune(experiment.parent, study="other", metric="accuracy")] == [
        "other"
    ]
    with pytest.raises(HistoryError, match="did you mean 'mine'"):
        read_ray_tune(experiment.parent, study="mines", metric="accuracy")


def test_pickles_are_never_opened(experiment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle that would run a command lies in each folder, and the experiment reads as before."""
    before = read_ray_tune(experiment, metric="accuracy")
    for folder in (experiment, *experiment.glob("train_*")):
        for name in ("params.pkl", "error.pkl", "tuner.pkl"):
            (folder / name).write_bytes(PICKLED)
    monkeypatch.chdir(experiment)
    assert read_ray_tune(experiment, metric="accuracy") == before
    assert not (experiment / "opened").exists()


def test_a_running_trial_is_left_out(experiment: Path) -> None:
    """A trial that the experiment's state calls RUNNING is counted in a warning."""
    state = max(experiment.glob("experiment_state-*.json"), key=lambda file: file.stat().st_size)
    state.write_text(
        state.read_text().replace('\\"status\\": \\"TERMINATED\\"', '\\"status\\": \\"RUNNING\\"', 1)
    )
    with pytest.warns(UserWarning, match="runs left out: 1 not finished"):
        (task,) = read_ray_tune(experiment, metric="accuracy")
    assert len(task.trials) == 8


def test_a_line_cut_short_is_passed_over(experiment: Path) -> None:
    """Of a trial that was killed while it wrote, what it had reported counts."""
    file = trial_folder(experiment, "lr=0.0100") / "result.json"
    file.write_bytes(file.read_bytes()[:-40])
    (task,) = read_ray_tune(experiment, metric="accuracy")
    assert [trial.fidelity for trial in task.trials if len(trial.curve) == 8] == [8.0]


def test_a_restored_trial_counts_once(experiment: Path) -> None:
    """An iteration that was reported again after a restore has its last score."""
    file = trial_folder(experiment, "lr=0.0100") / "result.json"
    again = json.loads(file.read_text().splitlines()[-1]) | {"accuracy": 0.5}
    file.write_text(f"{file.read_text()}{json.dumps(again)}\n")
    (task,) = read_ray_tune(experiment, metric="accuracy")
    assert [len(trial.curve) for trial in task.trials if trial.loss == -0.5] == [9]


@pytest.mark.parametrize(
    ("name", "content"),
    [("params.json", "[1, 2]"), ("params.json", "{"), ("result.json", "[1]\n"), ("result.json", "{no\n")],
)
def test_a_damaged_file_is_one_clear_error(experiment: Path, name: str, content: str) -> None:
    """A file that holds something other than Ray's is a HistoryError that names it."""
    (trial_folder(experiment, "lr=0.0100") / name).write_text(content)
    with pytest.raises(HistoryError, match=name.replace(".", r"\.")):
        read_ray_tune(experiment, metric="accuracy")


def test_no_experiment_is_one_clear_error(tmp_path: Path) -> None:
    """An empty folder, and no folder at all, say what was wanted."""
    with pytest.raises(HistoryError, match="no experiment of Ray Tune's"):
        read_ray_tune(tmp_path)
    with pytest.raises(HistoryError, match="there is no folder"):
        read_ray_tune(tmp_path / "nowhere")

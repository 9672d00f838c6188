"""Syne Tune's result folders become tasks."""

import json
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from foretune.data.errors import HistoryError
from foretune.data.records import FAILED
from foretune.history.readers.archives import text_in
from foretune.history.readers.domains import space_told
from foretune.history.readers.syne_tune import read_syne_tune

MADE = Path(__file__).parent / "outputs" / "syne_tune"


@pytest.fixture
def tuner(tmp_path: Path) -> Path:
    """A copy of the results that Syne Tune made."""
    return Path(shutil.copytree(MADE, tmp_path / "mine"))


def write_rows(tuner: Path, *lines: str) -> None:
    """Writes these lines as the tuner's results, with the columns of the real ones."""
    head = text_in(tuner / "results.csv.zip", "results.csv").splitlines()[0]
    with zipfile.ZipFile(tuner / "results.csv.zip", "w") as archive:
        archive.writestr("results.csv", "\n".join([head, *lines]))


def test_real_results_become_a_task() -> None:
    """Trials have their curves; those that ASHA stopped have the epoch as their fidelity."""
    (task,) = read_syne_tune(MADE)
    assert (task.name, task.metric, len(task.trials)) == ("syne_tune", "accuracy", 9)
    assert Counter(trial.fidelity for trial in task.trials) == {1.0: 5, None: 3, 3.0: 1}
    assert task.best is not None
    assert (task.best.config["activation"], task.best.config["units"], len(task.best.curve)) == (
        "tanh",
        49,
        9,
    )
    assert task.best.curve[-1] == task.best.loss == -0.9291239043940687
    assert task.best.seconds is not None


def test_the_space_is_the_tuners() -> None:
    """Ranges, scales and choices come from metadata.json; constants are no hyperparameters."""
    (task,) = read_syne_tune(MADE)
    space = task.space
    assert space is not None
    assert sorted(space) == ["activation", "lr", "units"]
    assert (space["lr"].lower, space["lr"].upper, space["lr"].log) == (0.0001, 1.0, True)
    assert (space["units"].upper, space["units"].log) == (256, True)
    assert space["activation"].choices == ("relu", "tanh", "step")


def test_without_metadata_the_space_is_inferred(tuner: Path) -> None:
    """All config_ columns are hyperparameters then, and the metric must point."""
    (tuner / "metadata.json").unlink()
    (task,) = read_syne_tune(tuner, metric="accuracy")
    assert task.space is not None
    assert sorted(task.space) == ["activation", "epochs", "lr", "train", "units"]


def test_choices_keep_their_types() -> None:
    """Choices that are numbers, truth values or texts of these are what the space holds."""
    space = space_told({"a": {"domain_cls": "Categorical", "domain_kwargs": {"categories": [1, 2]}}, "b": 3})
    assert space is not None
    assert space["a"].choices == (1, 2)
    assert space_told({"a": {"domain_cls": "Quantum", "domain_kwargs": {}}}) is None


def test_a_trial_that_failed_later_is_a_failed_one(tuner: Path) -> None:
    """The status Failed counts, a score that is no number too."""
    write_rows(
        tuner,
        "1,0.5,1.0,0.1,0,CONTINUE,Failed,0,0.1,9,relu,9,True,1.0",
        "1,nan,1.0,0.1,0,CONTINUE,InProgress,1,0.2,9,relu,9,True,1.0",
        "1,0.7,1.0,0.1,0,CONTINUE,Completed,2,0.3,9,relu,9,True,1.0",
    )
    (task,) = read_syne_tune(tuner)
    assert [trial.reason for trial in task.trials if trial.status is FAILED] == ["failed", "its score is nan"]


def test_a_folder_of_tuners_is_read(tuner: Path) -> None:
    """Each tuner's folder is a task, or those named."""
    shutil.copytree(tuner, tuner.parent / "other")
    assert [task.name for task in read_syne_tune(tuner.parent)] == ["mine", "other"]
    assert [task.name for task in read_syne_tune(tuner.parent, study=["other"])] == ["other"]


def test_tuner_dill_is_never_opened(tuner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle that would run a command lies beside the results."""
    before = read_syne_tune(tuner)
    (tuner / "tuner.dill").write_bytes(b"\x80\x05cos\nsystem\n(S'touch opened'\ntR.")
    monkeypatch.chdir(tuner)
    assert read_syne_tune(tuner) == before
    assert not (tuner / "opened").exists()


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    """A packed file is read up to the bound and no further."""
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("results.csv", b"0" * 2**20)
    with pytest.raises(HistoryError, match=r"larger than 1,000 bytes"):
        text_in(tmp_path / "bomb.zip", "results.csv", most_bytes=1000)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.json", "[]"),
        ("metadata.json", json.dumps({"config_space": {"lr": {"domain_cls": "Float", "domain_kwargs": {}}}})),
        ("results.csv.zip", "no archive"),
    ],
)
def test_a_damaged_file_is_one_clear_error(tuner: Path, name: str, content: str) -> None:
    """A file that holds something other than Syne Tune's is a HistoryError that names it."""
    (tuner / name).write_text(content)
    with pytest.raises(HistoryError, match=name.replace(".", r"\.")):
        read_syne_tune(tuner)


def test_nothing_to_read_is_one_clear_error(tuner: Path, tmp_path: Path) -> None:
    """Results without a row, an archive without them, and a folder without either."""
    write_rows(tuner)
    with pytest.raises(HistoryError, match="no run that ended"):
        read_syne_tune(tuner)
    with zipfile.ZipFile(tuner / "results.csv.zip", "w") as archive:
        archive.writestr("../results.csv", "x")
    with pytest.raises(HistoryError, match=r"holds no results\.csv"):
        read_syne_tune(tuner)
    (tmp_path / "empty").mkdir()
    with pytest.raises(HistoryError, match=r"no results\.csv\.zip"):
        read_syne_tune(tmp_path / "empty")


def test_two_tuners_of_one_name_are_two_tasks(tuner: Path) -> None:
    """Tuners in folders of one name are told apart by when they were made."""
    (first,) = read_syne_tune(tuner, task="mine")
    file = tuner / "metadata.json"
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"st_tuner_creation_timestamp": 1.0}))
    (again,) = read_syne_tune(tuner, task="mine")
    assert first.key != again.key
    assert read_syne_tune(tuner, task="mine")[0].key == again.key

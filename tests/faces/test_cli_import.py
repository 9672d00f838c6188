"""`foretune import`: what comes in is shown, and comes in once."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest
from command import Foretune, command

from foretune.history.history import open_history

OUTPUTS = Path(__file__).parents[1] / "history" / "readers" / "outputs"


@pytest.fixture
def run_import(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Foretune:
    """Runs `foretune import` with these words, into one history."""
    foretune = command(monkeypatch, capsys)
    return lambda *words: foretune("import", *words, "--history", tmp_path / "mine.db")


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """A table of three rows, one of which failed."""
    rows = {"data": ["a", "a", "b"], "acc": [0.5, None, 0.7], "C": [0.01, 1.0, 100.0], "n_jobs": [1, 1, 1]}
    pd.DataFrame(rows).to_csv(tmp_path / "runs.csv", index=False)
    return tmp_path / "runs.csv"


TABLE = ["--task-column", "data", "--score-column", "acc", "--metric", "accuracy", "--family", "svm"]


def test_a_dry_run_shows_and_writes_nothing(run_import: Foretune, csv: Path, tmp_path: Path) -> None:
    """Tasks, spaces, what is left out and what failed are shown; there is no history afterwards."""
    run = run_import(csv, *TABLE, "--dry-run")
    assert run.code == 0, run.err
    for words in (
        "read by table: 2 tasks, 3 trials",
        "maximize",
        "C: float 0.01 to 100, log scale",
        "note: no hyperparameters, so left out: 'n_jobs'.",
        "failed: 1 trials, its score is nan",
        "nothing was written",
    ):
        assert words in run.out
    assert not (tmp_path / "mine.db").exists()


def test_importing_twice_adds_nothing(run_import: Foretune, csv: Path, tmp_path: Path) -> None:
    """The first import adds all trials, the second none."""
    assert json.loads(run_import(csv, *TABLE, "--json").out)["added"] == 3
    assert "0 trials added" in run_import(csv, *TABLE).out
    with open_history(tmp_path / "mine.db") as history:
        assert [len(task.trials) for task in history.tasks("svm")] == [2, 1]


def test_a_table_that_got_a_column_is_not_another_family(run_import: Foretune, csv: Path) -> None:
    """Where a family is called by its hyperparameters, the import asks which; named, the trials are added."""
    unnamed = TABLE[:-2]
    family = json.loads(run_import(csv, *unnamed, "--json").out)["families"][0]["family"]
    rows = pd.read_csv(csv)
    grown = pd.concat([rows.assign(gamma=None), rows.assign(gamma=0.1)])
    grown.to_csv(csv, index=False)
    assert "it will be refused" in run_import(csv, *unnamed, "--dry-run").out
    refused = run_import(csv, *unnamed)
    assert refused.code == 2
    assert f"--family {family} to add" in " ".join(refused.err.split())
    assert json.loads(run_import(csv, *unnamed, "--family", family, "--json").out)["added"] == 3
    others = rows.rename(columns={"C": "max_depth"}).assign(max_depth=[1, 2, 3])
    others.to_csv(csv, index=False)
    assert run_import(csv, *unnamed).code == 0, "another family on the same data is no grown one"


@pytest.mark.parametrize("name", ["grid_search.csv", "grid_search.json"])
def test_cv_results_are_seen_from_their_columns(run_import: Foretune, name: str) -> None:
    """A search's results need no reader named; the file's name is the task's."""
    answer = json.loads(run_import(OUTPUTS / name, "--metric", "accuracy", "--json").out)
    assert (answer["reader"], answer["added"]) == ("cv_results", 5)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_storage_of_optunas_is_seen(run_import: Foretune, tmp_path: Path) -> None:
    """A database of Optuna's needs no reader named; its studies are tasks."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'optuna.db'}", study_name="one")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=4)
    answer = json.loads(run_import(f"sqlite:///{tmp_path / 'optuna.db'}", "--json").out)
    assert (answer["reader"], answer["tasks"], answer["added"]) == ("optuna", 1, 4)


RUNS = {
    "mlflow": (["mlruns", "--metric", "val/accuracy", "--family", "sgd"], 8, "1 not finished"),
    "hyperopt": (["hyperopt.json", "--choices", '{"class_weight": [null, "balanced"]}'], 16, "'balanced'"),
    "wandb": (["wandb_page.csv", "--metric", "val_accuracy"], 6, "1 not finished"),
}


@pytest.mark.parametrize("name", RUNS)
def test_outputs_of_other_tools_are_seen(run_import: Foretune, tmp_path: Path, name: str) -> None:
    """Each is known by its looks, shown before it is written, and comes in once."""
    (source, *words), trials, shown = RUNS[name]
    dry = run_import(OUTPUTS / source, *words, "--dry-run")
    assert dry.code == 0, dry.err
    assert f"read by {name}" in dry.out
    assert shown in dry.out
    assert not (tmp_path / "mine.db").exists()
    answer = json.loads(run_import(OUTPUTS / source, *words, "--json").out)
    assert (answer["reader"], answer["added"]) == (name, trials)
    assert json.loads(run_import(OUTPUTS / source, *words, "--json").out)["added"] == 0


def test_a_database_of_mlflows_is_seen(run_import: Foretune, tmp_path: Path) -> None:
    """Its tables tell it from a storage of Optuna's and from a history."""
    path = tmp_path / "mlflow.db"
    path.write_bytes(gzip.decompress((OUTPUTS / "mlflow.db.gz").read_bytes()))
    answer = json.loads(run_import(f"sqlite:///{path}", "--metric", "val/log_loss", "--json").out)
    assert (answer["reader"], answer["families"][0]["metric"]) == ("mlflow", "log_loss")


def test_scores_that_cannot_be_are_noticed_before_they_are_written(
    run_import: Foretune, tmp_path: Path
) -> None:
    """An accuracy of 93 is shown in a dry run, of a table as of other sources."""
    (tmp_path / "runs.csv").write_text("data,acc,C\na,93,1\na,91,10\nb,0.9,1\nb,0.8,10\n")
    words = ["--task-column", "data", "--score-column", "acc", "--metric", "accuracy", "--dry-run"]
    told = "1 of 2 tasks have scores that accuracy never has: are they in percent?"
    assert told in " ".join(run_import(tmp_path / "runs.csv", *words).out.split())
    assert "never has" not in run_import(OUTPUTS / "grid_search.csv", "--metric", "accuracy", "--dry-run").out


def test_options_without_use_are_named(run_import: Foretune) -> None:
    """An option that the reader has no use for is a note; one that is no list of choices an error."""
    run = run_import(OUTPUTS / "grid_search.csv", "--study", "a", "--direction", "maximize", "--dry-run")
    assert "note: the reader cv_results has no use for --study, --direction." in run.out
    for text in ('{"opt": "sgd"}', "[1]", "{opt"):
        assert "--choices" in run_import(OUTPUTS / "hyperopt.json", "--choices", text).err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "does not exist"),
        ("x" * 10**6, None, "cannot be read"),
        ("notes.txt", b"a,b", "of no kind that foretune imports"),
        ("search.pkl", b"\x80\x04.", "is pickled"),
        ("odd.db", b"SQLite format 3\0" + b"x" * 100, "cannot be read as a database"),
        ("runs.csv", b"data,acc,C\na,high,1\n", "which is no number"),
        ("odd.log", b'{"op_code": 0, "worker\n{"op_code": 4}\n', "what Optuna cannot read"),
        ("runs.csv", b"", "cannot be read as CSV"),
    ],
)
def test_odd_sources_leave_the_history_alone(
    run_import: Foretune, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    """What cannot be read is one line on stderr; no history is made of it."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    run = run_import(tmp_path / name, *TABLE)
    assert (run.code, run.out) == (2, "")
    assert len(run.err.splitlines()) == 1
    assert words in run.err
    assert not (tmp_path / "mine.db").exists()


def test_what_is_missing_is_asked_for(run_import: Foretune, csv: Path, tmp_path: Path) -> None:
    """A table without its columns named, an unknown reader, and a history as the source are answered."""
    assert "a table needs --task-column" in run_import(csv).err
    assert "no reader 'excel': use optuna" in run_import(csv, "--reader", "excel").err
    run_import(csv, *TABLE)
    assert "is a history already" in run_import(tmp_path / "mine.db").err


def test_a_column_of_notes_is_told_of(run_import: Foretune, tmp_path: Path) -> None:
    """What is another text in every row is searched by nobody: the way out is named."""
    rows = {"data": ["a"] * 30, "acc": [0.5] * 30, "C": [*range(30)], "note": [f"run {k}" for k in range(30)]}
    pd.DataFrame(rows).to_csv(tmp_path / "runs.csv", index=False)
    run = run_import(tmp_path / "runs.csv", *TABLE, "--dry-run")
    assert "note has 30 values in 30 trials" in run.out
    assert "--hyperparameter" in run.out
    assert "C has" not in run.out

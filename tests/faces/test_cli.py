"""The command line: one clear line for what is wrong, one JSON object for machines."""

import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from command import Foretune, Run, command
from typer.main import get_command
from typer.testing import CliRunner

from foretune.collect import sweep
from foretune.collect.evaluation import Measurement
from foretune.data.records import Recommendation, Task, Trial
from foretune.experience import PACK
from foretune.experiments import versus_grid
from foretune.faces import cli
from foretune.faces.tuning import Bench
from foretune.history.history import open_history
from foretune.testing import RELATED_CELLS, related_tasks


@pytest.fixture
def foretune(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Foretune:
    """Runs the command with these words, as a shell would."""
    return command(monkeypatch, capsys)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A small CSV file with two classes and a number that could be predicted too."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 60))
    frame = pd.DataFrame({"a": a, "b": b, "number": a + b, "label": np.where(a + b > 0, "yes", "no")})
    frame.to_csv(tmp_path / "small.csv", index=False)
    return tmp_path / "small.csv"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A history of twelve related tasks of the svm family."""
    with open_history(tmp_path / "past.db") as opened:
        opened.add(*related_tasks(12))
    return tmp_path / "past.db"


def assert_one_line(run: Run, *words: str) -> None:
    """The command ended with code 2, and said what is wrong in one line on stderr."""
    assert run.code == 2
    assert run.out == ""
    assert run.err.startswith("error: ")
    assert len(run.err.splitlines()) == 1
    for word in words:
        assert word in run.err


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("tune", "iris", "--family", "decision_tree", "--trials", 1), "file"),
        (("replay", "--family", "knn"), "file"),
        (("experiment", "iris", "--family", "decision_tree"), "file/below"),
        (("explain", "iris", "--family", "svm"), "."),
    ],
)
def test_a_place_that_cannot_be_written_to_is_told_first(
    foretune: Foretune, tmp_path: Path, words: tuple[object, ...], place: str
) -> None:
    """Where a report cannot be put is said in one sentence, before any work."""
    (tmp_path / "file").write_text("")
    run = foretune(*words, "--output", tmp_path / place)
    assert (run.code, run.out) == (2, "")
    assert "name a" in " ".join(run.err.split())


def test_a_missing_file_is_named(foretune: Foretune) -> None:
    """A file that is not there is named, with what would do."""
    assert_one_line(foretune("recommend", "no.csv", "--target", "y"), "'no.csv'", ".csv", "iris")


def test_a_missing_column_suggests_the_nearest(foretune: Foretune, table: Path) -> None:
    """A column that is not there is answered by the nearest one."""
    assert_one_line(foretune("recommend", table, "--target", "lable"), "'lable'", "did you mean 'label'?")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["is empty"]),
        ("a,label\n", ["is empty"]),
        ("a,label\n1,x\n2,x\n", ["one class only", "'x'"]),
        ("a,label\n1,x\n2,\n", ["one class only"]),
        ("label\nx\ny\n", ["is empty"]),
    ],
)
def test_tables_that_teach_nothing_are_refused(
    foretune: Foretune, tmp_path: Path, content: str, words: list[str]
) -> None:
    """An empty file, one class, one class among the rows with a target: each is said in a line."""
    (tmp_path / "odd.csv").write_text(content)
    assert_one_line(foretune("recommend", tmp_path / "odd.csv", "--target", "label"), *words)


def test_what_is_left_out_of_a_file_is_told(foretune: Foretune, table: Path) -> None:
    """A column without values and rows without a target are no obstacle, and a note names them."""
    frame = pd.read_csv(table).assign(hollow=None)
    frame.loc[3, "label"] = None
    frame.to_csv(table, index=False)
    run = foretune("recommend", table, "--target", "label", "--family", "knn")
    assert run.code == 0
    assert "1 rows without 'label' are left out" in run.err
    assert "hollow left out" in run.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "label", "--metric", "r2"], ["'r2'", "classification", "accuracy"]),
        (["--target", "label", "--metric", "acuracy"], ["'acuracy'", "did you mean 'accuracy'?"]),
        (["--target", "number", "--metric", "accuracy"], ["'accuracy'", "regression", "rmse"]),
        (["--target", "label", "--family", "svn"], ["'svn'", "did you mean 'svm'?"]),
        (["--target", "label", "--learner", "oracle"], ["'oracle'", "portfolio", "network"]),
        (["--target", "label", "--history", "no.db"], ["no.db", "no history"]),
        (["--target", "label", "--history", "mysql://x"], ["mysql://x", "sqlite:///"]),
        (["--target", "label", "--no-experience"], ["collect or import"]),
    ],
)
def test_wrong_options_are_answered(
    foretune: Foretune, table: Path, words: list[str], said: list[str]
) -> None:
    """A name that is not known, or does not fit, is answered by one that does."""
    assert_one_line(foretune("recommend", table, *words), *said)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{C: 1}", ["cannot be read as JSON"]),
        ("5", ["is no grid", '{"C": [1, 10, 100]}']),
        ("[1, 2]", ["is no grid"]),
        ("[]", ["is no grid"]),
        ("{}", ["is no grid"]),
        ('{"C": 5}', ["'C'", "[1, 10, 100]"]),
        ('{"gama": [1]}', ["'gama'", "did you mean 'gamma'?"]),
        ('{"C": [NaN]}', ["nan", "finite"]),
    ],
)
def test_a_wrong_grid_file_is_answered(
    foretune: Foretune, table: Path, tmp_path: Path, content: str, words: list[str]
) -> None:
    """What as JSON, no grid, or holds an unknown hyperparameter is refused with what to write."""
    grid = tmp_path / "grid.json"
    grid.write_text(content)
    run = foretune("recommend", table, "--target", "label", "--family", "svm", "--grid-file", grid)
    assert_one_line(run, *words)


def test_a_grid_needs_its_family(foretune: Foretune, table: Path) -> None:
    """A grid file without a family, and one that is not there, are refused."""
    assert_one_line(foretune("recommend", table, "--target", "label", "--grid-file", "g.json"), "--family")
    run = foretune("recommend", table, "--target", "label", "--family", "svm", "--grid-file", "g.json")
    assert_one_line(run, "g.json", "cannot be read")


def test_a_corrupted_pack_is_refused(foretune: Foretune, table: Path, tmp_path: Path) -> None:
    """A pack whose file was changed is not read as if nothing had happened."""
    shutil.copytree(PACK, tmp_path / "pack")
    (tmp_path / "pack" / "tasks.parquet").write_bytes(b"noise")
    run = foretune("recommend", table, "--target", "label", "--history", tmp_path / "pack")
    assert_one_line(run, "tasks.parquet")


def test_a_newer_history_is_left_alone(foretune: Foretune, table: Path, history: Path) -> None:
    """A history that a newer foretune wrote is refused, and the error says so."""
    with sqlite3.connect(history) as connection:
        connection.execute("UPDATE foretune_version SET version_num = '9999'")
    connection.close()
    run = foretune("recommend", table, "--target", "label", "--history", history)
    assert_one_line(run, "newer")


def test_a_place_that_cannot_be_written_is_refused_first(
    foretune: Foretune, table: Path, tmp_path: Path
) -> None:
    """A file that is not SQLite, a pack and a missing folder are refused before anything is trained."""
    (tmp_path / "text.db").write_text("this is no database, but a text that is long enough to be one " * 20)
    for place, word in ((tmp_path / "text.db", "SQLite"), (PACK, "read-only"), ("no/where.db", "no folder")):
        run = foretune("collect", table, "--target", "label", "--history", place, "--family", "svm")
        assert_one_line(run, word)


def test_an_unknown_backend_is_refused(foretune: Foretune, table: Path, tmp_path: Path) -> None:
    """A backend that is not served is answered by those that are."""
    words = ["--target", "label", "--history", tmp_path / "h.db", "--backend", "spark"]
    assert_one_line(foretune("collect", table, *words), "'spark'", "loky, dask or ray")


def test_brackets_in_an_error_are_shown(
    foretune: Foretune, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in brackets, such as the name of an extra, is not taken for the colour of a word."""
    pd.read_csv(table).rename(columns={"label": "[red]label"}).to_csv(table, index=False)
    run = foretune("recommend", table, "--target", "[/nothing]", "--family", "svm")
    assert_one_line(run, "'[/nothing]'", "[red]label")


def test_no_configs_is_not_a_number_of_configs(foretune: Foretune, table: Path) -> None:
    """`-n 0` is a usage error: code 2, the option's name, no traceback."""
    run = foretune("recommend", table, "--target", "label", "-n", 0)
    assert (run.code, run.out) == (2, "")
    assert "'-n'" in run.err
    assert "Traceback" not in run.err


def test_experiments_on_nothing_or_of_another_kind_are_refused(
    foretune: Foretune, table: Path, tmp_path: Path
) -> None:
    """A folder without any table to learn from, an unknown metric, and two kinds of target: no training."""
    run = foretune("experiment", tmp_path, "--target", "absent")
    assert run.code == 2
    assert "can be learned from" in run.err
    assert_one_line(foretune("experiment", "iris", "--metric", "acuracy"), "did you mean 'accuracy'?")
    assert_one_line(foretune("experiment", "iris", "diabetes"), "'accuracy'", "regression")


def test_replay_names_what_it_does_not_know(foretune: Foretune, history: Path) -> None:
    """An unknown family, learner or metric is refused."""
    own = ["--no-experience", "--history", history]
    assert_one_line(foretune("replay", *own, "--family", "svmm"), "did you mean 'svm'?")
    assert_one_line(foretune("replay", *own, "--learner", "oracle"), "'oracle'", "forest")
    assert_one_line(foretune("replay", *own, "--metric", "nope"))


def asked(run: Run) -> dict[str, object]:
    """The one JSON object on stdout, which holds no NaN."""
    assert run.code == 0, run.err
    assert run.err == ""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    (line,) = run.out.splitlines()
    answer = json.loads(line, parse_constant=refuse)
    assert isinstance(answer, dict)
    return answer


KEYS = {
    "family",
    "config",
    "metric",
    "predicted",
    "std",
    "history_weight",
    "note",
    "odds",
    "fitted",
    "probed",
    "because",
}


def test_json_is_one_object_with_the_documented_keys(foretune: Foretune, table: Path, history: Path) -> None:
    """`--json` prints dataset, recommendations and seconds, and nothing else, on one line."""
    words = ["--target", "label", "--family", "svm", "-n", 3, "--no-experience", "--history", history]
    answer = asked(foretune("recommend", table, *words, "--json"))
    assert set(answer) == {"dataset", "recommendations", "seconds"}
    assert answer["dataset"] == "small"
    recommendations = answer["recommendations"]
    assert isinstance(recommendations, list)
    assert len(recommendations) == 3
    for one in recommendations:
        assert set(one) == KEYS
        assert (one["family"], one["metric"]) == ("svm", "accuracy")
        assert one["config"]
        for evidence in one["because"]:
            assert set(evidence) == {"dataset", "similarity", "weight"}
            assert 0 <= evidence["weight"] <= 1


def test_a_grid_file_bounds_what_is_proposed(
    foretune: Foretune, table: Path, history: Path, tmp_path: Path
) -> None:
    """Only cells of the grid are proposed, their values as the file spells them."""
    (tmp_path / "grid.json").write_text('[{"C": [1, 10.0]}, {"C": [0.001], "gamma": ["scale", 1.0]}]')
    words = ["--target", "label", "--family", "svm", "-n", 9, "--no-experience", "--history", history]
    answer = asked(foretune("recommend", table, *words, "--grid-file", tmp_path / "grid.json", "--json"))
    configs = [json.dumps(one["config"]) for one in answer["recommendations"]]  # type: ignore[attr-defined]
    assert sorted(configs) == [
        '{"C": 0.001, "gamma": "scale"}',
        '{"C": 0.001, "gamma": 1.0}',
        '{"C": 10.0}',
        '{"C": 1}',
    ]


def test_the_table_for_people_shows_each_config(foretune: Foretune, table: Path, history: Path) -> None:
    """Without `--json` each proposal has its line, with the past tasks that it rests on."""
    words = ["--target", "label", "--family", "svm", "-n", 2, "--no-experience", "--history", history]
    run = foretune("recommend", table, *words)
    assert run.code == 0
    assert "small: what to try, by accuracy" in run.out
    assert run.out.count("gamma=") == 2
    assert "past " in run.out


def test_whole_numbers_are_regressed_when_asked(foretune: Foretune, tmp_path: Path) -> None:
    """Counts are classes by default; `--as` and a regression's metric say otherwise."""
    rng = np.random.default_rng(0)
    counts = pd.DataFrame({"x": rng.random(60), "target": rng.poisson(3, size=60)})
    counts.to_csv(tmp_path / "counts.csv", index=False)
    metrics = []
    for words in ([], ["--as", "regression"], ["--metric", "mae"]):
        answer = asked(foretune("recommend", tmp_path / "counts.csv", "--family", "knn", *words, "--json"))
        metrics.append(answer["recommendations"][0]["metric"])  # type: ignore[index]
    assert metrics == ["accuracy", "r2", "mae"]


def test_a_history_of_another_metric_is_said_to_be_unused(
    foretune: Foretune, table: Path, tmp_path: Path
) -> None:
    """Advice by accuracy does not rest on tasks judged by a score that nobody knows: it says so."""
    with open_history(tmp_path / "scores.db") as opened:
        opened.add(*(replace(task, metric="score") for task in related_tasks(12)))
    words = [table, "--target", "label", "--family", "svm", "--history", tmp_path / "scores.db"]
    told = "none of the history's tasks of svm is used: their metric is score, not accuracy (12 in all)"
    for word in ("recommend", "explain"):
        assert told in " ".join(foretune(word, *words).out.split())
    alone = foretune("recommend", *words, "--no-experience")
    assert alone.code == 2
    assert told in " ".join(alone.err.split())


def test_an_interrupted_search_says_what_it_found(
    foretune: Foretune, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best config so far is shown, with exit code 130, and how trials are kept."""
    run = Bench.tried

    def tried(self: Bench, task: Task, advice: list[Recommendation]) -> Iterator[Trial]:
        if len(task.trials) == 2:
            raise KeyboardInterrupt
        yield from run(self, task, advice)

    monkeypatch.setattr(Bench, "tried", tried)
    found = foretune("tune", table, "--target", "label", "--family", "decision_tree", "--folds", 2)
    assert found.code == 130
    assert "It ended after 2 trials, because it was interrupted." in found.out
    assert "Its trials are not kept" in found.err


def test_a_file_that_cannot_be_written_after_all_is_one_line(
    foretune: Foretune, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may be full, or a name too long: what was found is shown, and no traceback."""
    monkeypatch.setattr(Path, "write_text", Mock(side_effect=OSError(28, "No space left on device", "page")))
    words = ["--target", "label", "--family", "svm", "--output", tmp_path / "page.html"]
    found = foretune("explain", table, *words)
    assert (found.code, found.err) == (2, "error: page: No space left on device\n")
    assert "svm on small" in found.out


def commands() -> list[list[str]]:
    """The words of every command there is."""
    found: list[list[str]] = []
    for name, one in vars(get_command(cli.app))["commands"].items():
        below = vars(one).get("commands", {})
        found += [[name, sub] for sub in below] if below else [[name]]
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_help_with_an_example(words: list[str]) -> None:
    """`--help` tells what a command does, and shows one that begins with its very words."""
    run = CliRunner().invoke(cli.app, [*words, "--help"])
    assert run.exit_code == 0
    assert "Example: foretune " + " ".join(words) in " ".join(run.output.split())


def test_without_a_command_there_is_help() -> None:
    """The bare command lists what there is."""
    output = CliRunner().invoke(cli.app, []).output
    for words in commands():
        assert words[0] in output


def test_from_a_table_to_a_replay(foretune: Foretune, table: Path, tmp_path: Path) -> None:
    """A sweep is collected, recommended from alone, and replayed: what is stored is what is learned from."""
    other = tmp_path / "other.csv"
    pd.read_csv(table).assign(a=lambda frame: frame["a"] ** 3).iloc[:50].to_csv(other, index=False)
    url = f"sqlite:///{tmp_path}/tuning.db"
    sweep = ["--target", "label", "--history", url, "--family", "svm", "--wide", 1, "--folds", 2, "--jobs", 1]
    run = foretune("collect", table, other, *sweep)
    assert run.code == 0, run.err
    assert "22 trials added" in run.err
    assert "0 trials added" in foretune("collect", table, other, *sweep).err
    groups = tmp_path / "groups.json"
    for group in ("copies", "others"):
        groups.write_text(json.dumps({"small": group}))
        run = foretune("collect", table, other, *sweep, "--groups", groups)
        assert ("small is in group 'copies' in the history" in run.err) == (group == "others")
    own = ["--no-experience", "--history", url]
    answer = asked(foretune("recommend", table, "--target", "label", "--family", "svm", *own, "--json"))
    (one,) = answer["recommendations"]  # type: ignore[misc]
    assert {evidence["dataset"] for evidence in one["because"]} == {"small", "other"}
    run = foretune("replay", *own, "--learner", "portfolio", "--trials", 3, "--output", tmp_path / "report")
    assert run.code == 0, run.err
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert {row["learner"] for row in report["replay"]} == {"portfolio", "random"}
    assert (tmp_path / "report" / "report.html").is_file()


def test_a_history_can_be_shared(foretune: Foretune, history: Path, tmp_path: Path) -> None:
    """Exporting writes a pack whose card is printed, and that is a history like any other."""
    pack = tmp_path / "shared"
    run = foretune("history", "export", "--history", history, "--pack", pack, "--name", "[mine]")
    assert "12 tasks written" in run.out
    assert asked(foretune("history", "card", pack, "--json"))["name"] == "[mine]"
    assert "name: [mine]" in foretune("history", "card", pack).out
    with open_history(pack) as opened:
        assert sum(len(task.trials) for task in opened.tasks()) == 12 * len(RELATED_CELLS)


def test_only_families_with_a_past_are_advised(foretune: Foretune, table: Path, history: Path) -> None:
    """Without a family, those that the past does not hold are passed over, in advice and in experiments."""
    own = ["--no-experience", "--history", history]
    answer = asked(foretune("recommend", table, "--target", "label", *own, "--json"))
    assert [one["family"] for one in answer["recommendations"]] == ["svm"]
    run = foretune("recommend", table, "--target", "number", *own)
    assert_one_line(run, "any family", "r2")


def test_an_experiment_is_on_the_families_with_a_past(
    foretune: Foretune, table: Path, history: Path, tmp_path: Path
) -> None:
    """Without a family, an experiment trains those that the past holds, and no other."""
    words = ["--target", "label", "--no-experience", "--history", history, "--folds", 2]
    run = foretune("experiment", table, *words, "--output", tmp_path / "report")
    assert run.code == 0, run.err
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert {case["family"] for case in report["cases"]} == {"svm"}


def test_a_stopped_experiment_goes_on(
    foretune: Foretune, table: Path, history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started again with the same options, it trains what is missing alone, and leaves nothing behind."""
    words = ["--target", "label", "--no-experience", "--history", history, "--folds", 2, "--family", "svm"]
    trained: list[object] = []
    measure = versus_grid.measure

    def stopped_after_three(*what: Any) -> Measurement:
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(what[1])
        return measure(*what)

    monkeypatch.setattr(versus_grid, "measure", stopped_after_three)
    assert foretune("experiment", table, *words, "--output", tmp_path / "report").code != 0
    monkeypatch.setattr(versus_grid, "measure", lambda *what: trained.append(what[1]) or measure(*what))
    run = foretune("experiment", table, *words, "--output", tmp_path / "report")
    assert run.code == 0, run.err
    assert "3 trainings of an experiment that was stopped" in run.err
    started = len(trained)
    assert foretune("experiment", table, *words, "--output", tmp_path / "report").code == 0
    assert len(trained) - started == started  # in one go it takes as many
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["report.html", "report.json"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (0, "h.db."),
        (2, "h.db, 2 of them failed, most often: timed out after 4 s."),
        (12, "h.db, 12 of them failed, most often: timed out after 4 s."),
    ],
)
def test_a_sweep_of_failures_is_no_success(
    foretune: Foretune, table: Path, monkeypatch: pytest.MonkeyPatch, bad: int, said: str
) -> None:
    """How many trials failed, and why most of them, is said; code 1 means that all did."""
    good = Measurement({"accuracy": [0.5, 0.5]}, {"fit_seconds": 1.0, "predict_seconds": 1.0})

    def outcomes(work: Sequence[Any], **_: object) -> Iterator[tuple[Any, Measurement | str]]:
        return ((job, "timed out after 4 s" if i < bad else good) for i, job in enumerate(work))

    monkeypatch.setattr(sweep, "run_jobs", outcomes)
    words = ["--target", "label", "--family", "decision_tree", "--wide", 0]
    run = foretune("collect", table, *words, "--history", table.with_name("h.db"))
    assert run.code == (bad == 12)
    assert run.err.startswith("12 trials added to ")
    assert run.err.strip().endswith(said)


@pytest.mark.parametrize("words", [("collect", "--history", "h.db"), ("tune",), ("experiment",)])
@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_beyond_what_models_take_is_refused(
    foretune: Foretune, words: tuple[str, ...], seed: int
) -> None:
    """A seed that no model takes is a usage error, before any work."""
    command_name, *options = words
    run = foretune(command_name, "iris", *options, f"--seed={seed}")
    assert (run.code, run.out) == (2, "")
    assert "'--seed'" in run.err


def test_tables_too_small_for_the_folds_are_told(foretune: Foretune, table: Path, tmp_path: Path) -> None:
    """One that is named is refused with the numbers; one in a folder is left out, and the others swept."""
    (tmp_path / "folder").mkdir()
    pd.read_csv(table).iloc[:3].to_csv(tmp_path / "folder" / "few.csv", index=False)
    options = ["--target", "label", "--family", "decision_tree"]
    url = ["--history", tmp_path / "h.db", "--wide", 0, "--jobs", 1, "--folds", 4]
    said = "few has 3 rows, fewer than the 4 folds"
    assert_one_line(foretune("collect", tmp_path / "folder" / "few.csv", *options, *url), said)
    assert_one_line(foretune("tune", tmp_path / "folder" / "few.csv", *options, "--folds", 4), said)
    shutil.copy(table, tmp_path / "folder")
    run = foretune("collect", tmp_path / "folder", *options, *url)
    assert run.code == 0
    assert f"left out: {said}" in run.err
    assert "12 trials added" in run.err


@pytest.mark.parametrize(
    ("content", "words"), [("[]", ["names no groups"]), ('{"iris": 1}', ["'iris'", "is 1, which is no text"])]
)
def test_a_wrong_file_of_groups_is_answered(
    foretune: Foretune, table: Path, tmp_path: Path, content: str, words: list[str]
) -> None:
    """Groups are texts by the names of datasets: what is none is refused before anything is trained."""
    (tmp_path / "groups.json").write_text(content)
    options = ["--target", "label", "--history", tmp_path / "h.db", "--groups", tmp_path / "groups.json"]
    assert_one_line(foretune("collect", table, *options), *words)


def test_a_missing_package_is_named(
    foretune: Foretune, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A family whose package is not installed says what to install."""
    monkeypatch.setattr("foretune.collect.family.find_spec", lambda _: None)
    run = foretune("recommend", table, "--target", "label", "--family", "xgboost")
    assert_one_line(run, "pip install 'foretune[xgboost]'")
    sweep = ["--target", "label", "--history", f"sqlite:///{tmp_path / 'h.db'}", "--family", "lightgbm"]
    assert_one_line(foretune("collect", table, *sweep), "pip install 'foretune[lightgbm]'")


def test_a_new_family_is_collected_and_advised(foretune: Foretune, table: Path, tmp_path: Path) -> None:
    """Trials of a family that the experience lacks, of a regression, become advice at once."""
    url = f"sqlite:///{tmp_path / 'mine.db'}"
    sweep = ["--history", url, "--family", "elastic_net", "--wide", 1, "--folds", 2, "--jobs", 1]
    assert foretune("collect", table, "--target", "number", *sweep).code == 0
    words = ["--target", "number", "--history", url, "--no-experience", "--json"]
    (best,) = asked(foretune("recommend", table, *words))["recommendations"]
    assert (best["family"], best["metric"]) == ("elastic_net", "r2")
    assert best["config"].keys() == {"alpha", "l1_ratio"}


def test_a_recommendation_is_explained(
    foretune: Foretune, table: Path, history: Path, tmp_path: Path
) -> None:
    """`explain` says why, of the best config or of one given, as text, as JSON, and as a page."""
    words = [
        "explain",
        table,
        "--target",
        "label",
        "--family",
        "svm",
        "--no-experience",
        "--history",
        history,
    ]
    run = foretune(*words, "--output", tmp_path / "why.html")
    assert run.code == 0, run.err
    assert "what mattered there: " in run.out
    assert "past datasets: past " in run.out
    assert "<table>" in (tmp_path / "why.html").read_text(encoding="utf-8")
    answer = asked(foretune(*words, "--config", '{"C": 7}', "--json"))
    assert answer["recommendation"]["config"]["C"] == 7  # type: ignore[index]
    assert_one_line(foretune(*words, "--config", '{"X": 7}'), "svm has no hyperparameter 'X'")
    assert_one_line(foretune(*words, "--config", "{"), "as JSON", '{"C": 10}')


def test_a_family_is_tuned(foretune: Foretune, table: Path, tmp_path: Path) -> None:
    """`tune` tries as many configs as asked for, prints the best as JSON, and writes all of them back."""
    words = ["tune", table, "--target", "label", "--family", "decision_tree", "--folds", 2]
    answer = asked(foretune(*words, "--trials", 2, "--history", tmp_path / "mine.db", "--json"))
    assert (answer["family"], answer["trials"], answer["failed"]) == ("decision_tree", 2, 0)
    assert set(answer["outlook"]) == {"gain", "probability", "tolerance"}  # type: ignore[call-overload]
    with open_history(tmp_path / "mine.db") as store:
        assert {task.metric for task in store.tasks()} >= {"accuracy", "roc_auc"}
        assert all(len(task.trials) == 2 for task in store.tasks())
    run = foretune(*words, "--trials", 3, "--history", tmp_path / "mine.db", "--output", tmp_path / "report")
    assert run.code == 0
    assert "what is left: " in run.out
    assert (tmp_path / "report" / "search.html").exists()
    assert_one_line(foretune(*words, "--metric", "r2"), "'r2' is not a classification metric")
    assert_one_line(foretune(*words, "--history", tmp_path / "no" / "such.db"), "there is no folder")


def test_several_families(foretune: Foretune, table: Path) -> None:
    """`recommend` ranks those that are named; `tune` and `explain` take one, and say so."""
    words = ("--target", "label", "--family", "svm", "--family", "decision_tree")
    run = foretune("recommend", table, *words, "--json")
    assert {one["family"] for one in json.loads(run.out)["recommendations"]} == {"svm", "decision_tree"}
    for command_name in ("tune", "explain"):
        assert_one_line(foretune(command_name, table, *words), "takes one family, not svm, decision_tree")
    assert_one_line(foretune("recommend", table, *words, "-n", "3"), "one family")


def test_the_version_is_printed(foretune: Foretune) -> None:
    """`foretune --version` prints the version, and nothing else."""
    run = foretune("--version")
    assert (run.code, run.out) == (0, f"foretune {version('foretune')}\n")

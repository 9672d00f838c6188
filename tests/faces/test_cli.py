"""The command line: what it answers, and what it says when the input is wrong."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foretune.faces import cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command as `main` does and gives its exit code, stdout and stderr."""

    def command(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["foretune", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "400")
        capfd.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        found = capfd.readouterr()
        return code, found.out, found.err

    return command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of tables, good and bad."""
    rng = np.random.default_rng(0)
    good = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    good["y"] = np.where(good["a"] + good["b"] > 0, "yes", "no")
    good.to_csv(tmp_path / "good.csv", index=False)
    good.assign(y=1).to_csv(tmp_path / "one_class.csv", index=False)
    good.assign(a=np.nan).to_csv(tmp_path / "hollow.csv", index=False)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "grid.json").write_text(json.dumps({"C": [1, 10], "gama": [0.1]}))
    (tmp_path / "list.json").write_text(json.dumps({"C": 3}))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "card.json").write_text("{}")
    (tmp_path / "notes.db").write_text("this is no database, only a text that is long enough to be read")
    with sqlite3.connect(tmp_path / "newer.db") as newer:
        newer.execute("CREATE TABLE foretune_version (version_num TEXT)")
        newer.execute("INSERT INTO foretune_version VALUES ('9999_later')")
    newer.close()
    return tmp_path


BAD = {
    "missing file": ("recommend nowhere.csv --target y", "no file"),
    "missing target": ("recommend {0}/good.csv --target yy", "did you mean 'y'"),
    "empty file": ("recommend {0}/empty.csv --target y", "is empty"),
    "column without a value": ("recommend {0}/hollow.csv --target y", "column 'a' has no value"),
    "one class": ("recommend {0}/one_class.csv --target y", "one class"),
    "text for a regression": ("recommend {0}/good.csv --target y --metric r2", "r2"),
    "unknown metric": ("recommend {0}/good.csv --target y --metric accurracy", "did you mean 'accuracy'"),
    "unknown kind of file": ("recommend {0}/text.txt --target y", "foretune reads"),
    "unknown family": ("recommend {0}/good.csv --target y --family svn", "did you mean 'svm'"),
    "unknown learner": ("recommend {0}/good.csv --target y --learner oracle", "there is no learner"),
    "unknown hyperparameter": (
        "recommend {0}/good.csv --target y --family svm --grid-file {0}/grid.json",
        "did you mean 'gamma'",
    ),
    "grid of bare values": (
        "recommend {0}/good.csv --target y --family svm --grid-file {0}/list.json",
        "give a list",
    ),
    "grid that is no JSON": (
        "recommend {0}/good.csv --target y --family svm --grid-file {0}/broken.json",
        "cannot be read as JSON",
    ),
    "grid without a family": ("recommend {0}/good.csv --target y --grid-file {0}/grid.json", "--family"),
    "corrupted pack": ("recommend {0}/good.csv --target y --history {0}/pack", "card.json"),
    "no database": ("recommend {0}/good.csv --target y --history {0}/notes.db", "notes.db"),
    "newer history": ("recommend {0}/good.csv --target y --history {0}/newer.db", "newer foretune"),
    "missing history": ("replay --history {0}/none.db --no-experience", "none.db"),
    "nothing to replay": ("replay --metric mae --no-experience", "nothing"),
    "unknown backend": ("collect iris --history {0}/h.db --backend spark", "there is no backend"),
    "experiment without a past": ("experiment iris --family svm --no-experience", "svm"),
    "no such number": ("recommend {0}/good.csv --target y -n 0", "-n"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line(case: str, run: Run, folder: Path) -> None:
    """What is wrong is said on stderr, with exit code 2, nothing on stdout and no traceback."""
    words, message = BAD[case]
    code, out, err = run(*(word.format(folder) for word in words.split()))
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert out == ""
    assert case == "no such number" or len(err.strip().splitlines()) == 1


def test_a_newer_history_is_left_untouched(run: Run, folder: Path) -> None:
    """A refused history has the same bytes afterwards."""
    before = (folder / "newer.db").read_bytes()
    assert run("collect", "iris", "--history", folder / "newer.db")[0] == 2
    assert (folder / "newer.db").read_bytes() == before


def test_json_is_exactly_one_object(run: Run, folder: Path) -> None:
    """With --json, stdout is one JSON object of the documented form, and stderr is empty."""
    code, out, err = run(
        "recommend", folder / "good.csv", "--target", "y", "--family", "svm", "-n", 2, "--json"
    )
    answer = json.loads(out)
    assert (code, err) == (0, "")
    assert list(answer) == ["dataset", "recommendations", "seconds"]
    assert answer["dataset"] == "good"
    assert len(answer["recommendations"]) == 2
    for one in answer["recommendations"]:
        assert list(one) == ["family", "config", "metric", "predicted", "std", "because"]
        assert 0 <= one["predicted"] <= 1.2
        assert one["std"] > 0
        assert all(list(past) == ["dataset", "similarity", "weight"] for past in one["because"])


def test_the_grid_file_is_all_that_may_be_proposed(run: Run, folder: Path) -> None:
    """With --grid-file the config is one of its cells, its values as they were written."""
    (folder / "cells.json").write_text(json.dumps({"max_depth": [None, 3], "min_samples_split": [4]}))
    words = ("recommend", folder / "good.csv", "--target", "y", "--family", "decision_tree", "--json")
    config = json.loads(run(*words, "--grid-file", folder / "cells.json")[1])["recommendations"][0]["config"]
    assert config in ({"max_depth": None, "min_samples_split": 4}, {"max_depth": 3, "min_samples_split": 4})


def test_all_families_are_ranked_without_one(run: Run, folder: Path) -> None:
    """Without --family each family of the experience has one config, the best score first."""
    answer = json.loads(run("recommend", folder / "good.csv", "--target", "y", "--json", "--grid")[1])
    scores = [one["predicted"] for one in answer["recommendations"]]
    families = {one["family"] for one in answer["recommendations"]}
    assert families == {"decision_tree", "random_forest", "svm"}
    assert scores == sorted(scores, reverse=True)


def test_collect_recommend_replay_and_export_fit_together(run: Run, folder: Path) -> None:
    """A history that was collected teaches, is replayed, and becomes a pack that teaches the same."""
    history = f"sqlite:///{folder}/h.db"
    rng = np.random.default_rng(1)
    for k in range(3):
        table = pd.DataFrame(rng.normal(size=(40, 2)), columns=["a", "b"])
        table["target"] = (table["a"] + 0.3 * rng.normal(size=40) > 0).astype(int)
        table.to_csv(folder / f"data{k}.csv", index=False)
    places = [folder / f"data{k}.csv" for k in range(3)]
    swept = run("collect", *places, "--history", history, "--family", "svm", "--wide", 1, "--folds", 2)
    assert swept[0] == 0, swept[2]
    assert "33 trials added" in swept[2]
    ask = ("recommend", folder / "good.csv", "--target", "y", "--family", "svm", "--no-experience", "--json")
    mine = json.loads(run(*ask, "--history", history)[1])["recommendations"]
    assert {past["dataset"] for past in mine[0]["because"]} == {"data0", "data1", "data2"}
    assert run("history", "export", "--history", history, "--pack", folder / "shared")[0] == 0
    assert json.loads(run(*ask, "--history", folder / "shared")[1])["recommendations"] == mine
    replayed = run("replay", "--history", history, "--no-experience", "--learner", "portfolio", "--trials", 3)
    assert replayed[0] == 0
    assert "portfolio" in replayed[1]
    assert "random" in replayed[1]


def test_the_shipped_card_names_its_sources(run: Run) -> None:
    """`foretune history card` says what the experience is, its licence and its datasets."""
    card = json.loads(run("history", "card", "--json")[1])
    assert {"what", "licence", "how", "biases", "datasets", "versions"} <= set(card)
    assert not {"iris", "wine", "digits", "breast_cancer", "diabetes"} & set(card["datasets"])


@pytest.mark.parametrize(
    "command", ["recommend", "collect", "experiment", "replay", "history card", "history export"]
)
def test_every_command_has_help_with_an_example(command: str, run: Run) -> None:
    """--help ends well and shows a line that can be typed."""
    code, out, _ = run(*command.split(), "--help")
    assert code == 0
    assert f"Example: foretune {command}" in " ".join(out.split())

"""The command line on images: from NPZ files to an experiment of several seeds."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import Foretune, command
from sklearn.datasets import load_digits

from foretune.collect.datasets import load_dataset
from foretune.collect.evaluation import Protocol
from foretune.collect.families import family
from foretune.collect.sweep import Plan, collect
from foretune.history.history import open_history


@pytest.fixture
def foretune(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Foretune:
    """Runs the command with these words, as a shell would."""
    return command(monkeypatch, capsys)


@pytest.fixture
def places(tmp_path: Path) -> list[Path]:
    """Four NPZ files: all digits, what was made of them, and two others."""
    bunch = load_digits()
    parts = {
        "digits": slice(200),
        "digits-few": slice(90),
        "other": slice(300, 400),
        "third": slice(400, 500),
    }
    for name, rows in parts.items():
        np.savez(tmp_path / f"{name}.npz", x=bunch.images[rows] / 16, y=bunch.target[rows])
    return [tmp_path / f"{name}.npz" for name in parts]


def test_an_experiment_on_images_leaves_out_what_was_made_of_them(
    foretune: Foretune, places: list[Path], tmp_path: Path
) -> None:
    """Each seed is a case, on the rows and the share asked for, and nothing rests on a part of the target."""
    url = f"sqlite:///{tmp_path / 'images.db'}"
    groups = {"digits-few": "digits"}
    with open_history(url) as history:
        datasets = [load_dataset(place) for place in places[1:]]
        plan = Plan([family("decision_tree")], wide=2, protocol=Protocol(folds=2), groups=groups)
        collect(history, datasets, plan, jobs=1)
    words = ["--family", "decision_tree", "--rows", 120, "--test-share", 0.5, "--folds", 2]
    seeds = ["--seed", 3, "--seed", 5, "--history", url, "--no-experience", "--learner", "neighbours"]
    run = foretune("experiment", places[0], *words, *seeds, "--output", tmp_path / "report")
    assert run.code == 0, run.err
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert [(case["dataset"], case["seed"]) for case in report["cases"]] == [("digits", 3), ("digits", 5)]
    assert {one["dataset"] for case in report["cases"] for one in case["because"]} == {"other", "third"}
    assert report["protocol"]["test_share"] == 0.5
    assert report["protocol"]["seeds"] == [3, 5]
    (row,) = report["summary"]
    gaps = [
        case["searches"]["grid"]["accuracy"] - case["searches"]["recommended"]["accuracy"]
        for case in report["cases"]
    ]
    assert row["gap_error"] == pytest.approx(np.std(gaps, ddof=1) / np.sqrt(2))
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "decision_tree on digits, seed 5" in page


def test_a_cnn_on_a_table_is_refused(foretune: Foretune) -> None:
    """The error says that the family takes images, before anything is trained."""
    run = foretune("recommend", "iris", "--target", "target", "--family", "cnn")
    assert run.code == 2
    assert "cnn serves images only, and iris is a table" in run.err

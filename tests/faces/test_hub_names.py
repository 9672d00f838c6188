"""Names of hubs on the command line. Their server is on this machine."""

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command import Foretune, command
from rich.console import Console

from foretune.collect.hubs import uci
from foretune.data import downloads
from foretune.faces import options
from foretune.history.history import open_history


@pytest.fixture
def foretune(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Foretune:
    """Runs the command with these words, as a shell would."""
    return command(monkeypatch, capsys)


@pytest.fixture
def flowers(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dataset 7 of the UCI repository: 40 rows, a class, and one row without."""
    monkeypatch.setattr(uci, "ADDRESS", site.address)
    a = np.linspace(0, 1, 40)
    table = pd.DataFrame({"a": a, "b": a[::-1] ** 2, "kind": np.where(a > 0.5, "yes", "no")})
    table.loc[3, "kind"] = None
    variables = [
        {"name": name, "role": "Target" if name == "kind" else "Feature", "type": "Continuous"}
        for name in table.columns
    ]
    about = {
        "uci_id": 7,
        "name": "Flowers",
        "data_url": site.says("/static/public/7/data.csv", table.to_csv(index=False).encode()),
        "tasks": ["Classification"],
        "variables": variables,
    }
    site.says("/api/dataset?id=7", json.dumps({"status": 200, "data": about}).encode())


@pytest.mark.usefixtures("flowers")
def test_a_hubs_name_needs_no_target(foretune: Foretune) -> None:
    """The hub says what to predict, and a note says what was left out of the data."""
    words = ("--family", "decision_tree", "--grid", "--learner", "portfolio", "--json")
    run = foretune("recommend", "uci:7", *words)
    assert run.code == 0, run.err
    assert json.loads(run.out)["dataset"] == "Flowers"
    assert run.err.strip() == "note: Flowers: 1 rows without 'kind' are left out."


@pytest.mark.usefixtures("flowers")
def test_a_hubs_dataset_is_collected(foretune: Foretune, tmp_path: Any) -> None:
    """A sweep over a hub's name stores its tasks as over any file."""
    history = f"sqlite:///{tmp_path / 'h.db'}"
    run = foretune("collect", "uci:7", "--history", history, "--family", "knn", "--wide", 0, "--jobs", 1)
    assert run.code == 0, run.err
    with open_history(history, read_only=True) as store:
        assert {task.name for task in store.tasks()} == {"Flowers"}


def test_a_hub_that_cannot_be_asked_is_one_line(
    foretune: Foretune, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, the error is one line that says what to put where, and exit code 2."""
    monkeypatch.setenv("FORETUNE_OFFLINE", "1")
    for command_line in (("recommend", "uci:7"), ("experiment", "uci:7"), ("tune", "hf:me/table")):
        run = foretune(*command_line)
        assert (run.code, len(run.err.splitlines())) == (2, 1)
        assert "FORETUNE_OFFLINE is set: fetch " in run.err
    assert site.requests == []


@pytest.mark.usefixtures("flowers")
def test_a_long_download_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a bar with the name and the bytes is drawn, and it is gone afterwards."""
    drawn = io.StringIO()
    monkeypatch.setattr(downloads, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(options, "console", Console(file=drawn, force_terminal=True, width=100))
    assert options.load_one("uci:7", None).name == "Flowers"
    assert "uci:7" in drawn.getvalue()
    assert "kB" in drawn.getvalue()

"""`foretune import` of the folders that tools leave behind: seen from what is in them, and in once."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import Foretune, command

OUTPUTS = Path(__file__).parents[1] / "history" / "readers" / "outputs"
FOLDERS = [("ray_tune", ["--metric", "accuracy"], 9), ("smac", [], 85), ("syne_tune", [], 9)]


@pytest.fixture
def run_import(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Foretune:
    """Runs `foretune import` with these words, into one history."""
    foretune = command(monkeypatch, capsys)
    return lambda *words: foretune("import", *words, "--history", tmp_path / "mine.db")


@pytest.mark.parametrize(("name", "words", "trials"), FOLDERS)
def test_importing_twice_adds_nothing(
    run_import: Foretune, tmp_path: Path, name: str, words: list[str], trials: int
) -> None:
    """A dry run writes nothing, the first import adds all trials, the second none."""
    dry = json.loads(run_import(OUTPUTS / name, *words, "--dry-run", "--json").out)
    assert (dry["reader"], dry["trials"], dry["added"]) == (name, trials, 0)
    assert not (tmp_path / "mine.db").exists()
    assert json.loads(run_import(OUTPUTS / name, *words, "--json").out)["added"] == trials
    assert json.loads(run_import(OUTPUTS / name, *words, "--json").out)["added"] == 0


def test_openml_runs_come_in_once(run_import: Foretune, openml_site: Any, tmp_path: Path) -> None:
    """A flow's runs are seen from the name; a dry run writes nothing, the second import adds nothing."""
    dry = json.loads(run_import("openml:flow/7", "--dry-run", "--json").out)
    assert (dry["reader"], dry["tasks"], dry["trials"], dry["added"]) == ("openml", 2, 5, 0)
    assert not (tmp_path / "mine.db").exists()
    assert [json.loads(run_import("openml:flow/7", "--json").out)["added"] for _ in range(2)] == [5, 0]

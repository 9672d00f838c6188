"""Histories are checked, shared and merged on the command line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from command import Foretune, command

from foretune.data.records import Task
from foretune.history.history import open_history
from foretune.testing import related_tasks


@pytest.fixture
def foretune(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Foretune:
    """Runs the command with these words, as a shell would."""
    return command(monkeypatch, capsys)


def stored(path: Path, *tasks: Task) -> Path:
    """The path of a new history of these tasks."""
    with open_history(path) as history:
        history.add(*tasks)
    return path


def sound(count: int) -> list[Task]:
    """Related tasks of a metric that may have any value."""
    return [replace(task, metric="score") for task in related_tasks(count)]


def test_a_sound_history_passes_the_check(foretune: Foretune, tmp_path: Path) -> None:
    """Nothing is doubted, and the exit code is 0."""
    run = foretune("history", "check", "--history", stored(tmp_path / "a.db", *sound(3)))
    assert (run.code, run.out) == (0, "0 doubts about 3 tasks.\n")


def test_doubts_are_listed(foretune: Foretune, tmp_path: Path) -> None:
    """Doubts are told with the names of tasks and their weight, in words and as JSON; the exit code is 1."""
    tasks = sound(3)
    odd = replace(tasks[0], name="[odd]", dataset=None, provenance={"protocol": {"folds": 1}})
    tasks = [replace(task, provenance={"protocol": {"folds": 10}}) for task in tasks]
    path = stored(tmp_path / "a.db", *tasks, odd)
    run = foretune("history", "check", "--history", path, "--json")
    doubts = json.loads(run.out)["doubts"]
    assert run.code == 1
    assert {doubt["kind"] for doubt in doubts} == {"protocol", "copy"}
    assert doubts[0]["tasks"] == ["[odd]"]
    assert doubts[0]["weight"] == 0.7
    run = foretune("history", "check", "--history", path)
    assert run.code == 1
    assert "they count 70% ([odd])" in run.out
    assert foretune("history", "check", "--history", path, "--family", "svm").code == 1


def test_an_export_says_what_it_reveals(foretune: Foretune, tmp_path: Path) -> None:
    """An anonymous export holds no name, prints what it reveals, and takes its options."""
    names = ["private one", "private two", "private three"]
    tasks = [replace(task, name=name) for task, name in zip(related_tasks(3), names, strict=True)]
    path = stored(tmp_path / "a.db", *tasks)
    words = ["history", "export", "--history", path, "--pack", tmp_path / "pack"]
    run = foretune(*words, "--anonymous", "--round-metafeatures", 2, "--name", "[ours]")
    assert "3 tasks written" in run.out
    assert "not revealed: names, fingerprints" in run.out
    with open_history(tmp_path / "pack") as pack:
        assert not any("private" in repr(task) for task in pack.tasks())
    assert "reveals no names" in foretune(*words).err
    answer = json.loads(foretune(*words, "--reveal", "--json").out)
    assert (answer["tasks"], answer["left_out"]) == (3, 0)
    assert "no task is left" in foretune(*words, "--min-rows", 10**9).err


def test_histories_are_merged(foretune: Foretune, tmp_path: Path) -> None:
    """A database and a pack become one history; what both hold comes in once, and conflicts are told."""
    tasks = related_tasks(3)
    first = stored(tmp_path / "a.db", *tasks[:2])
    changed = tuple(replace(trial, loss=0.123) for trial in tasks[1].trials)
    other = stored(tmp_path / "b.db", replace(tasks[1], trials=changed), tasks[2])
    foretune("history", "export", "--history", other, "--pack", tmp_path / "pack")
    words = ["history", "merge", first, tmp_path / "pack", "--into", tmp_path / "both.db"]
    answer = json.loads(foretune(*words, "--json").out)
    assert (answer["tasks"], answer["known"]) == (3, len(changed))
    assert len(answer["conflicts"]) >= len(changed) - 1
    run = foretune(*words)
    assert "0 tasks and 0 trials added" in run.out
    assert "conflict: " in run.out
    with open_history(tmp_path / "both.db") as both:
        assert [*both.tasks()] == tasks


@pytest.mark.parametrize("word", ["check", "list"])
def test_a_family_that_the_history_does_not_hold_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, word: str
) -> None:
    """A mistyped family is an error and no sound history."""
    with open_history(tmp_path / "mine.db") as history:
        history.add(Task("a", "svm", None))
    run = command(monkeypatch, capsys)("history", word, "--history", tmp_path / "mine.db", "--family", "svn")
    assert run.code == 2
    assert "no family 'svn': did you mean 'svm'" in " ".join(run.err.split())

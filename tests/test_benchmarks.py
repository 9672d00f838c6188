"""The sweep of the experience and the making of its pack, on two small datasets."""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_diabetes, load_iris

from foretune.history.history import open_history

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
Run = Callable[..., Any]


@pytest.fixture
def datasets(tmp_path: Path) -> Path:
    """A folder with iris, 60 rows of diabetes, a table without anything to learn, and their catalogue."""
    folder = tmp_path / "datasets"
    folder.mkdir()
    flowers = load_iris(as_frame=True).frame
    flowers.to_parquet(folder / "iris.parquet")
    load_diabetes(as_frame=True).frame.sample(60, random_state=0).to_parquet(folder / "diabetes.parquet")
    flowers.assign(target=1).to_parquet(folder / "dull.parquet")
    rows = ["iris,classification,here,1", "diabetes,regression,here,2", "dull,classification,here,3"]
    (folder / "catalogue.csv").write_text("\n".join(["name,task,source,item", *rows]))
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a script of benchmarks/ with these words on its command line, and gives its module."""
    monkeypatch.syspath_prepend(BENCHMARKS)

    def run(script: str, *words: object) -> Any:
        module = import_module(script)
        monkeypatch.setattr(sys, "argv", [script, *map(str, words)])
        module.main()
        return module

    return run


def test_a_sweep_is_resumed_and_the_pack_grows(
    run: Run,
    datasets: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second sweep adds nothing; a pack keeps what it held and describes each dataset once."""
    url, pack, cache = f"sqlite:///{tmp_path / 'sweep.db'}", tmp_path / "pack", tmp_path / "cache.json"
    run("sweep", datasets, url, "--family", "knn", "--wide", 0, 1)
    printed = capsys.readouterr().out
    assert "left out: dull" in printed
    assert "knn iris: 10 trials, 0 failed" in printed
    run("sweep", datasets, url, "--family", "knn", "--wide", 1)
    assert "== knn: 0 trials" in capsys.readouterr().out

    maker = import_module("make_experience")
    described: list[str] = []
    real = maker.describe

    def counted(X: Any, y: Any, *, target: str) -> Any:
        described.append(target)
        return real(X, y, target=target)

    monkeypatch.setattr(maker, "FEWEST_TRIALS", 5)
    monkeypatch.setattr(maker, "describe", counted)
    run("make_experience", datasets, url, "--pack", pack, "--cache", cache)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    run("sweep", datasets, other, "--family", "elastic_net", "--wide", 0)
    run("make_experience", datasets, other, "--pack", pack, "--cache", cache)
    assert sorted(described) == ["classification", "regression"]
    with open_history(pack) as history:
        tasks = list(history.tasks())
    assert {(task.family, task.name) for task in tasks} == {
        ("knn", "iris"),
        ("knn", "diabetes"),
        ("elastic_net", "diabetes"),
    }
    assert all(task.metafeatures and len(task.done) >= 10 for task in tasks)
    assert history.card["datasets"] == {"diabetes": "here 2", "iris": "here 1"}


def test_a_group_holds_several_datasets() -> None:
    """Every dataset that the groups name shares its group with another."""
    groups = list(json.loads((BENCHMARKS / "experience_groups.json").read_text()).values())
    assert all(groups.count(group) >= 2 for group in groups)

"""The benchmark's files: histories read, splits drawn, results kept and compared."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer

import replay
import tables
from foretune.data.records import sides_of
from foretune.testing import related_tasks
from histories import read_history


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A history of six tasks: one flat, two on the same data, some numbers not active."""
    space = ConfigurationSpace()
    kind, depth = Categorical("kind", ["a", "b"]), Integer("depth", (1, 9))
    space.add(kind, depth, Float("C", (0.1, 10.0), log=True), EqualsCondition(depth, kind, "a"))
    rng = np.random.default_rng(0)
    rows = [
        {
            "task": f"t{t}",
            "kind": "ab"[k % 2],
            "depth": 1 + k if k % 2 == 0 else None,
            "C": 0.1 + k,
            "score": 0.5 if t == 5 else float(rng.random()),
            "seconds": None,
            "epoch": epoch,
        }
        for t in range(6)
        for k in range(8)
        for epoch in (1, 4)
    ]
    card = {
        "name": "small",
        "family": "svm",
        "metric": "balanced accuracy (made up)",
        "kind": "real",
        "flat_tasks": ["t5"],
        "same_data_tasks": [["t0", "t3"]],
        "budget": {"column": "epoch", "values": [1, 4]},
    }
    there = tmp_path / "histories" / "small"
    there.mkdir(parents=True)
    pd.DataFrame(rows).astype({"depth": "Int64", "seconds": "Float64"}).to_parquet(there / "trials.parquet")
    described = pd.DataFrame({"task": [f"t{t}" for t in range(6)], "size": [1.0, None, 3.0, 4.0, 5.0, 6.0]})
    described.to_parquet(there / "tasks.parquet")
    space.to_json(there / "space.json")
    (there / "card.json").write_text(json.dumps(card))
    return there


def options(folder: Path, **changes: object) -> argparse.Namespace:
    """What the command line gives for a quick run on this history."""
    given = {
        "method": ["random"],
        "tasks": 0,
        "folds": 0,
        "trials": 4,
        "seeds": 2,
        "jobs": 1,
        "past_trials": 0,
    }
    return argparse.Namespace(**given | {"output": folder.parents[1] / "results"} | changes)


def test_a_history_becomes_tasks(folder: Path) -> None:
    """Whole numbers stay whole, what is not active is not named, scores become losses, flat tasks go."""
    tasks = read_history(folder)
    assert [task.name for task in tasks] == ["t0", "t1", "t2", "t3", "t4"]
    sides = sides_of(tasks)
    assert sides[0] == sides[3] != sides[1]
    assert [len(task.done) for task in tasks] == [8] * 5
    assert tasks[0].done[0].config == {"kind": "a", "depth": 1, "C": 0.1}
    assert type(tasks[0].done[0].config["depth"]) is int
    assert tasks[0].done[1].config == {"kind": "b", "C": 1.1}
    assert all(-1.0 <= (trial.loss or 0.0) <= 0.0 for trial in tasks[0].done)
    assert tasks[0].metric == "balanced_accuracy"
    assert (tasks[0].metafeatures, tasks[1].metafeatures) == ({"size": 1.0}, {})


def test_more_tasks_add_to_those_of_fewer() -> None:
    """The tasks left out for a small number are among those for a larger one, with the same past."""
    tasks = related_tasks(12)
    few, many = (replay.splits_of(tasks, folds=3, most=n) for n in (4, 8))
    past = {task.name: {one.name for one in split.past} for split in many for task in split.new}
    assert sum(len(split.new) for split in few) == 4
    assert len(past) == 8
    for split in few:
        assert all(past[task.name] == {one.name for one in split.past} for task in split.new)


def test_a_run_goes_on_where_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the results is not played again, unless the options are others; methods add up."""
    played: list[replay.Job] = []

    def here(jobs: list[replay.Job], results: replay.Results, *_: object, **__: object) -> None:
        for job in jobs:
            played.append(job)
            results["methods"][job.method]["tasks"] |= replay.run(job)

    monkeypatch.setattr(replay, "_run", here)
    for changes, expected in (
        ({"tasks": 2}, 2),
        ({}, 2),  # four groups, two of them played
        ({}, 0),
        ({"method": ["random", "portfolio"]}, 4),
        ({"trials": 3}, 4),
    ):
        played.clear()
        replay.play_history(folder, options(folder, **changes))
        assert len(played) == expected
    results = json.loads((folder.parents[1] / "results" / "small.json").read_text())
    assert {name: len(one["tasks"]) for name, one in results["methods"].items()} == {
        "random": 5,
        "portfolio": 5,
    }
    assert results["methods"]["random"]["options"] == {"trials": 3, "folds": 0, "seeds": 2}
    assert len(results["methods"]["random"]["tasks"]["t0"]["solved_after"]) == 2


def test_a_past_task_may_teach_some_of_its_trials(folder: Path) -> None:
    """They are drawn at random, other ones in each task, and the same each time."""
    tasks = read_history(folder)
    drawn = [[task.trials.index(t) for t in replay._thinned(task, 3).trials] for task in tasks]
    again = [[task.trials.index(t) for t in replay._thinned(task, 3).trials] for task in tasks]
    assert drawn == again
    assert all(len(set(one)) == 3 for one in drawn)
    assert len({tuple(one) for one in drawn}) > 1
    assert replay._thinned(tasks[0], 0) is tasks[0]


def test_tables_count_a_task_up_to_half_of_its_configs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With eight configs a task counts after 1, 2 and 3 of four trials, and for its best within four."""
    monkeypatch.setattr(
        replay,
        "_run",
        lambda jobs, results, *_, **__: [
            results["methods"][j.method]["tasks"].update(replay.run(j)) for j in jobs
        ],
    )
    replay.play_history(folder, options(folder, method=["random", "portfolio"]))
    played = tables.read(folder.parents[1] / "results" / "small.json")
    assert played is not None
    assert played.checkpoints == [1, 2, 3]
    assert played.rank.sum() == pytest.approx(3.0)
    (other := tmp_path / "seconds.json").write_text('{"seconds": 600}', encoding="utf-8")
    assert tables.read(other) is None
    assert "| portfolio |" in tables.overall_table([played])
    assert "| small | portfolio |" in tables.calibration_table([played])
    assert "| small | 1 | 5 | random |" in tables.versus_table([played], "portfolio", [1])


def test_the_bootstrap_interval_is_that_of_the_mean() -> None:
    """For many tasks it agrees with the normal interval of a mean."""
    difference = np.random.default_rng(0).normal(0.1, 1.0, 400)
    low, high = tables.bootstrap(difference)
    half = 1.96 * difference.std() / 20
    assert (low, high) == pytest.approx((difference.mean() - half, difference.mean() + half), abs=0.02)

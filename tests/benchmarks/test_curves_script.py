"""The script that compares searches by the epoch, on two small histories of known curves."""

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ConfigSpace import ConfigurationSpace, Float

RATES = np.geomspace(0.01, 1.0, 8)
EPOCHS = (1, 2, 4)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Four tasks of eight configs, each read after 1, 2 and 4 epochs; the score is best in the middle."""
    space = ConfigurationSpace()
    space.add(Float("rate", (0.01, 1.0), log=True, default=0.1))
    space.to_json(tmp_path / "space.json")
    rows = [
        (f"t{k}", float(rate), epoch, 0.9 - 0.1 * abs(np.log10(rate) + 1 + 0.1 * k) - 0.2 / epoch, 1.0)
        for k in range(4)
        for rate in RATES
        for epoch in EPOCHS
    ]
    pd.DataFrame(rows, columns=["task", "rate", "epoch", "score", "seconds"]).to_parquet(
        tmp_path / "trials.parquet"
    )
    pd.DataFrame({"task": [f"t{k}" for k in range(4)]}).to_parquet(tmp_path / "tasks.parquet")
    card = {"name": "small", "family": "mlp", "metric": "accuracy", "kind": "real"}
    card["budget"] = {"column": "epoch", "values": list(EPOCHS)}  # type: ignore[assignment]
    (tmp_path / "card.json").write_text(json.dumps(card))
    return tmp_path


def test_the_tables_and_the_chart_are_made(
    history: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every search has its row of regrets, and what is written holds every task."""
    output, plot = history / "found.json", history / "chart.svg"
    words = [history, "--seeds", 1, "--learner", "portfolio", "--output", output, "--plot", plot]
    monkeypatch.setattr(sys, "argv", ["curves.py", *map(str, words)])
    import_module("curves").main()
    printed = capsys.readouterr().out
    found = json.loads(output.read_text())
    assert found["budgets"] == [4, 6, 8, 10, 20, 40]
    for name, tasks in found["regret"].items():
        assert printed.count(f"| {name} |") == 2
        assert list(tasks) and {len(regrets[0]) for regrets in tasks.values()} == {6}
    assert "random search" in plot.read_text()
    assert "early stopping at 10 epochs less whole trainings at 40" in printed


def test_the_budget_of_a_history_is_its_trials_fidelity(history: Path) -> None:
    """Read in part, trials below the full budget have it as their fidelity; otherwise they are left out."""
    histories = import_module("histories")
    (task, *_) = histories.read_history(history, in_part=True)
    assert {trial.fidelity for trial in task.trials} == {1.0, 2.0, None}
    assert len(histories.read_history(history)[0].trials) == len(task.done) == len(RATES)
    assert histories.full_budget(history) == 4

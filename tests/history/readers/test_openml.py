"""Runs of OpenML's flows become tasks, against a server on this machine that answers as OpenML's does."""

import doctest
import math
from pathlib import Path
from typing import Any

import pytest

from foretune.data.errors import HistoryError, MetricError
from foretune.data.records import FAILED
from foretune.history.readers.openml import read_openml
from openml_server import API, RUNS, SCORES, error, listed, put_on, setups, task, xml

FLOW = "openml:flow/7"


PAGE = Path(__file__).parents[3] / "docs" / "coming_from" / "openml.md"


def read(source: str = FLOW, **words: Any) -> list[Any]:
    """The tasks, with the warnings on what is no hyperparameter or left out passed over."""
    with pytest.warns(UserWarning, match="left out"):
        return read_openml(source, **words)


def test_runs_become_tasks(openml_site: Any) -> None:
    """An OpenML task is a task, a run a trial with its setup, score and CPU time."""
    flowers, dots = read()
    assert [(one.name, one.dataset, one.metric) for one in (flowers, dots)] == [
        ("flowers", "openml:61", "accuracy"),
        ("dots", "openml:62", "accuracy"),
    ]
    best = flowers.best
    assert best.config == {"C": 1.0, "kernel": "rbf", "probability": False, "gamma": 0.1}
    assert (best.loss, best.seconds, best.seed) == (-0.75, 1.5, 7)
    assert [trial.reason for trial in flowers.trials if trial.status is FAILED] == ["No predictions in file"]


def test_what_is_left_out_is_said(openml_site: Any) -> None:
    """A run that OpenML has not evaluated is counted; components are no hyperparameters."""
    with pytest.warns(UserWarning) as told:
        tasks = read_openml(FLOW)
    assert any("'accuracy'" in str(one.message) for one in told)
    assert [len(task.trials) for task in tasks] == [3, 2]
    assert "steps" not in tasks[0].space


def test_qualities_are_metafeatures(openml_site: Any) -> None:
    """They are there under OpenML's names and, where they mean the same, foretune's; empty ones are NaN."""
    flowers, _ = read()
    known = dict(flowers.metafeatures)
    assert math.isnan(known.pop("MeanSkewness"))
    assert known == {
        "NumberOfInstances": 4.0, "nr_inst": 4.0, "NumberOfFeatures": 3.0, "nr_attr": 2.0,
        "NumberOfClasses": 2.0, "nr_class": 2.0,
    }  # fmt: skip


def test_the_estimation_procedure_is_the_protocol(openml_site: Any) -> None:
    """Two OpenML tasks on one dataset are two tasks, in one group."""
    put_on(openml_site, {f"{API}/task/32": task(32, 61)})
    first, second = read()
    assert first.dataset == second.dataset == first.group == second.group
    assert first.key != second.key
    assert first.provenance["openml"] == {"dataset": 61, "task": 31, "version": "1", "licence": "CC BY 4.0"}


def test_tasks_may_be_named(openml_site: Any) -> None:
    """Only the OpenML tasks named are asked for."""
    (flowers,) = read(f"{FLOW}/task/31")
    assert flowers.name == "flowers"
    assert not any("task/32" in path for path in openml_site.requests)


def setups_of_three() -> bytes:
    """Setups as R's flows write them."""
    return setups({n: {"cost": str(n), "kernel": "radial", "scaled": "TRUE"} for n in (1, 2, 3)})


def test_plain_words_are_values_too(openml_site: Any) -> None:
    """What is no JSON is text, TRUE is True."""
    put_on(openml_site, {f"{API}/setup/list/setup/1,2,3/limit/100/offset/0": setups_of_three()})
    with pytest.warns(UserWarning, match="left out"):
        tasks = read_openml(FLOW)
    assert tasks[0].best.config == {"cost": 1, "kernel": "radial", "scaled": True}


def test_a_limit_is_said(openml_site: Any) -> None:
    """Of more runs than the limit the first are read, with a warning."""
    with pytest.warns(UserWarning) as told:
        tasks = read_openml(FLOW, limit=2)
    assert any("only the first 2 runs are read" in str(one.message) for one in told)
    assert sum(len(task.trials) for task in tasks) == 2


def test_answers_are_kept(openml_site: Any) -> None:
    """A second import asks for the lists that may have grown, and for nothing else."""
    before = read()
    openml_site.requests.clear()
    assert [task.key for task in read()] == [task.key for task in before]
    assert all("/list/" in path and "setup" not in path for path in openml_site.requests)


def test_an_unknown_measure_needs_a_direction(openml_site: Any) -> None:
    """OpenML's own measures are read under their names."""
    at = f"{API}/evaluation/list/function"
    bodies = listed("", RUNS, SCORES)
    kappa = {
        path.replace("predictive_accuracy", "kappa"): body for path, body in bodies.items() if at in path
    }
    put_on(openml_site, kappa)
    assert read(metric="kappa", direction="maximize")[0].metric == "kappa"
    with pytest.raises(MetricError, match="kappa"), pytest.warns(UserWarning):
        read_openml(FLOW, metric="kappa")


def test_a_flow_without_runs_is_one_clear_error(openml_site: Any) -> None:
    """So is a place that names no flow, a task without a dataset, and an answer that lacks its entries."""
    nothing = [path.replace("flow/7", "flow/8") for path in listed("", [], {})]
    put_on(openml_site, dict.fromkeys(nothing, error(512, "No results")))
    with pytest.raises(HistoryError, match="no runs for openml:flow/8"):
        read_openml("openml:flow/8")
    with pytest.raises(HistoryError, match="give openml:flow/ID"):
        read_openml("openml:7")
    put_on(openml_site, {f"{API}/task/31": xml("task", "")})
    with pytest.raises(HistoryError, match="task 31 has no dataset"):
        read_openml(FLOW)


def test_an_answer_that_lacks_something_is_one_clear_error(openml_site: Any) -> None:
    """Runs without numbers are no runs."""
    (path,) = [path for path in listed("", RUNS, {}) if "run/list" in path]
    put_on(openml_site, {path: xml("runs", "<oml:run/><oml:run><oml:run_id>1</oml:run_id></oml:run>")})
    with pytest.raises(HistoryError, match="lack what they should hold"):
        read_openml(FLOW)


def test_offline_is_one_clear_error(openml_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the network the error says what to fetch."""
    monkeypatch.setenv("FORETUNE_OFFLINE", "1")
    with pytest.raises(HistoryError, match=r"FORETUNE_OFFLINE is set: fetch http"):
        read_openml(FLOW)


def test_the_page_is_true(openml_site: Any) -> None:
    """The block of the page for those who come from OpenML runs, and prints what it shows."""
    with pytest.warns(UserWarning, match="left out"):
        failed, attempted = doctest.testfile(str(PAGE), module_relative=False)
    assert (failed, attempted) == (0, 5)

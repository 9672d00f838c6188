"""A sweep on a dask or a ray cluster stores what one on plain processes stores."""

from pathlib import Path
from typing import Any

import pytest
from joblib import Parallel

from foretune.collect import backends
from foretune.collect.backends import Backend, joblib_backend
from foretune.collect.datasets import load_dataset
from foretune.collect.evaluation import Protocol
from foretune.collect.families import family
from foretune.collect.sweep import Plan, collect
from foretune.data.errors import MissingExtraError
from foretune.history.history import open_history

# What these clusters do to their own sockets and event loops at shutdown is not ours to mend.
THEIRS = pytest.mark.filterwarnings("default")


def swept(csv: Path, path: Path, backend: Backend) -> dict[tuple[str, str], Any]:
    """Loss and status of each trial of a small sweep, by task and trial."""
    plan = Plan([family("decision_tree"), family("svm")], wide=2, protocol=Protocol(folds=2), timeout=60)
    with open_history(path) as history:
        added = collect(history, [load_dataset(csv)], plan, jobs=2, backend=backend)
        trials = {
            (task.key, trial.key): (trial.loss, trial.status)
            for task in history.tasks()
            for trial in task.trials
        }
    assert added == len({trial for _, trial in trials})
    return trials


@THEIRS
@pytest.mark.parametrize(("backend", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_a_cluster_stores_the_same_trials(csv: Path, tmp_path: Path, backend: Backend, package: str) -> None:
    """The cluster's trials have the keys, losses and statuses of those of plain processes."""
    pytest.importorskip(package)
    assert swept(csv, tmp_path / "cluster.db", backend) == swept(csv, tmp_path / "loky.db", "loky")


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_missing_backend_says_what_to_install(monkeypatch: pytest.MonkeyPatch, backend: Backend) -> None:
    """Without the extra, the error names the command that installs it."""

    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(backends, "import_module", absent)
    with (
        pytest.raises(MissingExtraError, match=rf"pip install 'foretune\[{backend}\]'"),
        joblib_backend(backend, 1),
    ):
        pass


@pytest.mark.parametrize(("jobs", "workers"), [(3, 3), (-1, backends.cpu_count())])
def test_loky_has_as_many_workers_as_asked_for(jobs: int, workers: int) -> None:
    """The number of processes is the one given, or that of the cores."""
    with joblib_backend("loky", jobs) as given:
        assert given == Parallel().n_jobs == workers

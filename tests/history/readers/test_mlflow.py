"""MLflow's runs, from files, a database and a server that it made itself, become tasks."""

import gzip
import json
import shutil
import socket
import sqlite3
import threading
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from foretune.data.errors import HistoryError, MetricError
from foretune.data.records import DONE, FAILED, Task
from foretune.history.readers.mlflow import read_mlflow
from foretune.history.readers.tracking import server
from foretune.history.readers.tracking.files import told_in

OUTPUTS = Path(__file__).parent / "outputs"
RUNS = OUTPUTS / "mlruns"
ACCURACY = "val/accuracy"
ANSWERS = json.loads((OUTPUTS / "mlflow_server.json").read_text(encoding="utf-8"))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The database that MLflow made."""
    path = tmp_path / "mlflow.db"
    path.write_bytes(gzip.decompress((OUTPUTS / "mlflow.db.gz").read_bytes()))
    return path


class Answering(BaseHTTPRequestHandler):
    """Answers as MLflow's server did; `wanted` is the header that lets in, `code` an error."""

    wanted: str | None = None
    code = 200
    moved = ""
    answers: list[dict[str, Any]] = ANSWERS

    def do_GET(self) -> None:
        """A question in the url."""
        url = urlsplit(self.path)
        asked = {name: int(v) if name == "max_results" else v for name, v in parse_qsl(url.query)}
        self._answer(url.path, asked)

    def do_POST(self) -> None:
        """A question in the body."""
        self._answer(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, path: str, asked: Any) -> None:
        path = path.removeprefix("/api/2.0/mlflow/")
        known = [one["answer"] for one in self.answers if (one["path"], one["wanted"]) == (path, asked)]
        code = 401 if self.wanted not in (None, self.headers["Authorization"]) else self.code
        content = json.dumps(known[0]).encode() if known and code == 200 else b"{}"
        self.send_response(code if known else 404)
        if self.moved:
            self.send_header("Location", self.moved)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def answering(**words: Any) -> Iterator[str]:
    """The url of a server on this machine that answers so."""
    handler = type("Handler", (Answering,), words)
    with HTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{served.server_port}"
        finally:
            served.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages as small as those that were asked for, and nobody's credentials or proxies."""
    monkeypatch.setattr(server, "A_PAGE", 4)
    monkeypatch.setattr(server, "A_CURVE", 2)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in (server.WHO, server.PASSWORD, server.TOKEN):
        monkeypatch.delenv(name, raising=False)


def read(source: Any, **words: Any) -> tuple[list[Task], list[str]]:
    """The tasks, and the warnings."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        tasks = read_mlflow(source, **{"metric": ACCURACY, **words})
    return tasks, [str(one.message) for one in told]


def check(tasks: list[Task], told: list[str]) -> None:
    """The searches are those that MLflow was given."""
    by_name = {task.name: task for task in tasks}
    assert by_name.keys() == {"wine: a search", "both: wine", "both: iris"}
    task = by_name["wine: a search"]
    assert [trial.status.value for trial in task.trials] == ["done"] * 3 + ["failed"] * 3
    assert [trial.reason for trial in task.trials if trial.status is FAILED] == [
        "failed",
        "killed",
        "its score is nan",
    ]
    first, _, third = (trial for trial in task.trials if trial.status is DONE)
    assert first.config == {"alpha": 0.0001, "loss": "log_loss", "penalty": "l2"}
    assert third.config == {"alpha": 1.0, "loss": "modified_huber", "penalty": "elasticnet", "l1_ratio": 0.5}
    assert [round(45 * loss) for loss in (*first.curve, first.loss)] == [-43, -44, -43, -43]
    assert (task.metric, first.seed) == ("accuracy", 0)
    assert first.seconds is not None
    assert 0 < first.seconds < 60
    assert by_name["both: wine"].group == task.group != by_name["both: iris"].group
    assert set(told) == {
        "runs left out: 1 in which others are nested.",
        "no hyperparameters, so left out: 'random_state'.",
        "runs left out: 1 not finished.",
        f"runs left out: 1 without the metric {ACCURACY!r}.",
        f"the metric {ACCURACY!r} is taken for accuracy.",
    }


def test_the_file_store_is_read() -> None:
    """A folder mlruns, by its path or url, gives the searches; a deleted run is left out."""
    for source in (RUNS, str(RUNS), RUNS.absolute().as_uri()):
        tasks, told = read(source, family="sgd")
        told.remove("runs left out: 1 deleted.")
        check(tasks, told)


def test_the_database_is_read(database: Path) -> None:
    """The SQLite database gives the same, and is left as it was."""
    before = database.read_bytes()
    for source in (database, f"sqlite:///{database}"):
        tasks, told = read(source)
        told.remove("runs left out: 1 deleted.")
        check(tasks, told)
    assert database.read_bytes() == before
    assert [path.name for path in database.parent.iterdir()] == ["mlflow.db"]


def test_the_server_is_read() -> None:
    """A tracking server gives the same, page by page."""
    with answering() as url:
        check(*read(url))
        check(*read(url + "/"))


def test_the_server_is_told_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user or the token come from MLflow's variables; without them it is said which."""
    with answering(wanted="Bearer abc") as url:
        with pytest.raises(HistoryError, match="lets nobody in \\(401\\): set MLFLOW_TRACKING_USERNAME"):
            read(url)
        monkeypatch.setenv(server.TOKEN, "abc")
        check(*read(url))
    with answering(wanted="Basic YW5uOng=") as url:
        monkeypatch.delenv(server.TOKEN)
        monkeypatch.setenv(server.WHO, "ann")
        monkeypatch.setenv(server.PASSWORD, "x")
        check(*read(url))


def test_a_redirect_is_not_followed() -> None:
    """Who is sent elsewhere stays here, with the password."""
    with (
        answering(code=302, moved="http://127.0.0.1:9/") as url,
        pytest.raises(HistoryError, match="answers 302"),
    ):
        read(url)


def test_a_server_that_is_none_is_said() -> None:
    """No server, another server, answers without end and a password in the url are each one clear error."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(HistoryError, match="cannot be reached"):
            read(f"http://127.0.0.1:{free.getsockname()[1]}")
    with answering(answers=[]) as url, pytest.raises(HistoryError, match="answers 404"):
        read(url)
    page = {"experiments": [], "next_page_token": "again"}
    wanted: dict[str, Any] = {"max_results": 4}
    asked = [wanted, {**wanted, "page_token": "again"}]
    endless = [{"path": "experiments/search", "wanted": one, "answer": page} for one in asked]
    with answering(answers=endless) as url, pytest.raises(HistoryError, match="same page again"):
        read(url)
    odd = [{"path": "experiments/search", "wanted": wanted, "answer": [1]}]
    with answering(answers=odd) as url, pytest.raises(HistoryError, match="does not answer as"):
        read(url)
    with pytest.raises(HistoryError, match="leave the password out") as raised:
        read("http://ann:secret@127.0.0.1")
    assert "secret" not in str(raised.value)


def test_the_best_value_may_count() -> None:
    """Of a metric's values the last counts, or the best, whichever way it points."""
    (last,), _ = read(RUNS, study="wine: a search")
    (best,), _ = read(RUNS, study="wine: a search", value="best")
    assert last.trials[0].loss == pytest.approx(-43 / 45)
    assert best.trials[0].loss == pytest.approx(-44 / 45)
    (loss,), _ = read(RUNS, study="wine: a search", value="best", metric="val/log_loss")
    assert all(trial.loss == min(trial.curve) for trial in loss.done)
    with pytest.raises(HistoryError, match="'last' or 'best'"):
        read(RUNS, value="first")


def test_a_tag_may_name_the_task() -> None:
    """A tag or a parameter in place of the experiment tells the tasks; runs without it are left out."""
    tasks, told = read(RUNS, task="data")
    assert [task.name for task in tasks] == ["WINE", "IRIS"]
    assert "runs left out: 8 without 'data'." in told
    tasks, _ = read(RUNS, task="loss")
    assert {task.name for task in tasks} == {"log_loss", "modified_huber"}
    assert all("loss" not in trial.config for task in tasks for trial in task.trials)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    """Unknown experiments and metrics are met with the nearest; several metrics are listed."""
    with pytest.raises(HistoryError, match="did you mean 'both'"):
        read(RUNS, study="bot")
    with pytest.raises(MetricError, match="did you mean 'val/accuracy'"):
        read(RUNS, metric="val_accuracy")
    with pytest.raises(MetricError, match="'val/accuracy', 'val/log_loss': say which"):
        read(RUNS, metric=None)
    with pytest.raises(HistoryError, match="holds no run that ended"):
        read(RUNS, study="Default")
    with pytest.raises(HistoryError, match="holds no experiment"):
        read(tmp_path)
    with pytest.raises(HistoryError, match="there is nothing at"):
        read(tmp_path / "none")


def test_a_file_store_leads_nowhere_else(tmp_path: Path) -> None:
    """Links in a folder from elsewhere are not followed, neither files nor folders."""
    copy = tmp_path / "mlruns"
    shutil.copytree(RUNS, copy)
    secret = tmp_path / "secret"
    secret.write_text("1")
    run = next(path.parent for path in copy.glob("*/*/params"))
    (run / "params" / "leak").symlink_to(secret)
    (copy / "elsewhere").symlink_to(next(RUNS.glob("[1-9]*")))
    tasks, _ = read(copy)
    assert sum(len(task.trials) for task in tasks) == 8
    assert not any("leak" in trial.config for task in tasks for trial in task.trials)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"name: &a x\n",
        b"name: !!python/object:os.system x\n",
        b"[1, 2]\n",
        b"x" * (2**20 + 1),
        b"",
    ],
)
def test_a_damaged_run_is_left_out(tmp_path: Path, content: bytes) -> None:
    """What MLflow does not write in a meta.yaml leaves its run out, or its experiment, and says so."""
    copy = tmp_path / "mlruns"
    shutil.copytree(RUNS, copy)
    run = next(
        path for path in sorted(copy.glob("*/*/meta.yaml")) if (path.parent / "params" / "l1_ratio").is_file()
    )
    run.write_bytes(content)
    tasks, told = read(copy)
    assert sum(len(task.trials) for task in tasks) == 7
    assert sum(words.startswith("left out, as it is damaged") for words in told) == 1
    (run.parents[1] / "meta.yaml").write_bytes(content)
    tasks, told = read(copy)
    assert [task.name for task in tasks] in (["both: wine", "both: iris"], ["both: iris", "both: wine"])


def test_scalars_are_read_as_yaml_has_them(tmp_path: Path) -> None:
    """Quoted, continued and nested values, and null, are what they stand for."""
    path = tmp_path / "meta.yaml"
    path.write_text(
        "a: 'it''s: one'\nb: \"two\\ttabs\"\nc: null\nd: three\n  words\ntags:\n  mlflow.x: 'y'\ne: []\n"
    )
    assert told_in(path) == {
        "a": "it's: one",
        "b": "two\ttabs",
        "c": None,
        "d": "three words",
        "tags": {"mlflow.x": "y"},
        "e": "[]",
    }


def test_an_odd_database_is_refused(tmp_path: Path, database: Path) -> None:
    """A file that is no database, or another's, is one clear error; odd values are failures."""
    (tmp_path / "odd.db").write_bytes(b"SQLite format 3\0" + b"x" * 200)
    with pytest.raises(HistoryError, match="cannot be read as MLflow's database"):
        read(tmp_path / "odd.db")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        connection.execute("UPDATE latest_metrics SET value = 'high'")
        connection.execute("UPDATE runs SET start_time = 'early'")
    tasks, _ = read(database)
    assert all(trial.status is FAILED and trial.seconds is None for task in tasks for trial in task.trials)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE params")
    with pytest.raises(HistoryError, match="cannot be read as MLflow's database"):
        read(database)


def test_an_older_database_names_no_datasets(database: Path) -> None:
    """Before MLflow 2.4 there were no inputs: an experiment is a task."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE inputs")
    tasks, _ = read(database)
    assert {task.name for task in tasks} == {"wine: a search", "both"}

"""What holds for every test, and a small table that any may use."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from threading import Thread

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

import openml_server
from foretune.data import openml_client

# A property may take its time: a busy machine says nothing about the code. The gate tries the same examples
# each time; new ones are the fuzzers' work (benchmarks/fuzz.py).
settings.register_profile("house", deadline=None, derandomize=True, database=None)
settings.load_profile("house")

# Scripts that need the tools whose outputs they made are no tests.
collect_ignore = ["history/readers/outputs"]

# What rehearsals taught is kept for the run, and not in the user's own cache.
os.environ["FORETUNE_CACHE"] = tempfile.mkdtemp(prefix="foretune-cache-")


@pytest.fixture
def table() -> pd.DataFrame:
    """150 rows of numbers, text with gaps, and a target of two classes that depends on them."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=150), rng.normal(size=150)
    colour = rng.choice(["red", "green", "blue"], 150)
    target = np.where(a + (colour == "red") + rng.normal(scale=0.5, size=150) > 0, "yes", "no")
    columns = {"a": a, "b": np.where(b > 1.5, np.nan, b), "colour": colour, "target": target}
    return pd.DataFrame(columns)


@pytest.fixture
def csv(table: pd.DataFrame, tmp_path: Path) -> Path:
    """The table as a CSV file."""
    path = tmp_path / "small.csv"
    table.to_csv(path, index=False)
    return path


@dataclass
class Answer:
    """What a server says to one request; `told` is the length that it claims, -1 for none."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    told: int | None = None


@dataclass
class Site:
    """A web server on this machine: its answers by path and query, and the requests that it had."""

    address: str
    answers: dict[str, Answer]
    requests: list[str]

    def says(self, path: str, body: bytes = b"", **more: object) -> str:
        """The address of the path, which answers so from now on."""
        self.answers[path] = Answer(body, **more)  # type: ignore[arg-type]
        return self.address + path


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    """A web server on this machine, an empty cache folder, and no proxy between."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("FORETUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FORETUNE_OFFLINE", raising=False)
    answers: dict[str, Answer] = {}
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            answer = answers.get(self.path, Answer(status=404))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.told != -1:
                self.send_header(
                    "Content-Length", str(len(answer.body) if answer.told is None else answer.told)
                )
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = TCPServer(("127.0.0.1", 0), Handler)  # an HTTPServer would look its own name up
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_address[1]}", answers, requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def openml_site(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The web server as a small OpenML, to which openml-python is set; it tries each request once."""
    monkeypatch.setattr(openml_client, "RETRIES", 1)
    config = openml_client.package().config
    monkeypatch.setattr(config, "server", f"{site.address}{openml_server.API}")
    monkeypatch.setattr(config, "apikey", "")
    openml_server.put_on(site, openml_server.answers(site.address))
    for number, data in ((61, openml_server.ARFF), (62, openml_server.SPARSE)):
        site.says(f"/data/{number}.arff", data.encode())
    return site

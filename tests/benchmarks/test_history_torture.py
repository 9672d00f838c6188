"""A short torture of a history in each kind of database; the long one is benchmarks/history_torture.py."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from history_torture import tortured
from local_postgres import LocalPostgres


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_was_planned_is_there(kind: str, tmp_path: Path) -> None:
    """Writers that are killed and started again, on a server that crashes, lose and double nothing."""
    with ExitStack() as stack:
        url, server = f"sqlite:///{tmp_path / 'tortured.db'}", None
        if kind == "postgres":
            try:
                server = stack.enter_context(LocalPostgres(fsync="off"))
            except (RuntimeError, OSError) as error:
                pytest.skip(f"no PostgreSQL server: {error}")
            url = server.new_database("tortured")
        found = tortured(url, writers=2, trials=2000, kills=2, server=server, restarts=server is not None)
    told = {name: found[name] for name in ("planned", "stored", "lost", "doubled")}
    assert told == {"planned": 2000, "stored": 2000, "lost": 0, "doubled": 0}
    assert found["restarts"] == (server is not None)

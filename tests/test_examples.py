"""The worked examples run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    """Each example ends well, prints what it shows, and leaves nothing in the folder it runs in."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, str(example)],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) > 2
    assert not list(tmp_path.iterdir())


def test_there_are_examples() -> None:
    """The folder of examples is where it is looked for."""
    assert EXAMPLES

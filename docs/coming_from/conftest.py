"""The pages here run beside outputs that the tools really made, in a folder of their own."""

import gzip
import shutil
from pathlib import Path

import pytest

collect_ignore = ["openml.md"]  # it asks a server: tests/history/readers/test_openml.py runs it against one
OUTPUTS = Path(__file__).parents[2] / "tests" / "history" / "readers" / "outputs"


@pytest.fixture(autouse=True)
def folder_with_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outputs lie in the current folder, and at their place in the repository seen from it."""
    for home in (tmp_path, tmp_path / OUTPUTS.relative_to(OUTPUTS.parents[3])):
        shutil.copytree(OUTPUTS, home, dirs_exist_ok=True)
    (tmp_path / "mlflow.db").write_bytes(gzip.decompress((OUTPUTS / "mlflow.db.gz").read_bytes()))
    monkeypatch.chdir(tmp_path)

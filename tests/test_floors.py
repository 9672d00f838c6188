"""Imports look down only, and heavy packages come in by their own doors."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

SOURCE: Final = Path(__file__).parents[1] / "src" / "foretune"
FLOORS: Final = {
    "data": 0,
    "features": 1,
    "history": 1,
    "learners": 2,
    "collect": 2,
    "recommender": 3,
    "experiments": 4,
    "faces": 5,
}
BESIDE: Final = {"__init__.py", "__main__.py", "testing", "experience"}  # beside the stairs
TESTING_SEES: Final = 2  # testing may look at the floors up to this one
DOORS: Final = {
    "torch": {
        "learners/bayesian_network_training.py",
        "collect/cnn.py",
        "collect/training.py",
        "collect/layers.py",
        "collect/augmentation.py",
    },
    "skorch": {"collect/training.py"},
    "kornia": {"collect/augmentation.py"},
    "optuna": {
        "faces/optuna_sampler.py",
        "faces/sampling/live_study.py",
        "history/readers/optuna.py",
        "history/readers/optuna_distributions.py",
    },
    "psycopg": {"history/postgres.py"},
    "openml": {"data/openml_client.py"},
    "pyarrow": {"history/parquet.py", "history/expansion.py", "collect/hubs/parquet_files.py"},
    "PIL": {"collect/hubs/pictures.py"},
    "dask": {"collect/backends.py"},
    "distributed": {"collect/backends.py"},
    "ray": {"collect/backends.py"},
    "xgboost": {"collect/built_in/boosting.py"},
    "lightgbm": {"collect/built_in/boosting.py"},
}
IMPORTERS: Final = {"import_module", "__import__", "_extra", "find_spec"}
PLACE: Final = re.compile(r"[a-z_][\w.]*:[A-Z]\w*")  # "package.module:Name", as a family names its estimators
FILES: Final = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))


def imported(source: str) -> Iterator[str]:
    """The full name of every module that the source imports, anywhere and in whatever way."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
            # `from foretune import data` imports foretune.data.
            yield from (f"foretune.{alias.name}" for alias in node.names if node.module == "foretune")
        elif isinstance(node, ast.Call) and _name(node.func) in IMPORTERS and node.args:
            yield from (str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant))
        elif isinstance(node, ast.Constant) and PLACE.fullmatch(str(node.value)):
            yield str(node.value).partition(":")[0]


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def crossings(file: str, source: str) -> list[str]:
    """The imports of a file that look up, sideways or at `foretune` itself; `experience` is data to all."""
    ours = [name for name in imported(source) if name.split(".")[0] in ("foretune", "")]
    return [name for name in ours if not _may_see(file, name)]


def _may_see(file: str, name: str) -> bool:
    room, seen_room = file.partition("/")[0], name.removeprefix("foretune.").partition(".")[0]
    if seen_room == "experience":
        return True
    if room == "experience":
        return False
    if room in BESIDE:
        return room != "testing" or seen_room == room or FLOORS.get(seen_room, 99) <= TESTING_SEES
    return seen_room == room or FLOORS.get(seen_room, 99) < FLOORS[room]


def wrong_doors(file: str, source: str) -> list[str]:
    """The heavy packages that a file imports although it is not their door."""
    roots = (name.split(".")[0] for name in imported(source))
    return [root for root in roots if file not in DOORS.get(root, {file})]


def test_every_file_is_in_a_room() -> None:
    """Each source file is on a floor or beside the stairs, and each floor holds one."""
    rooms = {file.split("/")[0] for file in FILES}
    assert rooms <= {*FLOORS, *BESIDE}
    assert {*FLOORS} <= rooms


@pytest.mark.parametrize("file", FILES)
def test_imports_look_down(file: str) -> None:
    """No file imports from its own floor's other room, from above, or from beside the stairs."""
    assert crossings(file, (SOURCE / file).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", FILES)
def test_heavy_packages_come_in_by_their_doors(file: str) -> None:
    """An optional or heavy package is imported only by the files that DOORS names."""
    assert wrong_doors(file, (SOURCE / file).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("data/a.py", "import foretune.features.encoding"),
        ("features/a.py", "from foretune.history.history import History"),
        ("learners/a.py", "from foretune import collect"),
        ("collect/a.py", "def f():\n    from foretune.learners.learner import Learner"),
        ("history/a.py", "if TYPE_CHECKING:\n    from foretune.recommender.recommender import Recommender"),
        ("recommender/a.py", "import_module('foretune.faces.cli')"),
        ("experiments/a.py", "import foretune"),
        ("faces/a.py", "from foretune.testing import check_history"),
        ("faces/a.py", "from . import cli"),
        ("testing/a.py", "from foretune.recommender.recommender import Recommender"),
        ("experience/__init__.py", "from foretune.data.records import Task"),
    ],
)
def test_a_crossing_is_seen(file: str, source: str) -> None:
    """The check finds an import up, sideways or beside, wherever in a file it hides."""
    assert crossings(file, source) != []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("features/a.py", "from foretune.data.records import Task\nfrom foretune.features.table import read"),
        ("faces/a.py", "from foretune.experiments.replay import replay"),
        ("testing/a.py", "from foretune.learners.learner import Learner"),
        ("recommender/a.py", "from foretune.experience import PACK"),
        ("__init__.py", "from foretune.recommender.recommender import Recommender"),
    ],
)
def test_the_stairs_down_are_open(file: str, source: str) -> None:
    """The check lets an import down, within a room, or from beside the stairs pass."""
    assert crossings(file, source) == []


@pytest.mark.parametrize(
    "source",
    [
        "import torch",
        "from optuna.trial import Trial",
        "importlib.import_module('ray.util')",
        "_extra('dask', 'dask')",
        "Family('xgb', {'regression': 'xgboost.sklearn:XGBRegressor'}, space, {})",
    ],
)
def test_a_wrong_door_is_seen(source: str) -> None:
    """The check finds a heavy package that comes in elsewhere, by any kind of import."""
    assert wrong_doors("collect/sweep.py", source) != []


def test_importing_foretune_loads_nothing_heavy() -> None:
    """`import foretune` in a fresh interpreter loads no numerical or storage package."""
    heavy = ["numpy", "pandas", "sklearn", "scipy", "ConfigSpace", "sqlalchemy", "pyarrow", "torch", "optuna"]
    command = "import sys, foretune; print([name for name in sys.argv[1:] if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", command, *heavy], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

"""What holds for every test, and a small table that any may use."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

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

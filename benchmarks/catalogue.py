"""The folder that the experience is collected from: tables with a column `target`, and catalogue.csv.

The catalogue names for each table its task (classification or regression) and the source that it is from.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from foretune.collect.datasets import Dataset, load_dataset
from foretune.data.errors import DatasetError
from foretune.data.metrics import Target


def read_catalogue(folder: Path) -> dict[str, dict[str, str]]:
    """The catalogue's rows by the dataset's name."""
    with (folder / "catalogue.csv").open(encoding="utf-8") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def load_catalogued(folder: Path) -> Iterator[Dataset]:
    """Every dataset of the folder that can be learned from, for the task that the catalogue names."""
    for name, row in read_catalogue(folder).items():
        target: Target = "regression" if row["task"] == "regression" else "classification"
        try:
            yield load_dataset(folder / f"{name}.parquet", target=target)
        except DatasetError as error:
            print(f"left out: {error}", flush=True)

"""Datasets: tables and images with a target, from files and scikit-learn, known by their fingerprint."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from foretune.collect.fingerprint import image_digest, table_digest
from foretune.collect.hubs.parquet_layout import is_parquet_folder
from foretune.collect.hubs.picture_folder import is_picture_folder, no_dataset, read_picture_folder
from foretune.collect.images import Part, Pixels, as_labels, as_pixels, is_idx_folder, read_images
from foretune.collect.table_files import (
    FILE_TYPES,
    named_twice,
    read_table,
    with_classes_named_none,
    without_row_numbers,
)
from foretune.data.bounds import MOST_COLUMNS, check_count
from foretune.data.csv_dialect import SEPARATORS
from foretune.data.downloads import Progress
from foretune.data.errors import DatasetError
from foretune.data.metrics import Target
from foretune.data.records import Ints, plain
from foretune.features.columns import as_meant, target_as_meant
from foretune.features.metafeatures import describe
from foretune.features.table import FEW_DISTINCT, target_of

ALMOST: Final = 0.8  # of likeness: "traget" was meant to be "target"
BUNDLED: Final = ("breast_cancer", "diabetes", "digits", "iris", "wine")


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table `X` (n rows, d columns), its target `y` (n,), and where it came from.

    Datasets are equal when their fingerprints are. Raises `DatasetError` where nothing could be learned from
    it: no rows, no columns, a column without any value, a missing target value, one class, or as
    the target of a regression text, infinite numbers, or the same number everywhere.

    Images are rows of pixels, bytes, with `image_shape` (height, width, channels): `X` is (n, h * w * c).
    `provenance` holds what a hub says of the dataset: id, version, licence, citation.
    """

    name: str
    X: pd.DataFrame
    y: "pd.Series[Any]"
    target: Target
    source: str = ""
    image_shape: tuple[int, int, int] | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "X", as_meant(self.X))
        object.__setattr__(self, "y", target_as_meant(self.y))
        if self.image_shape is not None and self.X.shape[1] != np.prod(self.image_shape):
            raise DatasetError(
                f"{self.name}: {self.X.shape[1]} columns are no images of {self.image_shape} pixels: give "
                "height x width x channels columns."
            )
        if not len(self.X) or not self.X.shape[1]:
            raise DatasetError(
                f"{self.name} is empty: it needs at least one row and one column beside the target."
            )
        if self.y.isna().any():
            raise DatasetError(
                f"{self.name}: {int(self.y.isna().sum())} target values are missing: drop those rows."
            )
        empty = [str(column) for column in self.X.columns[self.X.isna().all()]]
        if empty:
            raise DatasetError(f"{self.name}: column {empty[0]!r} has no value at all: drop it.")
        if self.target == "classification" and self.y.nunique() < 2:
            raise DatasetError(
                f"{self.name}: the target has one class only, {plain(self.y.iloc[0])!r}: nothing to learn."
            )
        if self.target == "regression" and not pd.api.types.is_numeric_dtype(self.y):
            raise DatasetError(f"{self.name}: a regression needs numbers as its target, not text.")
        if self.target == "regression" and not np.isfinite(self.y.to_numpy(dtype=np.float64)).all():
            raise DatasetError(f"{self.name}: a regression needs finite targets: drop the infinite ones.")
        if self.target == "regression" and self.y.nunique() < 2:
            raise DatasetError(
                f"{self.name}: the target is {plain(self.y.iloc[0])!r} everywhere: nothing to learn."
            )

    @cached_property
    def fingerprint(self) -> str:
        """Names the data by content: the same for shuffled rows, reordered or renamed columns.

        The pixels of images have their places: there only the order of the rows does not count.
        """
        if self.image_shape is not None:
            return image_digest(self.pixels, self.y)
        return table_digest(self.X, self.y)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dataset) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def pixels(self) -> Pixels:
        """The images (n, height, width, channels), bytes; `DatasetError` where the dataset has none."""
        if self.image_shape is None:
            raise DatasetError(f"{self.name} holds no images: give an NPZ file or a folder of IDX files.")
        return self.X.to_numpy(dtype=np.uint8).reshape(-1, *self.image_shape)

    def describe(self) -> dict[str, float]:
        """The meta-features of the dataset, with those of its images where it has some."""
        return describe(self.X, self.y, target=self.target, image_shape=self.image_shape)

    def sample(self, rows: int | None, *, seed: int = 0) -> "Dataset":
        """At most so many rows, drawn at random; each class keeps its share, and at least one row."""
        if rows is None or len(self.X) <= rows:
            return self
        rng = np.random.default_rng(seed)
        order = pd.Series(rng.permutation(len(self.X)))
        if self.target == "classification":
            labels = pd.Series(self.y.to_numpy()[order.to_numpy()])
            # The rank within its class, as a share of that class: the lowest ranks form a stratified sample.
            share = labels.groupby(labels).cumcount() / labels.groupby(labels).transform("size")
            order = order.iloc[share.sort_values(kind="stable").index]
        kept = np.sort(order.to_numpy()[:rows])
        return self.part(kept)

    def part(self, rows: Ints) -> "Dataset":
        """The dataset of these rows only; a column that has no value there is left out."""
        X, y = self.X.iloc[rows].reset_index(drop=True), self.y.iloc[rows].reset_index(drop=True)
        if self.image_shape is None:
            X = X.loc[:, X.notna().any()]
        return replace(self, X=X, y=y)


def make_image_dataset(
    name: str, images: ArrayLike, labels: ArrayLike, *, target: Target | None = None, source: str = ""
) -> Dataset:
    """The dataset of images (n, height, width[, channels]), bytes or floats in [0, 1], with labels (n,).

    >>> data = make_image_dataset("dots", np.zeros((4, 2, 2), dtype=np.uint8), [0, 1, 0, 1])
    >>> data.X.shape, data.image_shape
    ((4, 4), (2, 2, 1))
    """
    pixels = as_pixels(images, name)
    y = pd.Series(as_labels(np.asarray(labels), name), name="label")
    if len(pixels) != len(y):
        raise DatasetError(f"{name} has {len(pixels)} images but {len(y)} labels: give one label an image.")
    height, width, channels = pixels.shape[1:]
    X = pd.DataFrame(pixels.reshape(len(pixels), -1))
    return Dataset(name, X, y, target or target_of(y), source, (height, width, channels))


def make_dataset(
    name: str, table: pd.DataFrame, target_column: str, *, target: Target | None = None, source: str = ""
) -> Dataset:
    """The dataset in a table, one of whose columns is the target.

    `target` is told from the column where it is not given: text, booleans and at most 20 whole numbers mean
    classification.
    """
    if table.empty:
        raise DatasetError(f"{name} is empty: it holds no rows.")
    check_count(table.shape[1], MOST_COLUMNS, f"columns in {name}", error=DatasetError)
    if target_column not in table.columns:
        known = {str(column).lower(): str(column) for column in table.columns}
        near = [known[one] for one in get_close_matches(target_column.lower(), known, n=1)]
        hint = (
            f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(str, table.columns[:8]))}, ..."
        )
        raise DatasetError(f"{name} has no column {target_column!r}: {hint}")
    if not table.columns.is_unique:
        raise DatasetError(named_twice(name, table.columns[table.columns.duplicated()][0]))
    y = table[target_column]
    if len(y) > FEW_DISTINCT and y.is_unique and (target or target_of(y)) == "classification":
        raise DatasetError(
            f"{name}: no two rows have the same {target_column!r}, so its values are no classes: give "
            "another target, or turn them into numbers."
        )
    return Dataset(name, table.drop(columns=target_column), y, target or target_of(y), source)


def load_dataset(
    source: str | Path,
    *,
    target_column: str | None = None,
    target: Target | None = None,
    on_progress: Progress | None = None,
) -> Dataset:
    """The dataset of a file (CSV, TSV, Parquet, ARFF, NPZ), a bundled name (`iris`, `wine`, ...), or a hub.

    An NPZ file holds images and their labels, and so does a folder of IDX files: see `load_image_dataset`. A
    folder of pictures holds them in folders named as their classes, CLASS/NAME.png (or .jpg). A
    folder of Parquet files with the names of Hugging Face datasets is one, FOLDER#test another part of it.
    Names of hubs, such as `hf:ylecun/mnist`, `openml:61`, `uci:iris`, are fetched once; `on_progress` is told
    how far a long download is. The column to predict is what a hub says, else `target`, if none is given.
    """
    from foretune.collect.hubs.hub import is_hub_name, load_from_hub  # noqa: PLC0415 - hubs give datasets

    path = Path(source)
    if str(source) in BUNDLED and not path.exists():
        if target_column not in (None, "target"):
            raise DatasetError(f"{source} has a target of its own: leave {target_column!r} out.")
        return _bundled(str(source))
    if is_hub_name(str(source)) and not path.exists():
        return load_from_hub(str(source), target_column=target_column, target=target, on_progress=on_progress)
    folder, _, part = str(source).partition("#")
    if folder and is_parquet_folder(Path(folder)) and not (part and path.exists()):
        return _load_parquet_folder(Path(folder), part or None, target_column, target)
    if (path.is_file() and path.suffix.lower() == ".npz") or is_idx_folder(path) or is_picture_folder(path):
        return load_image_dataset(path, target=target)
    if path.is_dir():
        raise no_dataset(path)
    if not path.is_file():
        raise DatasetError(
            f"there is no file {str(source)!r}: give a {', '.join(FILE_TYPES)} file, "
            f"one of scikit-learn's datasets {', '.join(BUNDLED)}, or a hub's name such as hf:ylecun/mnist, "
            "openml:61, uci:iris."
        )
    if path.suffix.lower() == ".parquet" and (pictures := _load_pictures(path, target_column, target)):
        return pictures
    table = read_table(path)
    known = [str(column).lower() for column in table.columns]
    if target_column is None and not get_close_matches("target", known, n=1, cutoff=ALMOST):
        some = ", ".join(map(str, table.columns[:8])) + (", ..." if table.shape[1] > 8 else "")
        raise DatasetError(
            f"{path.stem} has no column 'target': say which one is to be predicted (--target, or "
            f"target_column=...); it has {some}."
        )
    column = target_column or "target"
    if path.suffix.lower() in SEPARATORS and column in table.columns:
        table = with_classes_named_none(table, column, path)
    table = _without_gaps(without_row_numbers(table, path.stem), column, path.stem)
    return make_dataset(path.stem, table, column, target=target, source=str(source))


def _without_gaps(table: pd.DataFrame, target_column: str, name: str) -> pd.DataFrame:
    """The table without rows that have no target and columns that have no value, which is told of."""
    if target_column not in table.columns or not table.columns.is_unique or table[target_column].isna().all():
        return table  # as an error says better
    if missing := int(table[target_column].isna().sum()):
        warnings.warn(f"{name}: {missing} rows without {target_column!r} are left out.", stacklevel=3)
        table = table[table[target_column].notna()].reset_index(drop=True)
    if empty := [str(column) for column in table.columns[table.isna().all()]]:
        warnings.warn(f"{name}: {', '.join(empty[:5])} left out, as no row has a value.", stacklevel=3)
    return table.dropna(axis=1, how="all")


def _load_parquet_folder(
    folder: Path, part: str | None, target_column: str | None, target: Target | None
) -> Dataset:
    from foretune.collect.hubs.parquet_files import load_parquet_folder  # noqa: PLC0415 - it gives datasets

    return load_parquet_folder(folder, part, target_column=target_column, target=target)


def _load_pictures(path: Path, target_column: str | None, target: Target | None) -> Dataset | None:
    """The dataset in one Parquet file of pictures; None where it holds none."""
    from foretune.collect.hubs.parquet_files import holds_pictures, read_dataset  # noqa: PLC0415 - as above

    if not holds_pictures(path):
        return None
    return read_dataset(path.stem, [path], target_column=target_column, target=target, source=str(path))


def load_image_dataset(path: Path, *, part: Part = "all", target: Target | None = None) -> Dataset:
    """The images and labels of an NPZ file, of a folder of IDX files, or of pictures, CLASS/NAME.png.

    An NPZ file names them x and y, images and labels, or x_train, y_train, x_test, y_test. `part` is "train",
    "test", or "all": both, the training part first. Pictures have no parts.
    """
    idx_or_npz = is_idx_folder(path) or not path.is_dir()
    images, labels = read_images(path, part) if idx_or_npz else read_picture_folder(path)
    return make_image_dataset(
        path.stem if path.is_file() else path.name, images, labels, target=target, source=str(path)
    )


def dataset_sources(places: "list[str]") -> Iterator[str]:
    """What `load_dataset` takes, for each place: a folder stands for the files in it, sorted by name."""
    for place in places:
        folder = Path(place)
        if not folder.is_dir() or is_idx_folder(folder) or is_parquet_folder(folder):
            yield place
            continue
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in FILE_TYPES)
        if not files and is_picture_folder(folder):
            files = [folder]
        if not files:
            raise DatasetError(f"the folder {place!r} holds no {', '.join(FILE_TYPES)} file.")
        yield from map(str, files)


def _bundled(name: str) -> Dataset:
    from sklearn import datasets  # noqa: PLC0415

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    target: Target = "regression" if name == "diabetes" else "classification"
    return Dataset(name, bunch.data, bunch.target, target, f"sklearn:{name}")

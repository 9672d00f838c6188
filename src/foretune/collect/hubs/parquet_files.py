"""Datasets in Parquet files as Hugging Face writes them, whether from the hub or in a folder of one's own."""

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from foretune.collect.datasets import Dataset, make_dataset, make_image_dataset
from foretune.collect.hubs.parquet_layout import chosen_files, parquet_places
from foretune.collect.hubs.pictures import decode_pictures
from foretune.data.errors import DatasetError
from foretune.data.metrics import Target

LARGEST_BYTES = 2**31  # of all columns once unpacked
ROWS_AT_ONCE: Final = 8192  # so many are unpacked before the bytes are counted again
INDEX: Final = re.compile(r"__index_level_\d+__")  # the rows' names, which pandas may store as a column
FEATURES: Final = b"huggingface"  # the key of the schema's metadata that tells of ClassLabels and Images


def load_parquet_folder(
    folder: Path, part: str | None = None, *, target_column: str | None = None, target: Target | None = None
) -> Dataset:
    """The dataset in such a folder: its training split, or what `part` names (see `chosen_files`)."""
    places = chosen_files(parquet_places(folder), part, folder.name)
    files = [folder / place for place in places]
    source = str(folder) + (f"#{part}" if part else "")
    return read_dataset(folder.name, files, target_column=target_column, target=target, source=source)


def read_dataset(
    name: str, files: Sequence[Path], *, target_column: str | None, target: Target | None, source: str
) -> Dataset:
    """The dataset in Parquet files of one schema: images where a column holds pictures, else a table.

    Its target is the given column, else the only ClassLabel, else `label` or `target`. Classes bear their
    names; rows without a label (-1 or none) are left out, with a warning.
    """
    try:
        table, features = _read(name, files, target_column)
    except DatasetError:
        raise
    except Exception as error:  # pyarrow raises errors of many kinds for a damaged file
        line = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(f"{name} cannot be read as Parquet: {line}") from error
    column = _target_column(name, table.column_names, features, target_column)
    pictures = _pictures(table.schema, features)
    if len(pictures) > 1:
        raise DatasetError(
            f"{name} has several columns of pictures, {', '.join(pictures)}: keep one of them."
        )
    if pictures:
        data = _image_dataset(name, table.select([pictures[0], column]), features, target, source)
    else:
        frame = _labelled(_frame(name, table, features), column, name)
        data = make_dataset(name, frame.loc[:, frame.notna().any()], column, target=target, source=source)
    return replace(data, provenance={"target": column})


def _image_dataset(
    name: str,
    table: pa.Table,
    features: Mapping[str, Mapping[str, Any]],
    target: Target | None,
    source: str,
) -> Dataset:
    """The dataset of a table of two columns, pictures and labels."""
    pictures, column = table.column_names
    labels = _labels(table[column].to_pandas(), features.get(column))
    kept = labels.notna().to_numpy()
    if not kept.any():
        raise DatasetError(f"{name}: no row has a {column!r}: choose another part of it.")
    _tell_left_out(name, column, int((~kept).sum()))
    pixels = decode_pictures(table[pictures].filter(pa.array(kept)), name)
    return make_image_dataset(name, pixels, labels[kept].to_numpy(), target=target, source=source)


def _read(
    name: str, files: Sequence[Path], target_column: str | None
) -> tuple[pa.Table, Mapping[str, Mapping[str, Any]]]:
    """All rows, and what the first file's metadata say of its columns."""
    tables, left = [], LARGEST_BYTES
    for file in files:
        with pq.ParquetFile(file) as parquet:
            schema, features = parquet.schema_arrow, _features(parquet.schema_arrow)
            columns = _pictures(schema, features) or None
            if columns:  # what else lies beside pictures need not be read
                columns.append(_target_column(name, schema.names, features, target_column))
            tables.append(_table(name, parquet, columns, left))
            left -= tables[-1].nbytes
    return pa.concat_tables(tables), _features(tables[0].schema)


def holds_pictures(file: Path) -> bool:
    """Whether a column of the file is one of pictures; False where it cannot be read."""
    try:
        schema = pq.read_schema(file)
        return bool(_pictures(schema, _features(schema)))
    except Exception:  # pyarrow raises errors of many kinds for a damaged file; who reads it will tell
        return False


def table_at(file: Path, name: str) -> pd.DataFrame:
    """The table of one file; a `DatasetError` where it is damaged, or unpacks to more than the limit."""
    try:
        with pq.ParquetFile(file) as parquet:
            table: pd.DataFrame = _table(name, parquet, None, LARGEST_BYTES).to_pandas()
            return table
    except DatasetError:
        raise
    except Exception as error:  # pyarrow raises errors of many kinds for a damaged file
        raise DatasetError(f"{file} cannot be read as Parquet: delete it and try again.") from error


def _table(name: str, parquet: pq.ParquetFile, columns: list[str] | None, most: int) -> pa.Table:
    """The columns, all if none are named; read piece by piece, as a small file may unpack to anything."""
    pieces = []
    for piece in parquet.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns):
        pieces.append(piece)
        most -= piece.nbytes
        if most < 0:
            raise DatasetError(
                f"{name} unpacks to more than {LARGEST_BYTES / 2**30:.0f} GiB: choose a smaller part."
            )
    schema = parquet.schema_arrow
    kept = schema if columns is None else pa.schema([schema.field(one) for one in columns], schema.metadata)
    return pa.Table.from_batches([piece.select(kept.names).cast(kept) for piece in pieces], kept)


def _features(schema: pa.Schema) -> Mapping[str, Mapping[str, Any]]:
    try:
        told = json.loads((schema.metadata or {})[FEATURES])["info"]["features"]
        return {name: feature for name, feature in told.items() if isinstance(feature, dict)}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _pictures(schema: pa.Schema, features: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The columns of encoded pictures: said to be images, or {bytes, path} where nothing is said."""
    found = []
    for field in schema:
        looks = pa.types.is_struct(field.type) and {each.name for each in field.type} == {"bytes", "path"}
        if looks and features.get(field.name, {}).get("_type", "Image") == "Image":
            found.append(field.name)
    return found


def _target_column(
    name: str, columns: Sequence[str], features: Mapping[str, Mapping[str, Any]], wanted: str | None
) -> str:
    labels = [one for one in columns if features.get(one, {}).get("_type") == "ClassLabel"]
    if wanted is not None:
        if wanted not in columns:
            raise DatasetError(
                f"{name} has no column {wanted!r} to predict: it has {', '.join(columns[:12])}."
            )
        return wanted
    for one in ("label", "target"):
        if one in labels or (not labels and one in columns):
            return one
    if len(labels) == 1:
        return labels[0]
    what = f"has {len(labels)} labels" if labels else "names no label"
    raise DatasetError(
        f"{name} {what}: say which column to predict (--target, target_column=): "
        f"{', '.join((labels or list(columns))[:12])}."
    )


def _labels(column: "pd.Series[Any]", feature: Mapping[str, Any] | None) -> "pd.Series[Any]":
    """A ClassLabel's numbers as the names of its classes, -1 as missing; any other column as it is."""
    names = (feature or {}).get("names")
    if not isinstance(names, list) or not pd.api.types.is_numeric_dtype(column):
        return column
    return column.map(dict(enumerate(map(str, names))), na_action="ignore")


def _frame(name: str, table: pa.Table, features: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    fields = [_plain(name, field) for field in table.schema if not INDEX.fullmatch(field.name)]
    kept = table.select([field.name for field in fields]).cast(pa.schema(fields))
    frame: pd.DataFrame = kept.to_pandas()
    return frame.assign(**{one: _labels(frame[one], features.get(one)) for one in frame.columns})


def _plain(name: str, field: pa.Field) -> pa.Field:
    """The column as a number or a category; `DatasetError` where it is neither."""
    kind = field.type
    blob = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    if blob or pa.types.is_nested(kind):
        raise DatasetError(
            f"{name}: column {field.name!r} holds {kind}, which is neither number nor category: "
            "make a table without it."
        )
    return field.with_type(pa.float64()) if pa.types.is_decimal(kind) else field


def _labelled(frame: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    kept = frame[column].notna()
    if not kept.any():
        raise DatasetError(f"{name}: no row has a {column!r}: choose another part of it.")
    _tell_left_out(name, column, int((~kept).sum()))
    return frame[kept].reset_index(drop=True)


def _tell_left_out(name: str, column: str, rows: int) -> None:
    if rows:
        warnings.warn(f"{name}: {rows} rows without {column!r} are left out.", stacklevel=5)

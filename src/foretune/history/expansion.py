"""Parquet files from strangers, read without believing what they say of their own size.

A few kilobytes may claim, or truly unpack to, more than any memory holds: repeated values are stored once.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from foretune.data.bounds import MOST_COLUMNS, MOST_EXPANDED_BYTES, check_count
from foretune.data.errors import HistoryError

ROWS_AT_ONCE: Final = 8192  # so much is unpacked before the bytes are counted again
CELL_BYTES: Final = 8  # of a number, or of a reference to a text


def check_parquet(source: Path, *, most: int = MOST_EXPANDED_BYTES, error: type[Exception]) -> None:
    """Raises `error` where the file would need more than `most` bytes once it is read.

    Columns of numbers are counted by their rows; texts and lists, whose sizes a file may lie about, are
    unpacked piece by piece. What pyarrow raises for a damaged file passes through.
    """
    with pq.ParquetFile(source) as file:
        _check_told(file, most, error)
        unsure = [
            name for name in file.schema_arrow.names if not _is_flat(file.schema_arrow.field(name).type)
        ]
        for _ in _pieces(file, most, error, columns=unsure) if unsure else ():
            pass


def table_in(content: bytes, *, most: int = MOST_EXPANDED_BYTES) -> pa.Table:
    """The table in the bytes of a Parquet file; `HistoryError` where it would need more than `most` bytes.

    What pyarrow raises for a damaged file passes through.
    """
    with pq.ParquetFile(pa.BufferReader(content)) as file:
        _check_told(file, most, HistoryError)
        return pa.Table.from_batches(_pieces(file, most, HistoryError), schema=file.schema_arrow)


def _check_told(file: pq.ParquetFile, most: int, error: type[Exception]) -> None:
    """Raises `error` where the file itself tells that it is too large."""
    about = file.metadata
    check_count(about.num_columns, MOST_COLUMNS, "columns in a Parquet file", error=error)
    told = sum(about.row_group(k).total_byte_size for k in range(about.num_row_groups))
    needed = max(told, about.num_rows * about.num_columns * CELL_BYTES)
    check_count(needed, most, "bytes unpacked from a Parquet file", error=error)


def _pieces(
    file: pq.ParquetFile, most: int, error: type[Exception], **chosen: Any
) -> Iterator[pa.RecordBatch]:
    """The file's rows, piece by piece, as long as they stay within the limit."""
    size = 0
    for piece in file.iter_batches(batch_size=ROWS_AT_ONCE, **chosen):
        size += piece.nbytes
        check_count(size, most, "bytes unpacked from a Parquet file", error=error)
        piece.validate(full=True)  # texts that are no UTF-8 would stumble later, where they are used
        yield piece


def _is_flat(kind: pa.DataType) -> bool:
    """Whether every value needs as much as any other."""
    return bool(pa.types.is_primitive(kind) or pa.types.is_null(kind))

"""Parquet files that unpack to more than they look are refused before they fill the memory."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foretune.collect.datasets import load_dataset
from foretune.data.errors import DatasetError, HistoryError
from foretune.history import expansion
from foretune.history.expansion import check_parquet, table_in

MEBIBYTE = 2**20


def bomb(path: Path, column: pa.Array) -> Path:
    """A small file that holds the column."""
    pq.write_table(
        pa.table({"a": column, "target": pa.nulls(len(column), pa.int8())}), path, compression="zstd"
    )
    assert path.stat().st_size < MEBIBYTE // 4
    return path


BOMBS = {
    "texts": pa.array(["x" * 1000] * 20_000),
    "numbers": pa.array([1.0] * 1_000_000),
    "lists": pa.array([[1.0] * 1000] * 2000),
    "nothing": pa.nulls(1_000_000),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused(tmp_path: Path, kind: str) -> None:
    """Repeated texts, numbers, lists and gaps are counted as what they unpack to."""
    path = bomb(tmp_path / "bomb.parquet", BOMBS[kind])
    with pytest.raises(HistoryError, match="bytes unpacked"):
        check_parquet(path, most=4 * MEBIBYTE, error=HistoryError)
    with pytest.raises(HistoryError, match="bytes unpacked"):
        table_in(path.read_bytes(), most=4 * MEBIBYTE)


def test_a_file_within_the_limit_is_whole(tmp_path: Path) -> None:
    """What is below the limit is read as pyarrow reads it."""
    path = bomb(tmp_path / "file.parquet", BOMBS["texts"])
    check_parquet(path, most=64 * MEBIBYTE, error=HistoryError)
    assert table_in(path.read_bytes(), most=64 * MEBIBYTE).equals(pq.read_table(path))


def test_a_dataset_that_is_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset that would not fit is a `DatasetError`."""
    monkeypatch.setattr(expansion.check_parquet, "__kwdefaults__", {"most": MEBIBYTE})
    path = bomb(tmp_path / "bomb.parquet", BOMBS["numbers"])
    with pytest.raises(DatasetError, match="bytes unpacked"):
        load_dataset(path)

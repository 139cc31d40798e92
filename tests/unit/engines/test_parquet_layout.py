"""How columns are stored goes by what is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
import pytest

from stagecraft.engines.parquet import ROW_GROUP, layout, write_batches

ROWS = 20_000
NOISE = np.random.default_rng(0).standard_normal(ROWS)
TABLE = pa.table(
    {
        "noise": NOISE,
        "cents": np.round(NOISE, 2),
        "sloped": np.linspace(0, 1, ROWS).round(3),
        "word": pa.array(["a", "b"] * (ROWS // 2)),
        "key": np.arange(ROWS),
        "flag": pa.array([True, None] * (ROWS // 2)),
        "empty": pa.nulls(ROWS, pa.float64()),
        "leaves": pa.array([[1, 2]] * ROWS, pa.list_(pa.int16())),
        "bytes": pa.array([each.tobytes() for each in NOISE], pa.binary(8)),
        "spaced": pa.array([each.tobytes() for each in np.arange(ROWS)], pa.binary(8)),
    }
)


def test_each_column_gets_what_pays() -> None:
    chosen = layout(TABLE)
    assert set(chosen.dictionary) == {"cents", "sloped", "word", "empty", "leaves.list.element"}
    assert chosen.compression["noise"] == "none", "random mantissas do not shrink"
    assert (chosen.compression["bytes"], chosen.compression["spaced"]) == ("none", "lz4")
    others = set(chosen.compression) - {"noise", "bytes", "spaced"}
    assert {chosen.compression[name] for name in others} == {"zstd"}
    assert not {"noise", "cents", "sloped", "empty"} & set(chosen.statistics), (
        "NaN hides from a float's bounds"
    )


def test_a_file_holds_what_was_written(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.parquet")
    tables = [TABLE.slice(0, 7_001), TABLE.slice(7_001), *[TABLE] * 3]
    batches = [batch for table in tables for batch in table.to_batches()]
    assert write_batches(batches, TABLE.schema, pyarrow.fs.LocalFileSystem(), path) == 4 * ROWS
    assert pq.read_table(path).equals(pa.concat_tables([TABLE] * 4))
    meta = pq.read_metadata(path)
    assert [meta.row_group(group).num_rows for group in range(2)] == [ROW_GROUP, 4 * ROWS - ROW_GROUP]
    codecs = {meta.row_group(0).column(at).path_in_schema: meta.row_group(0).column(at) for at in range(10)}
    assert "RLE_DICTIONARY" in codecs["leaves.list.element"].encodings


def test_pages_hold_their_checksums(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_batches(TABLE.to_batches(), TABLE.schema, pyarrow.fs.LocalFileSystem(), str(path))
    data = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(TABLE.column_names.index("noise"))
    data[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    path.write_bytes(data)
    assert not pq.read_table(path).equals(TABLE)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(path, page_checksum_verification=True)


def test_a_file_of_no_rows(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.parquet")
    assert write_batches([], TABLE.schema, pyarrow.fs.LocalFileSystem(), path) == 0
    assert pq.read_table(path).schema.equals(TABLE.schema)

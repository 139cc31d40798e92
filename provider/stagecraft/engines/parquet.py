"""Writing batches as one Parquet file."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

ROW_GROUP = 1 << 16
"""Rows of a row group, and of the batches that engines work on."""


def write_batches(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, filesystem: pyarrow.fs.FileSystem, path: str
) -> int:
    """Write batches as they come, in row groups of equal size; return the number of rows."""
    rows, waiting = 0, pa.Table.from_batches([], schema)
    with pq.ParquetWriter(path, schema, filesystem=filesystem, compression="zstd") as writer:
        for batch in batches:
            rows += batch.num_rows
            waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch]).cast(schema)])
            while waiting.num_rows >= ROW_GROUP:
                writer.write_table(waiting.slice(0, ROW_GROUP))
                waiting = waiting.slice(ROW_GROUP)
        if waiting.num_rows:
            writer.write_table(waiting)
    return rows

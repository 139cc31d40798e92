"""Writing batches as one Parquet file, each column in the encoding that pays for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet as pq
import pyarrow.types as is_

ROW_GROUP = 1 << 16
"""Rows of a row group, and of the batches that engines work on."""

LOOKED_AT = 1 << 13
"""Rows by which a file's encodings are chosen."""

REPEATED = 4
"""Values that repeat this often in them, on average, go through a dictionary."""

WORTH_IT = 0.85
"""Bytes that shrink to less than this part of them are compressed."""


class Layout(NamedTuple):
    """How a file's columns are stored; names are those of Parquet's leaves.

    :param statistics: where bounds are kept. Not for floats: Parquet's leave NaN out, so readers go astray.
    """

    dictionary: list[str]
    compression: dict[str, str]
    statistics: list[str]


def write_batches(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, filesystem: pyarrow.fs.FileSystem, path: str
) -> int:
    """Write batches as they come, in row groups of equal size; return the number of rows.

    :param schema: the columns' types in the file; narrower ones than the batches' are cast, and texts may
        come as dictionaries
    """
    rows, waiting = 0, pa.Table.from_batches([], schema)
    writer: pq.ParquetWriter | None = None
    try:
        for batch in batches:
            rows += batch.num_rows
            more = pa.Table.from_batches([conformed(batch, schema, dictionaries=True)])
            waiting = pa.concat_tables([waiting, more]) if waiting.num_rows else more
            while waiting.num_rows >= ROW_GROUP:
                writer = writer or _writer(path, filesystem, waiting)
                writer.write_table(waiting.slice(0, ROW_GROUP).unify_dictionaries())
                waiting = waiting.slice(ROW_GROUP)
        writer = writer or _writer(path, filesystem, waiting)
        if waiting.num_rows:
            writer.write_table(waiting.unify_dictionaries())
    finally:
        if writer is not None:
            writer.close()
    return rows


def layout(sample: pa.Table) -> Layout:
    """Choose how columns are stored, by some of their rows."""
    chosen = Layout([], {}, [])
    for field, column in zip(sample.schema, sample.columns, strict=True):
        name, values = field.name, column.combine_chunks()
        if is_.is_dictionary(values.type):
            chosen.statistics.append(name)
            chosen.dictionary.append(name)
            chosen.compression[name] = "zstd"
            continue
        while is_.is_list(values.type):
            name, values = f"{name}.list.element", values.flatten()
        floating = is_.is_floating(values.type)
        if not floating:
            chosen.statistics.append(name)
        if is_.is_boolean(values.type):
            chosen.compression[name] = "zstd"
        elif pc.count_distinct(values.slice(0, LOOKED_AT)).as_py() * REPEATED <= len(values[:LOOKED_AT]):
            chosen.dictionary.append(name)
            chosen.compression[name] = "zstd"
        elif is_.is_binary(values.type):
            chosen.compression[name] = "lz4"  # Twice as fast to read as zstd, for a fifth more bytes.
        elif is_.is_fixed_size_binary(values.type):
            chosen.compression[name] = "lz4" if _shrinks(values, "lz4") else "none"
        else:
            chosen.compression[name] = "zstd" if not floating or _shrinks(values, "zstd") else "none"
    return chosen


def has_float_bounds(path: str, filesystem: pyarrow.fs.FileSystem) -> bool:
    """Whether a file states bounds of a column of floats."""
    meta = pq.read_metadata(path, filesystem=filesystem)
    if not meta.num_row_groups:
        return False
    columns = (meta.row_group(0).column(number) for number in range(meta.num_columns))
    return any(column.physical_type in ("FLOAT", "DOUBLE") and column.is_stats_set for column in columns)


def conformed(batch: pa.RecordBatch, schema: pa.Schema, *, dictionaries: bool) -> pa.RecordBatch:
    """Return the batch with the schema's types; texts may stay a dictionary and codes where that is asked."""
    if dictionaries:
        fields = [
            wanted.with_type(found.type) if _coded_text(found, wanted) else wanted
            for found, wanted in zip(batch.schema, schema, strict=True)
        ]
        schema = pa.schema(fields)
    return batch if batch.schema == schema else batch.cast(schema)


def _writer(path: str, filesystem: pyarrow.fs.FileSystem, sample: pa.Table) -> pq.ParquetWriter:
    chosen = layout(sample.slice(0, LOOKED_AT))
    return pq.ParquetWriter(
        path,
        sample.schema,
        filesystem=filesystem,
        use_dictionary=chosen.dictionary,
        compression=chosen.compression or "zstd",
        write_statistics=chosen.statistics,
        write_page_checksum=True,
        store_schema=False,  # It would say which texts came as dictionaries, and readers would go by it.
    )


def _shrinks(values: pa.Array, codec: str) -> bool:
    data = values.drop_null().slice(0, LOOKED_AT)
    if not len(data):
        return True
    width = data.type.bit_width // 8
    raw = data.buffers()[1].slice(data.offset * width, len(data) * width)
    return bool(len(pa.compress(raw, codec=codec, asbytes=True)) < WORTH_IT * raw.size)


def _coded_text(found: pa.Field, wanted: pa.Field) -> bool:
    return bool(is_.is_string(wanted.type) and is_.is_dictionary(found.type))

"""The functions that queries have beyond DuckDB's own: ``hash_long`` and ``hash_text``."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import func


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a connection's queries call ``hash_long(hash, number)`` and ``hash_text(hash, text)``.

    Both give XXH64, seeded with the running ``hash`` (42 at the start): BIGINT. NULL leaves the hash as it
    is.
    """
    for name, function, kind in (("hash_long", _hash_long, "BIGINT"), ("hash_text", _hash_text, "VARCHAR")):
        connection.create_function(
            name, function, ["BIGINT", kind], "BIGINT", type=func.ARROW, null_handling=func.SPECIAL
        )


def _hash_long(seeds: pa.ChunkedArray, numbers: pa.ChunkedArray) -> pa.Array:
    from stagecraft.transforms.xxh64 import hash_longs

    hashes, column = _whole(seeds), _whole(numbers)
    if not column.null_count:
        return pa.array(hash_longs(column.to_numpy(), hashes.to_numpy()))
    made = pa.array(hash_longs(column.fill_null(0).to_numpy(), hashes.to_numpy()))
    return pc.if_else(column.is_valid(), made, hashes)


def _hash_text(seeds: pa.ChunkedArray, texts: pa.ChunkedArray) -> pa.Array:
    from stagecraft.transforms.xxh64 import hash_texts

    return pa.array(hash_texts(_whole(texts), _whole(seeds).to_numpy()))


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

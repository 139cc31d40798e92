"""Rows that a job has just written, for its next stage to read from memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa


class Held(NamedTuple):
    """Rows (texts may be dictionaries), their schema, the types that their file has, and the rows' bytes."""

    rows: pa.Table
    schema: pa.Schema
    stored: pa.Schema
    size: int


class HeldRows:
    """Keeps the latest rows written, up to ``limit`` bytes in all.

    >>> held = HeldRows(limit=1 << 20)
    >>> batch = pa.record_batch({"x": [1, 2]})
    >>> written = list(held.passing("folder", [batch], batch.schema, batch.schema))
    >>> held.get("folder").rows.num_rows
    2
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[str, Held] = {}

    def get(self, uri: str) -> Held | None:
        """Return what was written to the folder ``uri``, or None where it is not held (any more)."""
        return self._held.get(uri)

    def passing(
        self, uri: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema, stored: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        """Yield the batches; once all have passed they are held, unless they are too large."""
        kept: list[pa.RecordBatch] | None = []
        size = 0
        for batch in batches:
            size += batch.nbytes
            if size > self._limit:
                kept = None
            elif kept is not None:
                self._make_room(size)
                kept.append(batch)
            yield batch
        if kept is not None:
            rows = pa.Table.from_batches(kept, None if kept else schema)
            self._held[uri] = Held(rows, schema, stored, size)

    def _make_room(self, size: int) -> None:
        while self._held and size + sum(held.size for held in self._held.values()) > self._limit:
            del self._held[next(iter(self._held))]

"""Requests that were kept by chance: how far their columns have drifted, and a log of them as Parquet."""

from __future__ import annotations

import io
import logging
import os
import socket
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from stagecraft.artifacts.store import Store
from stagecraft.serving.monitor import Kept, Monitor
from stagecraft.serving.predictor import Predictor
from stagecraft.serving.rows import table_of, table_of_matrix
from stagecraft.serving.shift import shift_of_categories, shift_of_numbers
from stagecraft.serving.table import ModelTable
from stagecraft.transforms.predictor import score_type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

log = logging.getLogger(__name__)

WINDOW_ROWS = 2000
"""The latest rows of a version that drift is computed from."""
FEWEST_ROWS = 200
DRIFT_SECONDS = 15.0
WRITE_ROWS, WRITE_SECONDS = 10_000, 60.0
TIME, KEY = "request_time", "request_key"


class Buffer(NamedTuple):
    """Rows to be written: raw columns, scores, time and key of the request."""

    began: float
    tables: list[pa.Table]


class Recent:
    """The latest rows of a version; put together when they are asked for, which is seldom."""

    def __init__(self) -> None:
        self._tables: deque[pa.Table] = deque()
        self._rows = 0

    def add(self, rows: pa.Table) -> None:
        self._tables.append(rows)
        self._rows += rows.num_rows
        while self._rows - self._tables[0].num_rows >= WINDOW_ROWS:
            self._rows -= self._tables.popleft().num_rows

    def table(self) -> pa.Table:
        import pyarrow as pa

        return pa.concat_tables(self._tables).slice(max(0, self._rows - WINDOW_ROWS))


class Samples:
    """Looks at what a monitor has kept.

    :param request_log: where rows and scores are written to, ``<model>/<version>/<day>/….parquet``; None:
        nowhere. The columns are the raw ones that the model reads, its score, and the request's time and key
    """

    def __init__(self, table: ModelTable, monitor: Monitor, request_log: Store | None = None) -> None:
        self.table, self.monitor, self.request_log = table, monitor, request_log
        self.drift: dict[tuple[str, str, str], float] = {}
        self._recent: dict[tuple[str, str], Recent] = {}
        self._waiting: dict[tuple[str, str], Buffer] = {}
        self._references: WeakKeyDictionary[Predictor, pa.Table] = WeakKeyDictionary()
        self._written = 0
        self._looked = 0.0

    def look(self) -> None:
        """Take over what was kept; to be called about once a second, off the event loop."""
        kept: dict[tuple[str, str], list[Kept]] = {}
        for entry in self.monitor.take_kept():
            kept.setdefault((entry.model, entry.version), []).append(entry)
        for version, entries in kept.items():
            predictor = self.table.current.predictors.get(version)
            if predictor is None:  # Whoever asked a version that is gone by now is not looked at.
                continue
            rows = _typed(entries, predictor)
            if self.request_log is not None:
                self._waiting.setdefault(version, Buffer(time.monotonic(), [])).tables.append(rows)
            self._recent.setdefault(version, Recent()).add(rows)
        if time.monotonic() - self._looked >= DRIFT_SECONDS:
            self._looked = time.monotonic()
            self._compare()
        self.write(all_of_it=False)

    def write(self, *, all_of_it: bool = True) -> None:
        """Write what waits: all of it, or what waits for long or is much."""
        import pyarrow as pa

        for version, (began, tables) in list(self._waiting.items()):
            rows = sum(table.num_rows for table in tables)
            if all_of_it or rows >= WRITE_ROWS or time.monotonic() - began >= WRITE_SECONDS:
                del self._waiting[version]
                self._write(*version, pa.concat_tables(tables))

    def _write(self, name: str, version: str, rows: pa.Table) -> None:
        import pyarrow.parquet as pq

        assert self.request_log is not None
        sink = io.BytesIO()
        pq.write_table(rows, sink, compression="zstd")
        self._written += 1
        now = datetime.now(UTC)
        file = f"{now:%H%M%S}-{socket.gethostname()}-{os.getpid()}-{self._written}.parquet"
        uri = self.request_log.uri(name, version, f"{now:%Y-%m-%d}", file)
        try:
            self.request_log.write(uri, sink.getvalue())
        except OSError as error:  # Answers matter more than their log.
            log.error("%d sampled rows are lost: %s", rows.num_rows, error)

    def _compare(self) -> None:
        """Compare the latest rows with those that the model keeps of its training."""
        predictors = self.table.current.predictors
        self._recent = {version: recent for version, recent in self._recent.items() if version in predictors}
        found = {}
        for version, recent in self._recent.items():
            rows = recent.table()
            if rows.num_rows >= FEWEST_ROWS:
                predictor = predictors[version]
                for column, value in column_shifts(
                    rows, self._reference(predictor), predictor.schema
                ).items():
                    found[*version, column] = value
        self.drift = found

    def _reference(self, predictor: Predictor) -> pa.Table:
        """Return the rows that a model's are compared with, which are fetched once."""
        if predictor not in self._references:
            self._references[predictor] = predictor.model.training_rows()
        return self._references[predictor]


def column_shifts(rows: pa.Table, reference: pa.Table, schema: pa.Schema) -> dict[str, float]:
    """Return the PSI of each number, text and truth value among a model's columns, beyond chance."""
    import pyarrow as pa

    found = {}
    for field in schema:
        now, before = rows[field.name], reference[field.name]
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type):
            found[field.name] = shift_of_numbers(_floats(now), _floats(before))
        elif pa.types.is_boolean(field.type) or pa.types.is_string(field.type):
            found[field.name] = shift_of_categories(_counts(now), _counts(before))
    return found


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    """Return numbers, NaN where one is missing."""
    import pyarrow as pa

    floats: np.ndarray = column.cast(pa.float64(), safe=False).to_numpy()
    return floats


def _counts(column: pa.ChunkedArray) -> dict[Any, int]:
    return {each["values"]: each["counts"] for each in column.value_counts().to_pylist()}


def _typed(entries: list[Kept], predictor: Predictor) -> pa.Table:
    """Return entries' rows as the model reads them, with scores, time and key.

    Rows of JSON values are typed all at once, and so are numbers: one by one that would cost more than
    answering them did.
    """
    import numpy as np
    import pyarrow as pa

    schema, column = predictor.schema, predictor.model.chain.score_column
    tables = [entry for entry in entries if isinstance(entry.rows, pa.Table)]
    arrays = [entry for entry in entries if isinstance(entry.rows, np.ndarray)]
    lists = [entry for entry in entries if isinstance(entry.rows, list)]
    parts = [entry.rows.select(schema.names).cast(schema) for entry in tables]
    if arrays:
        parts.append(table_of_matrix(np.concatenate([entry.rows for entry in arrays]), schema))
    if lists:
        parts.append(_table_of_answered([row for entry in lists for row in entry.rows], schema))
    rows = pa.concat_tables(parts)
    each = [entry for entry in (*tables, *arrays, *lists) for _ in range(len(entry.rows))]
    scores = [score for entry in (*tables, *arrays, *lists) for score in entry.scores]
    times = [int(entry.at * 1e6) for entry in each]
    rows = rows.append_column(column, pa.array(scores, score_type(column)))
    rows = rows.append_column(TIME, pa.array(times, pa.timestamp("us", "UTC")))
    return rows.append_column(KEY, pa.array([entry.key for entry in each], pa.string()))


def _table_of_answered(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Type rows of JSON values that were answered already, so that nothing about them needs to be refused.

    Arrow does it at once, ten times as fast, but for dates and decimals, which JSON has as texts.
    """
    import pyarrow as pa

    try:
        typed = pa.array(rows, pa.struct(schema))
    except (pa.ArrowException, OverflowError):
        return table_of(rows, schema)
    return pa.Table.from_arrays(typed.flatten(), schema=schema)

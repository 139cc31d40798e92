"""The embedded engine: DuckDB, inside the process."""

from __future__ import annotations

import itertools
import os
import shutil
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.fs

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Draft
from stagecraft.engines import files
from stagecraft.engines.choose import usable_memory
from stagecraft.engines.contract import WHERE, BatchMap, Engine
from stagecraft.engines.duckdb_functions import register
from stagecraft.engines.held import HeldRows
from stagecraft.engines.parquet import ROW_GROUP, conformed, has_float_bounds, write_batches
from stagecraft.engines.parquet_reader import ParquetRows
from stagecraft.engines.types import LOCAL_TIME, UTC_TIME, canonical, same, sql_type, stored
from stagecraft.errors import InvalidInputError, UnwritableStoreError
from stagecraft.jobs.scratch import scratch_folder

if TYPE_CHECKING:
    from stagecraft.engines.dialect import Query

TYPE_NAMES = {
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.date32(): "DATE",
    LOCAL_TIME: "TIMESTAMP",
    UTC_TIME: "TIMESTAMPTZ",
}


HELD_PART = 12
"""One part in so many of the memory holds rows that were just written: the job's next stage may read them."""


@dataclass(frozen=True)
class Queried:
    """Rows that DuckDB computes when they are read.

    :param stored: the types that a file of them has
    :param files: the same rows in files, where they are; read as they are, these cost less
    :param held: the rows, where they are in memory
    """

    rows: duckdb.DuckDBPyRelation = field(repr=False)  # Its text would run it.
    schema: pa.Schema
    stored: pa.Schema
    files: ParquetRows | None = field(default=None, repr=False)
    held: pa.Table | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Mapped:
    """Rows that a function makes of another relation's, batch by batch, when they are read."""

    source: Queried | Mapped
    function: BatchMap
    schema: pa.Schema
    stored: pa.Schema


class DuckDBEngine(Engine):
    """Runs relations in this process; what exceeds the memory limit goes to temporary files.

    Relations are lazy: nothing is computed before :meth:`collect` or :meth:`write`. A query over mapped
    batches writes them to a temporary file first.

    :param memory_limit: memory that DuckDB may use, as ``"4GB"``; a quarter of the machine's where None
    :param threads: threads that DuckDB and the maps may use; those of the machine where None

    >>> with DuckDBEngine() as engine:
    ...     engine.collect(engine.sql("SELECT 6 * 7 AS answer")).to_pylist()
    [{'answer': 42}]
    """

    name = "duckdb"

    def __init__(self, *, memory_limit: str | None = None, threads: int | None = None) -> None:
        self.threads = threads or len(os.sched_getaffinity(0))
        self._folder = scratch_folder("stagecraft-duckdb-")
        self._removal = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._names = itertools.count()
        self._views: list[str] = []
        self._tables: list[str] = []
        self._files: list[str] = []
        self._held = HeldRows(usable_memory() // HELD_PART)
        limit = memory_limit or f"{max(usable_memory() // 4 >> 20, 1024)}MiB"
        self._duckdb = duckdb.connect(
            config={
                "memory_limit": limit,
                "threads": self.threads,
                "temp_directory": str(self._folder),
            }
        )
        self._duckdb.execute("SET TimeZone = 'UTC'")
        register(self._duckdb)

    def scan(self, dataset: Dataset) -> Queried:
        if held := self._held.get(dataset.folder_uri):
            return Queried(self._duckdb.from_arrow(held.rows), held.schema, held.stored, held=held.rows)
        dataset.verify()
        store = dataset.store
        if not store.is_local:
            self._register(store.filesystem)
        paths = [store.strip(uri) for uri in dataset.files] if store.is_local else dataset.files
        bounded = any(
            has_float_bounds(path, store.arrow_filesystem) for path in map(store.strip, dataset.files)
        )
        rows = self._parquet(paths, bounded=bounded)
        found = self._duckdb.read_parquet(paths).limit(0).to_arrow_table().schema
        local = ParquetRows(store.arrow_filesystem, [store.strip(uri) for uri in dataset.files])
        return replace(rows, stored=stored(found, rows.schema), files=local)

    def read_files(self, uri: str) -> Queried:
        """The rows of Parquet or CSV files; CSV is read into memory (see :func:`files.read_csv`)."""
        filesystem, paths = files.find(uri)
        if files.is_csv(paths):
            return self._queried(self._duckdb.from_arrow(files.read_csv(filesystem, paths)))
        if "file" in filesystem.protocol:
            return self._parquet(paths)
        self._register(filesystem)
        return self._parquet([filesystem.unstrip_protocol(path) for path in paths])

    def sql(self, query: str | Query, /, **relations: Queried | Mapped) -> Queried:
        names = {name: self._view(relation) for name, relation in relations.items()}
        text = _named(query, names) if isinstance(query, str) else query.bound(names).sql("duckdb")
        try:
            return self._queried(self._duckdb.sql(text))
        except duckdb.Error as error:
            raise InvalidInputError(WHERE, str(error), "a query that DuckDB takes") from error

    def select(self, relation: Queried | Mapped, columns: Sequence[str]) -> Queried:
        names = list(columns)
        if isinstance(relation, Mapped):
            relation = self._in_file(relation)
        schema, kept = (
            pa.schema([each.field(name) for name in names]) for each in (relation.schema, relation.stored)
        )
        rows = relation.rows.project(", ".join(map(_quoted, names)))
        files = None if relation.files is None else relation.files.select(names)
        held = None if relation.held is None else relation.held.select(names)
        return Queried(rows, schema, kept, files, held)

    def table(self, rows: pa.Table) -> Queried:
        return self._queried(self._duckdb.from_arrow(rows))

    def materialize(self, relation: Queried | Mapped) -> Queried:
        name = f"held_{next(self._names)}"
        self._duckdb.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {self._view(relation)}")
        self._tables.append(name)
        return Queried(self._duckdb.table(name), relation.schema, relation.stored)

    def release(self, relation: Queried) -> None:
        self._duckdb.execute(f"DROP TABLE {relation.rows.alias}")
        self._tables.remove(relation.rows.alias)

    def sample(self, relation: Queried | Mapped, share: float) -> Queried:
        return self._queried(self._duckdb.view(self._view(relation)).filter(f"random() < {share!r}"))

    def map_batches(self, relation: Queried | Mapped, function: BatchMap) -> Mapped:
        schema = canonical(function.output_schema(relation.schema), "map_batches")
        return Mapped(relation, function, schema, stored(function.output_schema(relation.stored), schema))

    def schema(self, relation: Queried | Mapped) -> pa.Schema:
        return relation.schema

    def collect(self, relation: Queried | Mapped) -> pa.Table:
        return pa.Table.from_batches(self._batches(relation), relation.schema)

    def write(self, relation: Queried | Mapped, draft: Draft) -> None:
        store = draft.store
        folder = store.strip(draft.uri)
        try:
            store.filesystem.makedirs(folder, exist_ok=True)
            rows = write_batches(
                self._held.passing(
                    draft.uri, self._batches(relation, dictionaries=True), relation.schema, relation.stored
                ),
                relation.stored,
                store.arrow_filesystem,
                f"{folder}/part-00000.parquet",
            )
        except PermissionError as error:
            raise UnwritableStoreError(
                f"artifact store {store.root}: cannot write {folder} ({error})"
            ) from error
        draft.meta["columns"] = {field.name: str(field.type) for field in relation.stored}
        draft.meta["rows"] = rows

    def tidy(self) -> None:
        for name in self._views:
            self._duckdb.execute(f"DROP VIEW {name}")
        for name in self._tables:
            self._duckdb.execute(f"DROP TABLE {name}")
        for path in self._files:
            os.remove(path)
        self._views, self._tables, self._files = [], [], []

    def close(self) -> None:
        self._duckdb.close()
        self._removal()

    def _parquet(self, paths: list[str], *, bounded: bool = True) -> Queried:
        """The rows of Parquet files.

        :param bounded: whether the files may have bounds of floats. They leave NaN out, and DuckDB would go
            by them; so they are hidden from it.
        """
        rows = self._duckdb.read_parquet(paths)
        columns = {name: _quoted(name) for name in rows.columns}
        hidden = {
            name: f"CASE WHEN {column} IS NULL THEN NULL ELSE {column} END AS {column}"
            for (name, column), kind in zip(columns.items(), rows.types, strict=True)
            if bounded and str(kind) in ("FLOAT", "DOUBLE")
        }
        return self._queried(rows.project(", ".join((columns | hidden).values())) if hidden else rows)

    def _register(self, filesystem: Any) -> None:
        """Let DuckDB read through ``filesystem``; the last one of a protocol holds."""
        protocols = filesystem.protocol
        name = protocols if isinstance(protocols, str) else protocols[0]
        if self._duckdb.filesystem_is_registered(name):
            self._duckdb.unregister_filesystem(name)
        self._duckdb.register_filesystem(filesystem)

    def _queried(self, rows: duckdb.DuckDBPyRelation) -> Queried:
        """The relation with its columns cast to canonical types."""
        found = rows.limit(0).to_arrow_table().schema
        schema = canonical(found, "sql")
        if same(found, schema):
            return Queried(rows, schema, schema)
        columns = [
            f"CAST({name} AS {sql_type(kind, TYPE_NAMES, '{}[]')}) AS {name}"
            for name, kind in zip(map(_quoted, schema.names), schema.types, strict=True)
        ]
        return Queried(rows.project(", ".join(columns)), schema, schema)

    def _view(self, relation: Queried | Mapped) -> str:
        """Name the relation for queries."""
        name = f"relation_{next(self._names)}"
        rows = self._in_file(relation) if isinstance(relation, Mapped) else relation
        rows.rows.create_view(name)
        self._views.append(name)
        return name

    def _in_file(self, relation: Mapped) -> Queried:
        """The rows, written to a temporary file."""
        path = f"{self._folder}/mapped_{next(self._names)}.parquet"
        self._files.append(path)
        batches = self._batches(relation, dictionaries=True)
        write_batches(batches, relation.schema, pyarrow.fs.LocalFileSystem(), path)
        return self._parquet([path], bounded=False)

    def _batches(self, relation: Queried | Mapped, *, dictionaries: bool = False) -> Iterator[pa.RecordBatch]:
        """The rows.

        :param dictionaries: whether texts may come as dictionaries
        """
        if isinstance(relation, Mapped):
            taken = bool(getattr(relation.function, "takes_dictionaries", False))
            source = self._batches(relation.source, dictionaries=taken)
            made: Iterable[pa.RecordBatch] = self._apply(relation.function, source)
        elif relation.held is not None:
            made = relation.held.to_batches(ROW_GROUP)
        elif relation.files is not None:
            made = relation.files.batches(dictionaries=dictionaries)
        else:
            made = relation.rows.to_arrow_reader(ROW_GROUP)
        for batch in made:
            yield conformed(batch, relation.schema, dictionaries=dictionaries)

    def _apply(self, function: BatchMap, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Map batches in threads, in order, a few at a time."""
        waiting: deque[Future[pa.RecordBatch]] = deque()
        with ThreadPoolExecutor(self.threads) as pool:
            for batch in batches:
                waiting.append(pool.submit(function.apply, batch))
                if len(waiting) > self.threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def _named(query: str, names: dict[str, str]) -> str:
    """The query, for which views go by the names that it uses.

    >>> _named("SELECT x FROM rows", {"rows": "relation_1"})
    'WITH "rows" AS NOT MATERIALIZED (FROM relation_1) SELECT x FROM rows'
    """
    if not names:
        return query
    views = ", ".join(f"{_quoted(name)} AS NOT MATERIALIZED (FROM {view})" for name, view in names.items())
    text = query.strip()
    return f"WITH {views}, {text[5:]}" if text[:5].upper() == "WITH " else f"WITH {views} {text}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

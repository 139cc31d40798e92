"""The engine for scale: Spark."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Draft
from stagecraft.engines import duckdb, files
from stagecraft.engines.binder import Binder
from stagecraft.engines.contract import WHERE, BatchMap, Engine
from stagecraft.engines.dialect import Query
from stagecraft.engines.parquet import ROW_GROUP, write_batches
from stagecraft.engines.spark_session import open_session
from stagecraft.engines.spark_sql import spark_sql
from stagecraft.engines.spark_units import Units
from stagecraft.engines.types import LOCAL_TIME, UTC_TIME, canonical, is_nanoseconds, same, sql_type, stored
from stagecraft.errors import InvalidInputError, UnwritableStoreError

TYPE_NAMES = {
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "STRING",
    pa.binary(): "BINARY",
    pa.date32(): "DATE",
    LOCAL_TIME: "TIMESTAMP_NTZ",
    UTC_TIME: "TIMESTAMP",
}
SCHEMES = {
    "s3": "s3a",
    "s3a": "s3a",
    "gs": "gs",
    "gcs": "gs",
    "abfs": "abfs",
    "abfss": "abfss",
    "hdfs": "hdfs",
}
"""Protocol of fsspec → scheme of Hadoop."""


@dataclass(frozen=True)
class Rows:
    """Rows that Spark computes when they are read.

    :param stored: the types that a file of them has
    :param units: where they come from files that Python workers can map without the JVM
    """

    frame: DataFrame
    schema: pa.Schema
    stored: pa.Schema
    units: Units | None = None


class SparkEngine(Engine):
    """Runs relations on Spark: the active one, else one started here, which :meth:`close` ends.

    DuckDB says which columns a query returns; Spark computes them. The views that queries read last as long
    as the session: Spark Connect looks them up whenever it computes. Where the store is remote, Spark's own
    settings hold the credentials (``spark.hadoop.fs.s3a.…``).

    :param session: a session to take
    :param master: where a Spark must be started: its master, ``local[2]`` where None
    :param settings: Spark settings for one that is started

    >>> with SparkEngine() as engine:  # doctest: +SKIP
    ...     engine.collect(engine.sql("SELECT 6 * 7 AS answer")).to_pylist()
    [{'answer': 42}]
    """

    name = "spark"

    def __init__(
        self,
        *,
        session: SparkSession | None = None,
        master: str | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        self._session, self._started = open_session(session, master, settings)
        self._binder = Binder()
        self._prefix = f"stagecraft_{uuid.uuid4().hex[:8]}"
        self._names = itertools.count()
        self._views: dict[str, DataFrame] = {}

    def scan(self, dataset: Dataset) -> Rows:
        dataset.verify()
        store = dataset.store
        paths = [store.strip(uri) for uri in dataset.files]
        found = pq.read_schema(paths[0], filesystem=store.arrow_filesystem)
        rows = self._parquet([hadoop_uri(uri) for uri in dataset.files], found)
        kept = stored(found, rows.schema)
        units = Units(paths, rows.schema) if store.is_local and same(found, kept) else None
        return replace(rows, stored=kept, units=units)

    def read_files(self, uri: str) -> Rows:
        """The rows of Parquet or CSV files; CSV is read into memory (see :func:`files.read_csv`)."""
        filesystem, paths = files.find(uri)
        if files.is_csv(paths):
            return self.table(files.read_csv(filesystem, paths))
        with filesystem.open(paths[0], "rb") as file:
            schema = pq.read_schema(file)
        return self._parquet([hadoop_uri(filesystem.unstrip_protocol(path)) for path in paths], schema)

    def sql(self, query: str | Query, /, **relations: Rows) -> Rows:
        names = {name: f"{self._prefix}_{next(self._names)}" for name in relations}
        tree = (Query(query) if isinstance(query, str) else query).bound(names)
        schemas = {names[name]: relation.schema for name, relation in relations.items()}
        schema = self._binder.schema(tree, schemas)
        columns: dict[str, object] = {
            name: {field.name: sql_type(field.type, duckdb.TYPE_NAMES, "{}[]") for field in each}
            for name, each in schemas.items()
        }
        text = spark_sql(tree, columns)
        for name, relation in relations.items():
            relation.frame.createOrReplaceTempView(names[name])
            self._views[names[name]] = relation.frame
        try:
            frame = self._session.sql(text)
            found_names = frame.columns  # Spark Connect looks at a query only now.
        except (AnalysisException, ParseException) as error:
            found = str(error).splitlines()[0]
            raise InvalidInputError(
                WHERE, f"cannot run on Spark: {found}", "another way to say it, or DuckDB"
            ) from error
        _check_names(found_names, schema.names)
        return self._as(frame, schema)

    def select(self, relation: Rows, columns: Sequence[str]) -> Rows:
        schema, kept = (
            pa.schema([each.field(name) for name in columns]) for each in (relation.schema, relation.stored)
        )
        units = relation.units
        return Rows(
            relation.frame.select(*map(_quoted, columns)),
            schema,
            kept,
            Units(units.paths, schema) if units and not units.steps else None,
        )

    def table(self, rows: pa.Table) -> Rows:
        schema = canonical(rows.schema, "table")
        return Rows(self._session.createDataFrame(rows.cast(schema), schema=_ddl(schema)), schema, schema)

    def materialize(self, relation: Rows) -> Rows:
        return Rows(relation.frame.localCheckpoint(), relation.schema, relation.stored)

    def release(self, relation: Rows) -> None:
        """Spark drops the rows once no view refers to them."""
        self._drop([name for name, frame in self._views.items() if frame is relation.frame])

    def tidy(self) -> None:
        self._drop(list(self._views))

    def _drop(self, views: list[str]) -> None:
        for name in views:
            self._session.catalog.dropTempView(name)
            del self._views[name]

    def sample(self, relation: Rows, share: float) -> Rows:
        return Rows(relation.frame.sample(share), relation.schema, relation.stored)

    def map_batches(self, relation: Rows, function: BatchMap) -> Rows:
        schema = canonical(function.output_schema(relation.schema), "map_batches")
        mapped = _mapped(function, relation.schema, schema)
        return Rows(
            _unnamed(relation.frame).mapInArrow(mapped, _ddl(schema)),
            schema,
            stored(function.output_schema(relation.stored), schema),
            relation.units and relation.units.then(function, schema),
        )

    def schema(self, relation: Rows) -> pa.Schema:
        return relation.schema

    def relation(self, frame: DataFrame, schema: pa.Schema) -> Rows:
        """The rows of a frame, whose columns get the names and types of ``schema``, by position."""
        return self._as(frame, schema)

    def collect(self, relation: Rows) -> pa.Table:
        if relation.units and relation.units.steps:
            return relation.units.collect(self._session, _ddl(relation.schema)).cast(relation.schema)
        return relation.frame.toArrow().cast(relation.schema)

    def write(self, relation: Rows, draft: Draft) -> None:
        store = draft.store
        folder = store.strip(draft.uri)
        try:
            store.filesystem.makedirs(folder, exist_ok=True)
        except PermissionError as error:
            raise UnwritableStoreError(
                f"artifact store {store.root}: cannot write {folder} ({error})"
            ) from error
        if store.is_local and relation.units and relation.units.steps:
            rows = relation.units.write(self._session, folder, relation.stored)
        else:
            rows = self._write(relation, draft, folder)
        draft.meta["columns"] = {field.name: str(field.type) for field in relation.stored}
        draft.meta["rows"] = rows

    def _write(self, relation: Rows, draft: Draft, folder: str) -> int:
        """Let the JVM write the rows; return their number."""
        store = draft.store
        scratch = f"{draft.uri}/_spark"
        names = {**TYPE_NAMES, pa.int8(): "TINYINT", pa.int16(): "SMALLINT"}
        names |= {kind: "BINARY" for kind in relation.stored.types if pa.types.is_fixed_size_binary(kind)}
        narrow = [
            F.col(_quoted(field.name)).cast(sql_type(field.type, names, "ARRAY<{}>")).alias(field.name)
            for field in relation.stored
        ]
        (
            relation.frame.select(*narrow)
            .write.option("compression", "zstd")
            .option("parquet.block.row.count.limit", ROW_GROUP)
            .parquet(hadoop_uri(scratch))
        )
        parts = sorted(
            path for path in store.filesystem.find(store.strip(scratch)) if path.endswith(".parquet")
        )
        rows = 0
        for number, part in enumerate(parts):
            path = f"{folder}/part-{number:05d}.parquet"
            store.filesystem.mv(part, path)
            rows += pq.read_metadata(path, filesystem=store.arrow_filesystem).num_rows
        store.filesystem.rm(store.strip(scratch), recursive=True)
        if not parts:
            write_batches([], relation.stored, store.arrow_filesystem, f"{folder}/part-00000.parquet")
        return rows

    def close(self) -> None:
        self._binder.close()
        if self._started:
            self._session.stop()

    def _parquet(self, paths: list[str], found: pa.Schema) -> Rows:
        schema = canonical(found, "files")
        return self._as(self._session.read.parquet(*paths), schema, found)

    def _as(self, frame: DataFrame, schema: pa.Schema, found: pa.Schema | None = None) -> Rows:
        """The frame's columns, by position, with the names and types of ``schema``.

        :param found: the types of Parquet files, among which timestamps of nanoseconds come as integers
        """
        unnamed = _unnamed(frame)
        columns = []
        for number, field in enumerate(schema):
            column = F.col(f"c{number}")
            if found is not None and is_nanoseconds(found.types[number]):
                column = F.timestamp_micros(F.floor(column / 1000))
            columns.append(column.cast(sql_type(field.type, TYPE_NAMES, "ARRAY<{}>")).alias(field.name))
        return Rows(unnamed.select(*columns), schema, schema)


def _unnamed(frame: DataFrame) -> DataFrame:
    """The columns by their places, since Spark takes a dot in a name for a part of a structure."""
    return frame.toDF(*(f"c{number}" for number in range(len(frame.columns))))


def _mapped(
    function: BatchMap, taken: pa.Schema, made: pa.Schema
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What Spark's Python workers run."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield function.apply(batch.rename_columns(taken.names).cast(taken)).cast(made)

    return run


def _ddl(schema: pa.Schema) -> str:
    types = (sql_type(kind, TYPE_NAMES, "ARRAY<{}>") for kind in schema.types)
    return ", ".join(f"{_quoted(name)} {kind}" for name, kind in zip(schema.names, types, strict=True))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def hadoop_uri(uri: str) -> str:
    """The URI as Spark's file systems name it."""
    if "://" not in uri:
        return f"file://{uri}"
    protocol, rest = uri.split("://", 1)
    if protocol not in ("file", *SCHEMES):
        raise InvalidInputError(
            "spark.store", f"Spark cannot read {uri}", f"a store on one of {', '.join(SCHEMES)}, or DuckDB"
        )
    return f"{SCHEMES.get(protocol, protocol)}://{rest}"


def _check_names(found: list[str], expected: list[str]) -> None:
    """Refuse where Spark's columns come in another order than DuckDB's. Unnamed ones are ``_col_…``."""
    same = len(found) == len(expected) and all(
        ours.startswith("_col_") or theirs.lower().startswith(ours.lower())
        for ours, theirs in zip(found, expected, strict=True)
    )
    if not same:
        raise InvalidInputError(
            WHERE, f"its columns are {expected} on DuckDB and {found} on Spark", "name the columns, without *"
        )

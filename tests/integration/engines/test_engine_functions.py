"""What engines have beyond SQL: hashes, rows of this process, rows that are held."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.contract import Engine, Relation
from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.errors import InvalidInputError
from stagecraft.stages.hashing import stable_hash
from stagecraft.transforms.xxh64 import hash_longs, hash_texts

ROWS = pa.table(
    {
        "id": pa.array([1, None, 2**62, -5], pa.int64()),
        "order": pa.array(["é漢字", "", None, "x" * 70]),
        "day": pa.array([datetime.date(2013, 1, 2), None] * 2),
        "small": pa.array([1, 2, 3, None], pa.int32()),
    }
)


def test_hashes_are_those_of_the_transforms(engine: Engine) -> None:
    chained = stable_hash(7, {"id": "int64", "order": "string", "day": "date32[day]"})
    query = f"SELECT {chained} AS chained, {stable_hash(-3, {'small': 'int32'})} AS small FROM rows"
    found = engine.collect(engine.sql(query, rows=engine.table(ROWS)))

    seed = hash_longs(np.array([7]), 42)[0]
    ids = np.where([True, False, True, True], hash_longs(np.array([1, 0, 2**62, -5]), int(seed)), seed)
    days = pa.array(["2013-01-02", None] * 2)
    assert (
        found["chained"].to_pylist()
        == hash_texts(days, hash_texts(ROWS["order"].combine_chunks(), ids)).tolist()
    )
    seed = hash_longs(np.array([-3]), 42)[0]
    assert found["small"].to_pylist() == [*hash_longs(np.array([1, 2, 3]), int(seed)).tolist(), seed]


def test_a_chain_starts_with_the_seed_that_engines_share(engine: Engine) -> None:
    if engine.name == "spark":
        with pytest.raises(InvalidInputError, match="starts with 41 in place of 42"):
            engine.sql("SELECT hash_long(41, id) AS h FROM rows", rows=engine.table(ROWS))


def test_held_rows_are_computed_once(engine: Engine) -> None:
    drawn = "uuid()" if engine.name == "duckdb" else "md5(cast(id AS VARCHAR))"
    held = engine.materialize(engine.sql(f"SELECT id, {drawn} AS drawn FROM rows", rows=engine.table(ROWS)))
    twice = [engine.collect(engine.sql("SELECT * FROM held ORDER BY id", held=held)) for _ in range(2)]
    assert twice[0].equals(twice[1])
    assert twice[0].num_rows == 4


def test_a_map_reads_the_selected_columns_alone(engine: Engine, store: Store) -> None:
    rows = pa.table({"id": np.arange(200), "a.b": ["x", None] * 100, "order": np.linspace(0, 1, 200)})
    source = engine.scan(write(engine, store, "d", engine.table(rows)))
    mapped = engine.map_batches(engine.select(source, ["a.b", "id"]), Slots())
    found = engine.collect(mapped)
    assert found.column_names == ["a.b", "id", "slot", "slots"]
    assert found.sort_by("id")["a.b"].to_pylist() == ["x", None] * 100
    nested = engine.collect(engine.select(mapped, ["slot"]))
    assert sorted(nested["slot"].to_pylist()) == sorted([*range(100)] * 2)


def test_a_tidy_engine_goes_on(engine: Engine, store: Store) -> None:
    made = write(engine, store, "e", engine.materialize(engine.table(ROWS)))
    engine.collect(engine.sql("SELECT * FROM rows", rows=engine.map_batches(engine.scan(made), Nothing())))
    engine.tidy()
    assert engine.collect(engine.sql("SELECT count(*) AS n FROM rows", rows=engine.scan(made)))[
        "n"
    ].to_pylist() == [4]


class Nothing:
    """Gives rows as they are."""

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        return schema

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch


class Slots:
    """Adds a narrow column and a narrow list column."""

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        return schema.append(pa.field("slot", pa.int8())).append(pa.field("slots", pa.list_(pa.int16())))

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        slots = (batch.column("id").to_numpy() % 100).tolist()
        made = [pa.array(slots, pa.int8()), pa.array([[slot, 300] for slot in slots], pa.list_(pa.int16()))]
        return pa.RecordBatch.from_arrays([*batch.columns, *made], schema=self.output_schema(batch.schema))


def test_files_hold_narrow_integers_and_relations_wide_ones(engine: Engine, store: Store) -> None:
    rows = pa.table({"id": np.arange(150_000), "x": np.linspace(-1, 1, 150_000)})
    source = write(engine, store, "a", engine.table(rows))
    slotted = write(engine, store, "b", engine.map_batches(engine.scan(source), Slots()))
    again = write(engine, store, "c", engine.scan(slotted))

    narrow = {"id": "int64", "x": "double", "slot": "int8", "slots": "list<item: int16>"}
    assert slotted.columns == again.columns == narrow
    assert slotted.table()["id"].to_pylist() == list(range(150_000)), "rows keep their order"
    assert again.table().schema.field("slot").type == pa.int8()
    query = "SELECT slot + 100 AS more, slots FROM rows ORDER BY id LIMIT 3"
    found = engine.collect(engine.sql(query, rows=engine.scan(slotted)))
    assert found.schema.field("slots").type.value_type == pa.int32()
    assert found.to_pylist() == [{"more": 100 + slot, "slots": [slot, 300]} for slot in range(3)]


def test_what_was_written_is_read_as_it_is_committed(engine: Engine, store: Store) -> None:
    """Rows that are still in memory are those of the file, in another session too."""
    rows = pa.table(
        {"id": [1, 2, 3], "x": [float("nan"), None, -0.0], "day": [datetime.date(2013, 1, 1)] * 3}
    )
    made = write(engine, store, "a", engine.table(rows))
    with DuckDBEngine() as fresh:
        query = "SELECT * FROM rows WHERE x > 1 OR x IS NULL ORDER BY id"
        found = engine.collect(engine.sql(query, rows=engine.scan(made)))
        assert found.to_pydict().keys() == {"id", "x", "day"}
        assert str(found.to_pylist()) == str(
            fresh.collect(fresh.sql(query, rows=fresh.scan(made))).to_pylist()
        )
    assert found["id"].to_pylist() == [1, 2]


def write(engine: Engine, store: Store, name: str, relation: Relation) -> Dataset:
    draft = store.draft(Kind.DATASET, name * 32, lineage={"stage": "test"})
    engine.write(relation, draft)
    made = draft.commit()
    assert isinstance(made, Dataset)
    return made

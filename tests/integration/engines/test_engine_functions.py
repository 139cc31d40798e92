"""What engines have beyond SQL: hashes, rows of this process, rows that are held."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.engines.contract import Engine
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

"""Rows to measure with: 40 numeric and 8 categorical columns, a key and a label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.duckdb import DuckDBEngine

NUMERIC = [f"n{number:02}" for number in range(40)]
CATEGORICAL = [f"c{number}" for number in range(8)]
SIZES = (10, 30, 100, 300, 1_000, 3_000, 5_000, 10_000)
"""Values of each categorical column."""

GROUP = 1 << 17


def write_wide_rows(path: Path, rows: int, *, seed: int = 7) -> Path:
    """Write rows as one Parquet file, a row group at a time; return its path.

    A quarter each of the numeric columns is normal, log-normal, rounded to cents, and small counts; every
    third has 5 % missing values. Categories go by Zipf's law. The label depends on some of each.
    """
    rng = np.random.default_rng(seed)
    words = [
        pa.array([f"{name}-{value:05}" for value in range(size)])
        for name, size in zip(CATEGORICAL, SIZES, strict=True)
    ]
    writer = None
    for start in range(0, rows, GROUP):
        table = _group(rng, start, min(GROUP, rows - start), words)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer:
        writer.close()
    return path


def _group(rng: np.random.Generator, start: int, rows: int, words: list[pa.Array]) -> pa.Table:
    columns: dict[str, pa.Array] = {"id": pa.array(np.arange(start, start + rows))}
    score = np.zeros(rows)
    numbers = {}
    for number, name in enumerate(NUMERIC):
        normal = rng.standard_normal(rows)
        values = (
            normal,
            np.exp(normal),
            np.round(50 + 20 * normal, 2),
            rng.poisson(3, rows).astype(np.float64),
        )[number % 4]
        score += normal * (number % 5 == 0) * 0.3
        missing = rng.random(rows) < 0.05 if number % 3 == 0 else None
        numbers[name] = pa.array(values, mask=missing)
    for name, size, values in zip(CATEGORICAL, SIZES, words, strict=True):
        codes = np.minimum(rng.zipf(1.3, rows) - 1, size - 1)
        score += (codes % 3 - 1) * 0.2
        columns[name] = values.take(pa.array(codes))
    columns["label"] = pa.array((score + rng.standard_normal(rows) > 1).astype(np.int32))
    return pa.table(columns | numbers)


def commit_rows(store: Store, name: str, rows: pa.Table) -> Dataset:
    """Commit rows as a dataset, by DuckDB."""
    with DuckDBEngine() as engine:
        draft = store.draft(Kind.DATASET, name.ljust(32, "0"), lineage={"stage": "benchmark"})
        engine.write(engine.table(rows), draft)
        made = draft.commit()
    assert isinstance(made, Dataset)
    return made

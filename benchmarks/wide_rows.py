"""Rows to measure with: 40 numeric and 8 categorical columns, a key and a label."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.engines.parquet import ROW_GROUP, write_batches

NUMERIC = [f"n{number:02}" for number in range(40)]
CATEGORICAL = [f"c{number}" for number in range(8)]
SIZES = (10, 30, 100, 300, 1_000, 3_000, 5_000, 10_000)
"""Values of each categorical column."""


def wide_rows(rows: int, *, seed: int = 7) -> Iterator[pa.RecordBatch]:
    """Yield rows, some at a time.

    A quarter each of the numeric columns is normal, log-normal, rounded to cents, and small counts; every
    third has 5 % missing values. Categories go by Zipf's law. The label depends on some of each.
    """
    rng = np.random.default_rng(seed)
    words = [
        pa.array([f"{name}-{value:05}" for value in range(size)])
        for name, size in zip(CATEGORICAL, SIZES, strict=True)
    ]
    for start in range(0, rows, ROW_GROUP):
        yield _group(rng, start, min(ROW_GROUP, rows - start), words)


def commit_wide_rows(store: Store, rows: int) -> Dataset:
    """Commit such rows as a dataset of one file."""
    draft = store.draft(Kind.DATASET, f"{rows:032}", lineage={"stage": "benchmark"})
    folder = Path(store.strip(draft.uri))
    folder.mkdir(parents=True)
    batches = wide_rows(rows)
    first = next(batches)
    target = str(folder / "part-00000.parquet")
    write_batches(itertools.chain([first], batches), first.schema, store.arrow_filesystem, target)
    draft.meta.update(columns={field.name: str(field.type) for field in first.schema}, rows=rows)
    made = draft.commit()
    assert isinstance(made, Dataset)
    return made


def _group(rng: np.random.Generator, start: int, rows: int, words: list[pa.Array]) -> pa.RecordBatch:
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
    return pa.RecordBatch.from_pydict(columns | numbers)


def commit_rows(store: Store, name: str, rows: pa.Table) -> Dataset:
    """Commit rows as a dataset, by DuckDB."""
    with DuckDBEngine() as engine:
        draft = store.draft(Kind.DATASET, name.ljust(32, "0"), lineage={"stage": "benchmark"})
        engine.write(engine.table(rows), draft)
        made = draft.commit()
    assert isinstance(made, Dataset)
    return made

"""One local Ray for the tests of a module, and encoded rows for the stage."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.jobs.ray_session import ray_session
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Index, Standardize
from stagecraft.tracking.writer import Tracker


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    with ray_session(num_cpus=2):
        yield


@dataclass(frozen=True)
class World:
    """A workbench that tracks into its store, and the inputs of a sweep."""

    bench: Workbench
    raw: Dataset
    train: Dataset
    validation: Dataset
    test: Dataset

    def commit(self, name: str, rows: pa.Table) -> Dataset:
        return commit(self.bench.store, name, rows)


def late_rows(rows: int, seed: int) -> pa.Table:
    """Rows whose label follows an interaction, which trees find and a linear model alone does not."""
    draw = np.random.default_rng(seed)
    wind, hour = draw.normal(size=rows), draw.uniform(0, 24, rows)
    origin = draw.choice(["EWR", "JFK", "LGA"], rows)
    margin = 2 * np.sign(wind) * np.sign(hour - 12) + (origin == "EWR") - 0.5
    return pa.table(
        {
            "wind": pa.array(np.where(draw.random(rows) < 0.05, np.nan, wind), from_pandas=True),
            "hour": hour,
            "origin": origin,
            "late": draw.random(rows) < 1 / (1 + np.exp(-margin)),
            "weight": draw.choice([1.0, 2.0], rows),
        }
    )


def commit(store: Store, name: str, rows: pa.Table) -> Dataset:
    draft = store.draft(Kind.DATASET, name.ljust(32, "0"), lineage={"stage": "test"})
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    draft.write("part-0.parquet", sink.getvalue())
    columns: dict[str, Any] = {field.name: str(field.type) for field in rows.schema}
    draft.meta.update(rows=rows.num_rows, columns=columns)
    made = draft.commit()
    assert isinstance(made, Dataset)
    return made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = Store(str(tmp_path / "store"))
    with DuckDBEngine(threads=1) as engine, Tracker(store, "tracking/sweep") as tracker:
        bench = Workbench(engine, store, tracker)
        encode = EncodeColumns(
            columns={("wind", "hour"): Fill("median") | Standardize(), "origin": Index()}  # type: ignore[arg-type]
        )
        raw = commit(store, "a", late_rows(3000, 0))
        train = encode.run(bench, dataset=raw)["dataset"]
        assert isinstance(train, Dataset)
        held_out = (commit(store, name, late_rows(1500, seed)) for seed, name in enumerate("bf", 1))
        yield World(bench, raw, train, *held_out)

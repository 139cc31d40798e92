"""A bench on each engine, and rows to put on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.contract import Engine
from stagecraft.stages.base import Workbench
from stagecraft.tracking.writer import Tracker


@pytest.fixture
def bench(engine: Engine, store: Store) -> Workbench:
    return Workbench(engine, store, Tracker.nowhere())


@pytest.fixture
def commit_rows() -> Callable[..., Dataset]:
    return _commit_rows


def _commit_rows(store: Store, name: str, rows: pa.Table, **meta: Any) -> Dataset:
    """Commit rows as a dataset, in two files."""
    import io

    import pyarrow.parquet as pq

    draft = store.draft(Kind.DATASET, name.ljust(32, "0"), lineage={"stage": "test"})
    half = rows.num_rows // 2
    for number, part in enumerate([rows.slice(0, half), rows.slice(half)]):
        sink = io.BytesIO()
        pq.write_table(part, sink)
        draft.write(f"part-{number:05}.parquet", sink.getvalue())
    draft.meta.update(
        meta, rows=rows.num_rows, columns={field.name: str(field.type) for field in rows.schema}
    )
    made = draft.commit()
    assert isinstance(made, Dataset)
    return made

"""Rows of two datasets after one another, raw ones encoded as the others are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.errors import InvalidInputError
from stagecraft.stages.append import Append
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, MinMax
from stagecraft.tracking.writer import Tracker


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    with DuckDBEngine(threads=1) as engine:
        yield Workbench(engine, Store(str(tmp_path)), Tracker.nowhere())


def commit(bench: Workbench, name: str, **columns: list[Any]) -> Dataset:
    rows = pa.table(columns)
    draft = bench.store.draft(Kind.DATASET, name.ljust(32, "0"), lineage={"stage": "test"})
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    draft.write("part-0.parquet", sink.getvalue())
    draft.meta.update(rows=rows.num_rows, columns={field.name: str(field.type) for field in rows.schema})
    made = draft.commit()
    assert isinstance(made, Dataset)
    return made


def appended(bench: Workbench, first: Dataset, second: Dataset, **fill: float) -> Dataset:
    made = Append(fill=fill).run(bench, first=first, second=second)["dataset"]
    assert isinstance(made, Dataset)
    return made


def test_raw_rows_follow_in_the_columns_of_the_first(bench: Workbench) -> None:
    first = commit(bench, "a", x=[1, 2], weight=[2.0, 3.0])
    second = commit(bench, "b", other=["z"], x=[7])
    made = appended(bench, first, second, weight=1.0)
    assert made.table().to_pydict() == {"x": [1, 2, 7], "weight": [2.0, 3.0, 1.0]}
    assert made.model is None
    weighted = commit(bench, "c", x=[7], weight=[0.5])
    assert appended(bench, first, weighted, weight=1.0).table()["weight"].to_pylist() == [2.0, 3.0, 0.5]


def test_raw_rows_are_encoded_as_the_first_are_with_their_label(bench: Workbench) -> None:
    raw = commit(bench, "a", x=[0.0, 10.0, None], y=["no", "yes", "no"])
    encode = EncodeColumns(columns={"x": Fill(5.0) | MinMax()}, label="y")  # type: ignore[arg-type]
    first = encode.run(bench, dataset=raw)["dataset"]
    assert isinstance(first, Dataset)
    made = appended(bench, first, commit(bench, "b", y=["yes", "no"], x=[2.5, None]))
    assert made.table().to_pydict() == {"x": [0.0, 1.0, 0.5, 0.25, 0.5], "y": [0, 1, 0, 1, 0]}
    assert made.model == first.model
    again = appended(bench, first, made)
    assert again.rows == 8, "rows of the same encoding are taken as they are"


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({"x": [1], "z": [1]}, {"x": [1]}, "no column 'z'.*x, z"),
        ("encoded", {"y": ["no"]}, "no column 'x'"),
        ("encoded", {"x": ["text"], "y": ["no"]}, "'x' is of type string"),
        ({"x": [1.0], "y": [0]}, "encoded", "encoded by another model"),
    ],
)
def test_rows_that_do_not_fit_are_refused(bench: Workbench, first: Any, second: Any, words: str) -> None:
    encode = EncodeColumns(columns={"x": MinMax()}, label="y")  # type: ignore[arg-type]
    encoded = encode.run(bench, dataset=commit(bench, "r", x=[0.0, 1.0], y=["no", "yes"]))["dataset"]
    given = [
        encoded if rows == "encoded" else commit(bench, name, **rows)
        for name, rows in (("f", first), ("s", second))
    ]
    with pytest.raises(InvalidInputError, match=words):
        appended(bench, *given)  # type: ignore[arg-type]

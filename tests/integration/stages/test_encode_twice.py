"""A second encoding goes on where the first ended: its model does both."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Index, Standardize
from stagecraft.stages.sample import Sample

ROWS = pa.table(
    {"x": [1.0, 2.0, None, 5.0] * 25, "word": ["a", "b", "a", None] * 25, "late": ["no", "yes"] * 50}
)


def test_its_model_takes_raw_rows(bench: Workbench, commit_rows: Any) -> None:
    raw = commit_rows(bench.store, "raw", ROWS)
    numbers = EncodeColumns(columns={"x": Fill("median") | Standardize()}, label="late")
    first = numbers.run(bench, dataset=raw)["dataset"]
    second = EncodeColumns(columns={"word": Index()}).run(bench, dataset=first)
    at_once = EncodeColumns(columns={"x": Fill("median") | Standardize(), "word": Index()}, label="late").run(
        bench, dataset=raw
    )

    assert second["dataset"].table().equals(at_once["dataset"].table())
    assert second["dataset"].columns == {"x": "float", "word": "int8", "late": "int8"}
    assert second["model"].meta["labels"] == ["no", "yes"]
    batch = ROWS.select(["x", "word"]).to_batches()[0]
    assert second["model"].chain.apply(batch).equals(at_once["model"].chain.apply(batch))
    assert second["model"].golden().column_names == ["x", "word"]

    with pytest.raises(InvalidInputError, match=r"encode\.columns\.x: the stage before has encoded"):
        EncodeColumns(columns={"x": Standardize()}).run(bench, dataset=first)


def test_a_sample_of_encoded_rows_is_encoded(bench: Workbench, commit_rows: Any) -> None:
    rows = ROWS.append_column("id", pa.array(range(100)))
    encode = EncodeColumns(columns={"x": Fill("median") | Standardize()})
    encoded = encode.run(bench, dataset=commit_rows(bench.store, "raw", rows))
    sampled = Sample(key="id", count=50).run(bench, dataset=encoded["dataset"])["dataset"]
    assert sampled.model == encoded["model"].reference
    again = EncodeColumns(columns={"word": Index()}).run(bench, dataset=sampled)
    assert again["model"].chain.input_columns() == ["x", "word"]

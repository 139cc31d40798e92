"""Sparse rows on every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.sparse import csr_of
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Index
from stagecraft.stages.sparse_rows import SparseRows


def test_they_hold_the_encoded_features(bench: Workbench, commit_rows: Any) -> None:
    rng = np.random.default_rng(0)
    rows = pa.table(
        {
            "order": pa.array(rng.choice([0.0, 1.5, np.nan], 500)),
            "word": pa.array(rng.choice(["a", "b", "ß"], 500)),
            "late": rng.integers(0, 2, 500),
        }
    )
    raw = commit_rows(bench.store, "raw", rows)
    encode = EncodeColumns(columns={"order": Fill(0.0), "word": Index()})
    encoded = encode.run(bench, dataset=raw)["dataset"]
    with pytest.raises(InvalidInputError, match=r"sparse_rows\.dataset.*not encoded"):
        SparseRows().run(bench, dataset=raw)
    made = SparseRows(keep=["late"]).run(bench, dataset=encoded)["dataset"]
    with pytest.raises(InvalidInputError, match="sparse already"):
        SparseRows().run(bench, dataset=made)

    assert made.columns == {"late": "int64", "indices": "binary", "values": "binary"}
    layout = bench.store.open(made.model).chain.layout
    found, expected = csr_of(made.table(), layout), layout.csr(encoded.table())
    held = expected.values != 0
    assert np.array_equal(found.indices, expected.indices[held])
    assert np.array_equal(found.values, expected.values[held])
    assert made.table()["late"].equals(rows["late"])


def test_values_that_are_all_one_are_left_out(bench: Workbench, commit_rows: Any) -> None:
    words = pa.table({"a": pa.array(["x", None] * 50), "b": pa.array(["u", "v", "w", "u"] * 25)})
    raw = commit_rows(bench.store, "words", words)
    encoded = EncodeColumns(columns={"a": Index(), "b": Index()}).run(bench, dataset=raw)["dataset"]
    made = SparseRows().run(bench, dataset=encoded)["dataset"]
    assert made.columns == {"packed": "fixed_size_binary[8]"}
    layout = bench.store.open(made.model).chain.layout
    found, expected = csr_of(made.table(), layout), layout.csr(encoded.table())
    assert [part.tolist() for part in found] == [part.tolist() for part in expected]

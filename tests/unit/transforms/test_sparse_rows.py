"""Sparse rows hold what the layout says, without the zeros."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.transforms.layout import Feature, Layout
from stagecraft.transforms.sparse import SparseRows, csr_of

LAYOUT = Layout.of([Feature("x"), Feature("slot", "slot", 3), Feature("leaves", "leaves", 5, 2)])
BATCH = pa.record_batch(
    {
        "late": pa.array([1, 0, 1], pa.int32()),
        "x": pa.array([0.5, 0.0, None], pa.float32()),
        "slot": pa.array([2, 0, 1], pa.int8()),
        "leaves": pa.array([[0, 4], [1, 3], [0, 3]], pa.list_(pa.int16())),
    }
)


def dense(csr) -> np.ndarray:
    made = np.zeros((len(csr.indptr) - 1, LAYOUT.dimension), dtype=np.float32)
    for row in range(len(made)):
        held = slice(csr.indptr[row], csr.indptr[row + 1])
        made[row, csr.indices[held]] = csr.values[held]
    return made


def test_the_matrix_is_the_layouts() -> None:
    made = SparseRows(LAYOUT, ("late",)).apply(BATCH)
    csr = csr_of(pa.Table.from_batches([made]))
    assert np.array_equal(dense(csr), dense(LAYOUT.csr(BATCH)))
    assert made.column("indices").to_pylist()[1] == [0, 2, 6, 8], "the zero is left out"
    assert made.schema.names == ["late", "indices", "values"]


def test_slices_and_chunks_of_it_too() -> None:
    table = pa.Table.from_batches([SparseRows(LAYOUT, ()).apply(BATCH)] * 2).slice(1, 4)
    expected = dense(LAYOUT.csr(BATCH))
    assert np.array_equal(dense(csr_of(table)), expected[[1, 2, 0, 1]])


def test_reading_copies_nothing() -> None:
    table = pa.Table.from_batches([SparseRows(LAYOUT, ()).apply(BATCH)])
    assert np.shares_memory(csr_of(table).values, csr_of(table).values)


def test_a_column_of_that_name_is_refused() -> None:
    batch = BATCH.append_column("values", BATCH.column("x"))
    with pytest.raises(InvalidInputError, match="already have a column 'values'"):
        SparseRows(LAYOUT, ("values",)).output_schema(batch.schema)

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
    second = np.frombuffer(made.column("indices")[1].as_py(), np.int32)
    assert second.tolist() == [0, 2, 6, 8], "the zero is left out"
    assert made.schema.names == ["late", "indices", "values"]


@pytest.mark.parametrize("numeric", [True, False])
def test_numbers_beyond_int32_are_kept(numeric: bool) -> None:
    layout = Layout.of([Feature("slot", "slot", 2**40), *([Feature("x")] if numeric else [])])
    batch = BATCH.set_column(2, "slot", pa.array([2**39, 0, 2**40 - 1]))
    made = SparseRows(layout, ("late",)).apply(batch)
    csr = csr_of(pa.Table.from_batches([made] * 2).slice(1, 3), "int64")
    rows = [
        csr.indices[start:end].tolist() for start, end in zip(csr.indptr[:-1], csr.indptr[1:], strict=True)
    ]
    last = [2**40 + 1] if numeric else []
    assert rows == [[0, 1], [0, 2**40], [0, 2**39 + 1, *last]]
    assert csr.values.tolist() == [1.0] * 6 + [0.5] * numeric


def test_slices_and_chunks_of_it_too() -> None:
    table = pa.Table.from_batches([SparseRows(LAYOUT, ()).apply(BATCH)] * 2).slice(1, 4)
    expected = dense(LAYOUT.csr(BATCH))
    assert np.array_equal(dense(csr_of(table)), expected[[1, 2, 0, 1]])


def test_values_that_are_all_one_are_not_stored() -> None:
    layout = Layout.of([Feature("slot", "slot", 3), Feature("leaves", "leaves", 5, 2)])
    made = SparseRows(layout, ("late",)).apply(BATCH)
    assert made.schema.names == ["late", "indices"]
    assert made.schema.field("indices").type == pa.binary(16), "four int32 in each row"
    csr = csr_of(pa.Table.from_batches([made]).slice(1))
    assert csr.indptr.tolist() == [0, 4, 8]
    assert csr.indices.tolist() == [0, 1, 5, 7, 0, 2, 4, 7]
    assert csr.values.tolist() == [1.0] * 8


def test_lists_are_read_too() -> None:
    lists = pa.table({"indices": [[9], [0, 2], []], "values": [[7.0], [1.0, 0.5], []]})
    lists = lists.set_column(0, "indices", lists["indices"].cast(pa.list_(pa.int32())))
    csr = csr_of(lists.slice(1))
    assert [part.tolist() for part in csr] == [[0, 2, 2], [0, 2], [1.0, 0.5]]
    with pytest.raises(ValueError, match="not as many values"):
        csr_of(lists.set_column(1, "values", pa.array([[], [1.0], [1.0, 1.0]])))


@pytest.mark.parametrize("kind", [pa.binary(), pa.binary(8), pa.list_(pa.int32())])
def test_reading_copies_nothing(kind: pa.DataType) -> None:
    numbers = np.arange(4, dtype=np.int32)
    rows = [numbers[:2], numbers[2:]]
    column = pa.array(rows if pa.types.is_list(kind) else [row.tobytes() for row in rows], kind)
    csr = csr_of(pa.table({"indices": column}))
    assert csr.indices.tolist() == [0, 1, 2, 3]
    at = column.values.buffers()[1] if pa.types.is_list(kind) else column.buffers()[-1]
    assert csr.indices.ctypes.data == at.address


def test_a_column_of_that_name_is_refused() -> None:
    batch = BATCH.append_column("values", BATCH.column("x"))
    with pytest.raises(InvalidInputError, match="already have a column 'values'"):
        SparseRows(LAYOUT, ("values",)).output_schema(batch.schema)

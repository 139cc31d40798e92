"""Sparse rows hold what the layout says, without the zeros."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.sparse import csr_of
from stagecraft.transforms.layout import Feature, Layout
from stagecraft.transforms.sparse import SparseRows

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
    csr = csr_of(pa.Table.from_batches([made]), LAYOUT)
    assert np.array_equal(dense(csr), dense(LAYOUT.csr(BATCH)))
    second = np.frombuffer(made.column("indices")[1].as_py(), np.int32)
    assert second.tolist() == [0, 2, 6, 8], "the zero is left out"
    assert made.schema.names == ["late", "indices", "values"]


@pytest.mark.parametrize("numeric", [True, False])
def test_numbers_beyond_int32_are_kept(numeric: bool) -> None:
    layout = Layout.of([Feature("slot", "slot", 2**40), *([Feature("x")] if numeric else [])])
    batch = BATCH.set_column(2, "slot", pa.array([2**39, 0, 2**40 - 1]))
    made = SparseRows(layout, ("late",)).apply(batch)
    csr = csr_of(pa.Table.from_batches([made] * 2).slice(1, 3), layout)
    rows = [
        csr.indices[start:end].tolist() for start, end in zip(csr.indptr[:-1], csr.indptr[1:], strict=True)
    ]
    last = [2**40 + 1] if numeric else []
    assert rows == [[0, 1], [0, 2**40], [0, 2**39 + 1, *last]]
    assert csr.values.tolist() == [1.0] * 6 + [0.5] * numeric


def test_slices_and_chunks_of_it_too() -> None:
    table = pa.Table.from_batches([SparseRows(LAYOUT, ()).apply(BATCH)] * 2).slice(1, 4)
    expected = dense(LAYOUT.csr(BATCH))
    assert np.array_equal(dense(csr_of(table, LAYOUT)), expected[[1, 2, 0, 1]])


def test_values_that_are_all_one_are_not_stored() -> None:
    layout = Layout.of([Feature("slot", "slot", 3), Feature("leaves", "leaves", 5, 2)])
    made = SparseRows(layout, ("late",)).apply(BATCH)
    assert made.schema.names == ["late", "packed"]
    assert made.schema.field("packed").type == pa.binary(8)
    # Slots in two bits, leaves in three: from the lowest bit on.
    assert made.column("packed")[0].as_py() == (2 | 0 << 2 | 4 << 5).to_bytes(8, "little")
    csr = csr_of(pa.Table.from_batches([made]).slice(1), layout)
    assert csr.indptr.tolist() == [0, 4, 8]
    assert csr.indices.tolist() == [0, 1, 5, 7, 0, 2, 4, 7]
    assert csr.values.tolist() == [1.0] * 8


SIZES = st.lists(
    st.integers(1, 1000) | st.integers(10, 57).map(lambda bits: 2**bits), min_size=1, max_size=24
)


@settings(max_examples=60, deadline=None)
@given(SIZES, st.sampled_from([1, 2**58, 2**62]), st.integers(0, 24), st.integers(0, 2**32 - 1))
def test_packed_rows_hold_the_features_of_any_columns(
    sizes: list[int], wide: int, at: int, seed: int
) -> None:
    sizes.insert(at, wide)
    layout = Layout.of([Feature(f"c{at}", "slot", size) for at, size in enumerate(sizes)])
    slots = np.random.default_rng(seed).integers(0, sizes, (5, len(sizes)))
    slots[0], slots[1] = 0, np.array(sizes) - 1
    batch = pa.record_batch({f"c{at}": column for at, column in enumerate(slots.T)})
    made = pa.Table.from_batches([SparseRows(layout, ()).apply(batch)])
    found = csr_of(made, layout).indices.reshape(5, -1)
    assert np.array_equal(found[:, 0], np.zeros(5))
    assert np.array_equal(found[:, 1:], slots + [block.offset for block in layout.blocks])
    bits = sum((size - 1).bit_length() for size in sizes)
    assert made.schema.field("packed").type.byte_width <= max(8, -(-bits // 8) + 1), "one wide column at most"


@pytest.mark.parametrize("slot", [-1, 3])
def test_a_feature_outside_its_column_is_refused(slot: int) -> None:
    layout = Layout.of([Feature("slot", "slot", 3)])
    batch = BATCH.set_column(2, "slot", pa.array([0, slot, 1]))
    with pytest.raises(InvalidInputError, match="feature 1 of a row lies outside its column"):
        SparseRows(layout, ()).apply(batch)


def test_lists_are_read_too() -> None:
    lists = pa.table({"indices": [[9], [0, 2], []], "values": [[7.0], [1.0, 0.5], []]})
    lists = lists.set_column(0, "indices", lists["indices"].cast(pa.list_(pa.int32())))
    csr = csr_of(lists.slice(1), LAYOUT)
    assert [part.tolist() for part in csr] == [[0, 2, 2], [0, 2], [1.0, 0.5]]
    with pytest.raises(ValueError, match="not as many values"):
        csr_of(lists.set_column(1, "values", pa.array([[], [1.0], [1.0, 1.0]])), LAYOUT)


@pytest.mark.parametrize("kind", [pa.binary(), pa.binary(8), pa.list_(pa.int32())])
def test_reading_copies_nothing(kind: pa.DataType) -> None:
    numbers = np.arange(4, dtype=np.int32)
    rows = [numbers[:2], numbers[2:]]
    column = pa.array(rows if pa.types.is_list(kind) else [row.tobytes() for row in rows], kind)
    csr = csr_of(pa.table({"indices": column}), LAYOUT)
    assert csr.indices.tolist() == [0, 1, 2, 3]
    at = column.values.buffers()[1] if pa.types.is_list(kind) else column.buffers()[-1]
    assert csr.indices.ctypes.data == at.address


def test_a_column_of_that_name_is_refused() -> None:
    batch = BATCH.append_column("values", BATCH.column("x"))
    with pytest.raises(InvalidInputError, match="already have a column 'values'"):
        SparseRows(LAYOUT, ("values",)).output_schema(batch.schema)

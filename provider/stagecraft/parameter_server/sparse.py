"""Sparse rows as training reads them: what the stage SparseRows writes, and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa  # noqa: TID253
import pyarrow.types as is_  # noqa: TID253

from stagecraft.parameter_server.kernels.compiled import frozen
from stagecraft.parameter_server.kernels.packed import unpack
from stagecraft.transforms.layout import CSR, ones
from stagecraft.transforms.packed import Packing
from stagecraft.transforms.sparse import INDICES, PACKED, VALUES

if TYPE_CHECKING:
    from stagecraft.transforms.layout import Layout

COLUMNS = [PACKED, INDICES, VALUES]
"""The columns that sparse rows may have."""


def csr_of(table: pa.Table, layout: Layout) -> CSR:
    """Return the rows of a table that has them sparse.

    Of lists and bytes the numbers and values are views of Arrow's memory, where it is whole.

    :param table: as :class:`~stagecraft.transforms.sparse.SparseRows` makes it, or with ``indices`` and,
        where they are not all 1, ``values`` as lists
    :raises ValueError: a row has not as many values as feature numbers
    """
    if PACKED in table.column_names:
        return unpacked(table[PACKED], layout)[0]
    indptr, indices = _entries(table[INDICES], np.dtype(layout.index_type))
    if VALUES not in table.column_names:
        return CSR(indptr, indices, ones(len(indices)))
    offsets, values = _entries(table[VALUES], np.dtype(np.float32))
    if not np.array_equal(indptr, offsets):
        raise ValueError("the rows have not as many values as feature numbers")
    return CSR(indptr, indices, values)


def unpacked(column: pa.ChunkedArray, layout: Layout) -> tuple[CSR, bool]:
    """Return packed rows, and whether each feature lies within its column; else it is below 0."""
    packing = Packing.of(layout)
    array = column.combine_chunks()
    rows, width = len(array), packing.width
    data = np.frombuffer(array.buffers()[1] or b"", np.uint8)[array.offset * width :][: rows * width]
    kind, each = np.dtype(layout.index_type), layout.width
    # Arrow's memory is used again from row group to row group; NumPy's would be new each time.
    indices = np.frombuffer(pa.allocate_buffer(rows * each * kind.itemsize), kind)
    within = unpack(frozen(data), packing, indices)
    if not within:
        matrix = indices.reshape(rows, each)
        matrix[(matrix - packing.offset.astype(kind)).astype(np.uint64) >= packing.size] = -1
    return CSR(np.arange(0, (rows + 1) * each, each, dtype=np.int64), indices, ones(rows * each)), within


def _entries(column: pa.ChunkedArray, kind: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return where each row's entries begin and end (int64, rows + 1), and all rows' entries.

    :param column: lists without missing elements, or bytes
    :param kind: the type of the entries; what bytes hold
    """
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    rows = len(array)
    if is_.is_fixed_size_binary(array.type):  # What the stage wrote before it packed rows.
        width = array.type.byte_width // kind.itemsize
        first = array.offset * width
        data = np.frombuffer(array.buffers()[1] or b"", dtype=kind)[first : first + rows * width]
        return np.arange(0, (rows + 1) * width, width, dtype=np.int64), data
    if is_.is_binary(array.type):
        _, at, content = array.buffers()
        offsets = np.frombuffer(at, dtype=np.int32)[array.offset : array.offset + rows + 1].astype(np.int64)
        data = np.frombuffer(content or b"", dtype=np.uint8)[offsets[0] : offsets[-1]].view(kind)
        return (offsets - offsets[0]) // kind.itemsize, data
    offsets = array.offsets.to_numpy().astype(np.int64)
    return offsets - offsets[0], array.flatten().to_numpy()

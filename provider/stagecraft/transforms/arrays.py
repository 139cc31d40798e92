"""Between Arrow's memory and NumPy's: without pandas, which Arrow's own ways load first.

That takes a fifth of a CPU second a process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


def to_arrow(values: np.ndarray) -> pa.Array:
    """Return numbers, one a row, as Arrow's; NaN stays NaN.

    >>> to_arrow(np.array([1.5, 2.0])).to_pylist()
    [1.5, 2.0]
    """
    import pyarrow as pa

    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, data])


def to_numpy(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return a column as NumPy's: a view of Arrow's memory where it holds numbers and none is missing."""
    import pyarrow as pa

    kind = column.type
    if column.null_count or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    return np.from_dlpack(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)


def missing(column: pa.Array) -> np.ndarray:
    """Return whether each value is missing, bool.

    >>> import pyarrow as pa
    >>> missing(pa.array(["a", None, "b"]).slice(1)).tolist()
    [True, False]
    """
    bits = column.buffers()[0]
    if bits is None:
        return np.full(len(column), column.null_count > 0)
    there = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little").astype(bool)
    return ~there[column.offset : column.offset + len(column)]

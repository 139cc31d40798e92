"""Encoded rows as sparse rows: the numbers of each row's features and their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stagecraft.transforms.layout import CSR, ones
from stagecraft.transforms.types import check_absent

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.transforms.layout import Layout

INDICES, VALUES = "indices", "values"


@dataclass(frozen=True)
class SparseRows:
    """A batch map: encoded columns become ``indices`` and ``values``, each row's as the bytes of an array.

    ``indices`` are int32 (int64 where the layout has more features than that numbers), ascending, ``values``
    float32, both little endian; features whose value is 0 are left out. Where every value is 1 (no column
    holds numbers) there is no column ``values``, and all rows' ``indices`` are of one size. Bytes and not
    lists, since Parquet stores two levels beside each element of a list: decoding them costs several times
    what the rest of the reading does. What Arrow makes of bytes is a CSR matrix, so a reader takes it without
    a copy (:func:`csr_of`).

    :param layout: the features of the encoded columns
    :param keep: columns to keep, in this order
    """

    layout: Layout
    keep: tuple[str, ...]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import numpy as np
        import pyarrow as pa

        kept = pa.schema([schema.field(name) for name in self.keep])
        for name in (INDICES, VALUES):
            check_absent("sparse_rows.dataset", kept, name)
        if self.layout.is_binary:
            size = np.dtype(self.layout.index_type).itemsize
            return kept.append(pa.field(INDICES, pa.binary(size * self.layout.width)))
        return kept.append(pa.field(INDICES, pa.binary())).append(pa.field(VALUES, pa.binary()))

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        schema = self.output_schema(batch.schema)
        csr = self.layout.csr(batch)
        if self.layout.is_binary:
            buffers = [None, pa.py_buffer(csr.indices)]
            made = [pa.Array.from_buffers(schema.field(INDICES).type, batch.num_rows, buffers)]
        else:
            held = csr.values != 0
            before = np.concatenate([[0], np.cumsum(held)])
            ends = before[csr.indptr]
            made = [_bytes(part[held], ends) for part in (csr.indices, csr.values)]
        return pa.RecordBatch.from_arrays([*map(batch.column, self.keep), *made], schema=schema)


def _bytes(entries: np.ndarray, ends: np.ndarray) -> pa.Array:
    """Return each row's entries as bytes.

    :param ends: int64, where those of each row begin, and their end
    """
    import numpy as np
    import pyarrow as pa

    offsets = pa.py_buffer((entries.itemsize * ends).astype(np.int32))
    return pa.Array.from_buffers(pa.binary(), len(ends) - 1, [None, offsets, pa.py_buffer(entries)])


def csr_of(table: pa.Table, index_type: Literal["int32", "int64"] = "int32") -> CSR:
    """Return the rows of a table that has them sparse: views of Arrow's memory where it is whole.

    :param table: ``indices`` and, where they are not all 1, ``values``: as :class:`SparseRows` makes them, or
        as lists
    :param index_type: the layout's, which bytes do not tell
    :raises ValueError: a row has not as many values as feature numbers
    """
    import numpy as np

    indptr, indices = entries(table[INDICES], np.dtype(index_type))
    if VALUES not in table.column_names:
        return CSR(indptr, indices, ones(len(indices)))
    offsets, values = entries(table[VALUES], np.dtype(np.float32))
    if not np.array_equal(indptr, offsets):
        raise ValueError("the rows have not as many values as feature numbers")
    return CSR(indptr, indices, values)


def entries(column: pa.ChunkedArray, kind: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return where each row's entries begin and end (int64, rows + 1), and all rows' entries.

    :param column: lists without missing elements, or bytes
    :param kind: the type of the entries; what bytes hold
    """
    import numpy as np
    import pyarrow.types as is_

    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    rows = len(array)
    if is_.is_fixed_size_binary(array.type):
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

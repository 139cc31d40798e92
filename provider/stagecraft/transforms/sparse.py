"""Encoded rows as sparse rows: the numbers of each row's features and their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.transforms.types import check_absent

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.transforms.layout import Layout

INDICES, VALUES, PACKED = "indices", "values", "packed"


@dataclass(frozen=True)
class SparseRows:
    """A batch map: encoded columns become ``packed``, or ``indices`` and ``values``, each row's as bytes.

    ``packed`` is all where no column holds numbers, so that every value is 1: each feature in as many bits as
    its column needs, as :class:`~stagecraft.transforms.packed.Packing` says. That is a third of the bytes of
    the numbers themselves, which cost more to read than these to unpack.

    Else ``indices`` are int32 (int64 where the layout has more features than that numbers), ascending,
    ``values`` float32, both little endian; features whose value is 0 are left out. Bytes and not lists, since
    Parquet stores two levels beside each element of a list: decoding them costs several times what the rest
    of the reading does. What Arrow makes of bytes is a CSR matrix, so a reader takes it without a copy.

    :param layout: the features of the encoded columns
    :param keep: columns to keep, in this order
    """

    layout: Layout
    keep: tuple[str, ...]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        kept = pa.schema([schema.field(name) for name in self.keep])
        for name in (INDICES, VALUES, PACKED):
            check_absent("sparse_rows.dataset", kept, name)
        if self.layout.is_binary:
            from stagecraft.transforms.packed import Packing

            return kept.append(pa.field(PACKED, pa.binary(Packing.of(self.layout).width)))
        return kept.append(pa.field(INDICES, pa.binary())).append(pa.field(VALUES, pa.binary()))

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        schema = self.output_schema(batch.schema)
        csr = self.layout.csr(batch)
        if self.layout.is_binary:
            buffers = [None, pa.py_buffer(self._packed(csr.indices))]
            made = [pa.Array.from_buffers(schema.field(PACKED).type, batch.num_rows, buffers)]
        else:
            held = csr.values != 0
            before = np.concatenate([[0], np.cumsum(held)])
            ends = before[csr.indptr]
            made = [_bytes(part[held], ends) for part in (csr.indices, csr.values)]
        return pa.RecordBatch.from_arrays([*map(batch.column, self.keep), *made], schema=schema)

    def _packed(self, indices: np.ndarray) -> np.ndarray:
        from stagecraft.transforms.packed import Packing

        try:
            return Packing.of(self.layout).pack(indices)
        except ValueError as error:
            raise InvalidInputError(
                "sparse_rows.dataset", str(error), "rows of the model that encoded them"
            ) from error


def _bytes(entries: np.ndarray, ends: np.ndarray) -> pa.Array:
    """Return each row's entries as bytes.

    :param ends: int64, where those of each row begin, and their end
    """
    import numpy as np
    import pyarrow as pa

    offsets = pa.py_buffer((entries.itemsize * ends).astype(np.int32))
    return pa.Array.from_buffers(pa.binary(), len(ends) - 1, [None, offsets, pa.py_buffer(entries)])

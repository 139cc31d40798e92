"""Encoded rows as sparse rows: two list columns, as training reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagecraft.transforms.types import check_absent

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.transforms.layout import CSR, Layout

INDICES, VALUES = "indices", "values"


@dataclass(frozen=True)
class SparseRows:
    """A batch map: encoded columns become ``indices`` (list of int32, ascending) and ``values`` (of float32).

    Features whose value is 0 are left out. What both lists hold is Arrow's own layout of a CSR matrix, so a
    reader takes them without a copy (:func:`csr_of`).

    :param layout: the features of the encoded columns
    :param keep: columns to keep, in this order
    """

    layout: Layout
    keep: tuple[str, ...]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        kept = pa.schema([schema.field(name) for name in self.keep])
        for name in (INDICES, VALUES):
            check_absent("sparse_rows.dataset", kept, name)
        return kept.append(pa.field(INDICES, pa.list_(pa.int32()))).append(
            pa.field(VALUES, pa.list_(pa.float32()))
        )

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        csr = self.layout.csr(batch)
        held = csr.values != 0
        before = np.concatenate([[0], np.cumsum(held)])
        offsets = pa.array(before[csr.indptr].astype(np.int32))
        lists = [
            pa.ListArray.from_arrays(offsets, pa.array(part[held])) for part in (csr.indices, csr.values)
        ]
        arrays = [*(batch.column(name) for name in self.keep), *lists]
        return pa.RecordBatch.from_arrays(arrays, schema=self.output_schema(batch.schema))


def csr_of(table: pa.Table) -> CSR:
    """Return the sparse rows of a table that has them as lists: views of Arrow's memory where it is whole."""
    import numpy as np

    from stagecraft.transforms.layout import CSR

    indices, values = (_whole(table[name]) for name in (INDICES, VALUES))
    offsets = indices.offsets.to_numpy().astype(np.int64)
    return CSR(offsets - offsets[0], indices.flatten().to_numpy(), values.flatten().to_numpy())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

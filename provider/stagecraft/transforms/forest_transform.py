"""What transforms over decision trees have in common: the trees' details, kept as a table."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from pydantic import PrivateAttr

from stagecraft.transforms.base import Transform

if TYPE_CHECKING:
    import pyarrow as pa

TREES_FILE = "trees.parquet"


class ForestTransform(Transform):
    """Sends rows down trees.

    :param columns: the columns in the order of the trees' features
    """

    columns: list[str]
    _table: Any = PrivateAttr()

    def holding(self, table: pa.Table) -> Self:
        """Return this transform with its trees' details: one row a node, by tree and node."""
        made = self.model_copy()
        made._table = table
        return made

    def __getstate__(self) -> dict[Any, Any]:
        """What travels to another process: the trees as they are kept; the forest is built there."""
        state = super().__getstate__()
        return {**state, "__dict__": {k: v for k, v in state["__dict__"].items() if k != "forest"}}

    @cached_property
    def forest(self) -> Any:
        from stagecraft.transforms.forest import Forest

        return Forest.of(self._table)

    def of_leaves(self, name: str) -> pa.ChunkedArray:
        """Return a column of the trees' details, leaf by leaf."""
        import pyarrow.compute as pc

        return self._table.filter(pc.is_valid(self._table["leaf"])).sort_by("leaf")[name]

    def input_columns(self) -> list[str]:
        return list(self.columns)

    def files(self) -> dict[str, bytes]:
        import pyarrow.parquet as pq

        sink = io.BytesIO()
        pq.write_table(self._table, sink, compression="zstd")
        return {TREES_FILE: sink.getvalue()}

    @classmethod
    def restore(cls, fields: dict[str, object], read: Callable[[str], bytes]) -> Self:
        import pyarrow as pa
        import pyarrow.parquet as pq

        return cls.model_validate(fields).holding(pq.read_table(pa.BufferReader(read(TREES_FILE))))

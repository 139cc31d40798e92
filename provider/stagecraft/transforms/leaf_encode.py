"""Gradient-boosted trees as features: each row becomes the leaves it falls into."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import PrivateAttr

from stagecraft.transforms.base import Transform
from stagecraft.transforms.types import check_absent, check_numeric, field_type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

TREES_FILE = "trees.parquet"


class LeafEncode(Transform):
    """Adds a list column: for each tree, the number of the leaf the row falls into.

    Leaves are numbered within their tree in the order of their node numbers, then offset by the leaves of
    the trees before, so a number names one leaf of the forest. NaN goes the way the tree's default points.

    Source: He et al., Practical Lessons from Predicting Clicks on Ads at Facebook, ADKDD 2014; numbering as
    Alibaba PAI documents it.

    :param columns: the columns in the order of the trees' features
    :param output: the name of the column to add
    """

    type: Literal["leaf_encode"] = "leaf_encode"
    columns: list[str]
    trees: int
    leaves: int
    output: str = "leaves"
    _table: Any = PrivateAttr()

    @classmethod
    def of(cls, table: pa.Table, columns: list[str], output: str = "leaves") -> LeafEncode:
        """Build from the trees' details: one row a node, as the GBDT encoding stage writes them."""
        import pyarrow.compute as pc

        trees = pc.max(table["tree"]).as_py() + 1
        leaves = pc.sum(pc.cast(pc.is_valid(table["leaf"]), "int64")).as_py()
        made = cls(columns=columns, trees=trees, leaves=leaves, output=output)
        made._table = table
        return made

    @cached_property
    def forest(self) -> Any:
        from stagecraft.transforms.forest import Forest

        return Forest.of(self._table)

    def input_columns(self) -> list[str]:
        return list(self.columns)

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        for column in self.columns:
            where = f"leaf_encode.{column}"
            check_numeric(where, field_type(where, schema, column))
        check_absent("leaf_encode.output", schema, self.output)
        return schema.append(pa.field(self.output, pa.list_(pa.int32())))

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        schema = self.output_schema(batch.schema)
        leaves = self.forest.leaves(self.matrix(batch, self.columns))
        offsets = np.arange(0, leaves.size + 1, self.trees, dtype=np.int32)
        column = pa.ListArray.from_arrays(pa.array(offsets), pa.array(leaves.reshape(-1)))
        return pa.RecordBatch.from_arrays([*batch.columns, column], schema=schema)

    @staticmethod
    def matrix(batch: pa.RecordBatch | pa.Table, columns: list[str]) -> np.ndarray:
        """Return the trees' input, float32, rows × columns, NaN where a value is missing."""
        import numpy as np
        import pyarrow as pa

        features = np.empty((batch.num_rows, len(columns)), dtype=np.float32)
        for position, name in enumerate(columns):
            # Cast by Arrow first: a NULL among integers would make NumPy round them twice.
            column = batch.column(name).cast(pa.float32(), safe=False)
            features[:, position] = column.to_numpy(zero_copy_only=False)
        return features

    def files(self) -> dict[str, bytes]:
        import io

        import pyarrow.parquet as pq

        sink = io.BytesIO()
        pq.write_table(self._table, sink, compression="zstd")
        return {TREES_FILE: sink.getvalue()}

    @classmethod
    def restore(cls, fields: dict[str, object], read: Callable[[str], bytes]) -> Self:
        import pyarrow as pa
        import pyarrow.parquet as pq

        made = cls.model_validate(fields)
        made._table = pq.read_table(pa.BufferReader(read(TREES_FILE)))
        return made


def feature_matrix(batch: pa.RecordBatch | pa.Table, columns: list[str]) -> np.ndarray:
    """Return columns as the input of trees: float32, rows × columns."""
    import numpy as np

    features = np.empty((batch.num_rows, len(columns)), dtype=np.float32)
    for position, name in enumerate(columns):
        features[:, position] = batch.column(name).to_numpy(zero_copy_only=False)
    return features

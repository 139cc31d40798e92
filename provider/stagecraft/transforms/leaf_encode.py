"""Gradient-boosted trees as features: each row becomes the leaves it falls into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from stagecraft.transforms.forest_transform import ForestTransform
from stagecraft.transforms.layout import Feature
from stagecraft.transforms.types import check_absent, check_numeric, field_type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class LeafEncode(ForestTransform):
    """Adds a list column: for each tree, the number of the leaf the row falls into.

    Leaves are numbered within their tree in the order of their node numbers, then offset by the leaves of
    the trees before, so a number names one leaf of the forest; int16 holds it where there are few enough.
    NaN goes the way the tree's default points.

    Source: He et al., Practical Lessons from Predicting Clicks on Ads at Facebook, ADKDD 2014; numbering as
    Alibaba PAI documents it.

    :param columns: the columns in the order of the trees' features
    :param output: the name of the column to add
    """

    type: Literal["leaf_encode"] = "leaf_encode"
    trees: int
    leaves: int
    output: str = "leaves"

    @classmethod
    def of(cls, table: pa.Table, columns: list[str], output: str = "leaves") -> LeafEncode:
        """Build from the trees' details, one row a node; see :data:`stagecraft.stages.trees.COLUMNS`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        trees = pc.max(table["tree"]).as_py() + 1
        leaves = pc.sum(pc.cast(pc.is_valid(table["leaf"]), "int64")).as_py()
        names = pa.array(columns, pa.string()).take(table["feature"].combine_chunks())
        details = table.add_column(table.column_names.index("feature") + 1, "column", names)
        return cls(columns=columns, trees=trees, leaves=leaves, output=output).holding(details)

    def features(self) -> list[Feature]:
        return [Feature(self.output, "leaves", self.leaves, self.trees)]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        for column in self.columns:
            where = f"leaf_encode.{column}"
            check_numeric(where, field_type(where, schema, column))
        check_absent("leaf_encode.output", schema, self.output)
        return schema.append(pa.field(self.output, pa.list_(pa.from_numpy_dtype(leaf_type(self.leaves)))))

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        schema = self.output_schema(batch.schema)
        features = feature_matrix(batch, self.columns, self.forest.threshold.dtype)
        leaves = self.forest.leaves(features)
        offsets = np.arange(0, leaves.size + 1, self.trees, dtype=np.int32)
        column = pa.ListArray.from_arrays(pa.array(offsets), pa.array(leaves.reshape(-1)))
        return pa.RecordBatch.from_arrays([*batch.columns, column], schema=schema)


def leaf_type(leaves: int) -> np.dtype[np.signedinteger]:
    """The narrowest type for the numbers of so many leaves.

    >>> leaf_type(6400)
    dtype('int16')
    """
    import numpy as np

    return np.dtype(np.int16 if leaves <= 1 << 15 else np.int32)


def feature_matrix(rows: pa.RecordBatch | pa.Table, columns: list[str], kind: str = "float32") -> np.ndarray:
    """Return columns as the input of trees: rows × columns in Fortran's order, NaN where a value is missing.

    :param kind: ``float32`` or ``float64``
    """
    import numpy as np
    import pyarrow as pa

    features = np.empty((len(columns), rows.num_rows), dtype=kind)
    for position, name in enumerate(columns):
        # Cast by Arrow first: a NULL among integers would make NumPy round them twice.
        column = rows.column(name).cast(pa.from_numpy_dtype(features.dtype), safe=False)
        features[position] = column.fill_null(float("nan")).to_numpy(zero_copy_only=False)
    return features.T

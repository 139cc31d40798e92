"""What predicts from the leaves that a row falls into, as the last transform of a chain."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from stagecraft.transforms.forest_transform import ForestTransform
from stagecraft.transforms.leaf_encode import feature_matrix
from stagecraft.transforms.predictor import SCORE, score_array, score_type
from stagecraft.transforms.types import check_absent, check_numeric, field_type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BLOCK = 4096
"""Rows whose leaves are held at a time."""


class ForestPredictor(ForestTransform):
    """Adds a column of scores, made from the leaf of each tree that a row falls into.

    :param columns: the columns in the order of the trees' features
    """

    scores: ClassVar[bool] = True

    @abstractmethod
    def scored(self, leaves: np.ndarray) -> np.ndarray:
        """Return the scores of rows of which the leaves are known, float64, rows or rows × classes.

        :param leaves: integers, rows × trees
        """

    def matrix(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return the trees' features, rows × features in Fortran's order, NaN where a value is missing."""
        return feature_matrix(batch, self.columns, "float64")

    def output_columns(self) -> list[str]:
        return [SCORE]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        for column in self.columns:
            where = f"{self.type}.{column}"
            check_numeric(where, field_type(where, schema, column))
        [score] = self.output_columns()
        check_absent(f"{self.type}.{score}", schema, score)
        return schema.append(pa.field(score, score_type(score)))

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        schema = self.output_schema(batch.schema)
        features = self.matrix(batch)
        tiles = [
            self.scored(self.forest.leaves(features[start : start + BLOCK]))
            for start in range(0, max(batch.num_rows, 1), BLOCK)
        ]
        return pa.RecordBatch.from_arrays([*batch.columns, score_array(np.concatenate(tiles))], schema=schema)

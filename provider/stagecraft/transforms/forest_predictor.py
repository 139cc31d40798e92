"""What predicts from the leaves that a row falls into, as the last transform of a chain."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import PrivateAttr

from stagecraft.transforms.base import Transform
from stagecraft.transforms.leaf_encode import feature_matrix
from stagecraft.transforms.predictor import SCORE, score_array, score_type
from stagecraft.transforms.types import check_absent, check_numeric, field_type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

TREES_FILE = "trees.parquet"
BLOCK = 4096
"""Rows whose leaves are held at a time."""


class ForestPredictor(Transform):
    """Adds a column of scores, made from the leaf of each tree that a row falls into.

    :param columns: the columns in the order of the trees' features
    """

    scores: ClassVar[bool] = True

    columns: list[str]
    _table: Any = PrivateAttr()

    def holding(self, table: pa.Table) -> Self:
        """Return this predictor with its trees' details: one row a node, by tree and node."""
        made = self.model_copy()
        made._table = table
        return made

    @cached_property
    def forest(self) -> Any:
        from stagecraft.transforms.forest import Forest

        return Forest.of(self._table)

    @abstractmethod
    def scored(self, leaves: np.ndarray) -> np.ndarray:
        """Return the scores of rows of which the leaves are known, float64, rows or rows × classes.

        :param leaves: integers, rows × trees
        """

    def matrix(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return the trees' features, rows × features in Fortran's order, NaN where a value is missing."""
        return feature_matrix(batch, self.columns, "float64")

    def of_leaves(self, name: str) -> pa.ChunkedArray:
        """Return a column of the trees' details, leaf by leaf."""
        import pyarrow.compute as pc

        return self._table.filter(pc.is_valid(self._table["leaf"])).sort_by("leaf")[name]

    def input_columns(self) -> list[str]:
        return list(self.columns)

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

"""The isolation forest: how few random cuts it takes to set a row apart."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import PrivateAttr

from stagecraft.transforms.base import Transform
from stagecraft.transforms.predictor import SCORE
from stagecraft.transforms.types import check_absent, check_numeric, field_type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

TREES_FILE = "trees.parquet"
BLOCK = 4096
"""Rows whose leaves are held at a time."""


class IsolationForest(Transform):
    """Adds the column ``score``, float64, in (0, 1): the higher, the more anomalous; 0.5 is neither.

    It is 2^(-h / c): h is the mean of the row's path lengths in the trees, c what it would be on average. A
    missing value takes at each cut the side that more of the tree's rows took.

    Source: Liu, Ting, Zhou, Isolation Forest, ICDM 2008.

    :param columns: the columns in the order of the trees' features
    :param sample_size: the rows that each tree was grown from
    """

    scores: ClassVar[bool] = True

    type: Literal["isolation_forest"] = "isolation_forest"
    columns: list[str]
    sample_size: int
    _table: Any = PrivateAttr()

    @classmethod
    def of(cls, table: pa.Table, columns: list[str], sample_size: int) -> IsolationForest:
        """Build from the trees' details, as :func:`stagecraft.stages.isolation.grow` gives them."""
        made = cls(columns=columns, sample_size=sample_size)
        made._table = table
        return made

    @cached_property
    def forest(self) -> Any:
        from stagecraft.transforms.forest import Forest

        return Forest.of(self._table)

    @cached_property
    def _lengths(self) -> np.ndarray:
        """The path length of each leaf of the forest."""
        import pyarrow.compute as pc

        leaves = self._table.filter(pc.is_valid(self._table["leaf"])).sort_by("leaf")
        lengths: np.ndarray = leaves["length"].to_numpy()
        return lengths

    def input_columns(self) -> list[str]:
        return list(self.columns)

    def output_columns(self) -> list[str]:
        return [SCORE]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        for column in self.columns:
            where = f"isolation_forest.{column}"
            check_numeric(where, field_type(where, schema, column))
        check_absent("isolation_forest.score", schema, SCORE)
        return schema.append(pa.field(SCORE, pa.float64()))

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        schema = self.output_schema(batch.schema)
        features = matrix(batch, self.columns)
        scores = np.empty(batch.num_rows)
        for start in range(0, batch.num_rows, BLOCK):
            tile = slice(start, start + BLOCK)
            scores[tile] = self.scored(self.forest.leaves(features[tile]))
        return pa.RecordBatch.from_arrays([*batch.columns, pa.array(scores)], schema=schema)

    def scored(self, leaves: np.ndarray) -> np.ndarray:
        """Return the scores of rows of which the leaves are known, float64.

        :param leaves: integers, rows × trees
        """
        import numpy as np

        lengths = self._lengths[leaves]
        scores: np.ndarray = np.exp2(-lengths.mean(axis=1) / average_length(self.sample_size))
        return scores

    def files(self) -> dict[str, bytes]:
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


def average_length(rows: int) -> float:
    """The average path length of an unsuccessful search in a binary search tree of ``rows`` keys.

    >>> [round(average_length(rows), 3) for rows in (1, 2, 256)]
    [0.0, 1.0, 10.245]
    """
    if rows <= 2:
        return float(rows - 1)
    return 2 * (math.log(rows - 1) + 0.5772156649015329) - 2 * (rows - 1) / rows


def matrix(rows: pa.RecordBatch | pa.Table, columns: list[str]) -> np.ndarray:
    """Return columns as float64, rows × columns in Fortran's order, NaN where a value is missing."""
    import numpy as np
    import pyarrow as pa

    features = np.empty((rows.num_rows, len(columns)), order="F")
    for position, name in enumerate(columns):
        features[:, position] = np.asarray(rows.column(name).cast(pa.float64(), safe=False))
    return features

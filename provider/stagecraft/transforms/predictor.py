"""What predicts from sparse features, as the last transform of a chain."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import PrivateAttr

from stagecraft.transforms.base import Transform
from stagecraft.transforms.layout import Layout
from stagecraft.transforms.types import check_absent
from stagecraft.transforms.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

WEIGHTS_FILE = "weights.npz"
SCORE = "score"
"""The column of a prediction that is one number: a mean, or the positive label's probability."""
SCORES = "scores"
"""The column of a prediction of more than two classes: their probabilities, as the labels sort."""
BLOCK_BYTES = 4 << 20
"""Rows are scored in blocks of which the weights take about so much memory."""

Link = Literal["logistic", "identity", "log"]


class SparsePredictor(Transform):
    """Adds a column of scores, made from the weights of a row's features.

    Sums run in float64 along a row, so a row's score has the same bits alone and in any batch.

    :param layout: how columns become features
    """

    scores: ClassVar[bool] = True
    column: ClassVar[str] = SCORE

    layout: Layout
    _weights: Any = PrivateAttr()

    @property
    @abstractmethod
    def width(self) -> int:
        """The weights of a feature."""

    @property
    def common(self) -> int:
        """The rows at the table's end that are of no feature: numbers that all rows share."""
        return 0

    @property
    def dimension(self) -> int:
        """The rows of the table: the features, and :attr:`common`."""
        return self.layout.dimension + self.common

    @abstractmethod
    def margins(self, weights: np.ndarray, values: np.ndarray, common: np.ndarray) -> np.ndarray:
        """Return what the link makes scores of, float64, rows or rows × classes.

        :param weights: float32, rows × features of a row × width
        :param values: float32, rows × features of a row
        :param common: float32, the table's last rows: :attr:`common` × width
        """

    @abstractmethod
    def linked(self, margins: np.ndarray) -> np.ndarray:
        """Return the scores of margins, of the same shape."""

    def holding(self, weights: Weights) -> Self:
        """Return this predictor with weights."""
        if (weights.dimension, weights.width) != (self.dimension, self.width):
            raise ValueError(
                f"weights of {weights.dimension} features × {weights.width} for "
                f"{self.dimension} × {self.width}"
            )
        made = self.model_copy()
        made._weights = weights
        return made

    @property
    def table(self) -> Weights:
        """The weights of the features."""
        weights: Weights = self._weights
        return weights

    def input_columns(self) -> list[str]:
        return self.layout.columns

    def output_columns(self) -> list[str]:
        return [self.column]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        check_absent(f"{self.type}.{self.column}", schema, self.column)
        return schema.append(pa.field(self.column, score_type(self.column)))

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        scores = score_array(self.means(batch))
        return pa.RecordBatch.from_arrays([*batch.columns, scores], schema=self.output_schema(batch.schema))

    def means(self, batch: pa.RecordBatch | pa.Table) -> np.ndarray:
        """Return the predicted means, float64: one a row, or one a row and class."""
        csr = self.layout.csr(batch)
        shape = (batch.num_rows, self.layout.width)
        return self.scored(self.table, csr.indices.reshape(shape), csr.values.reshape(shape))

    def scored(self, table: Weights | np.ndarray, features: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the predicted means of rows.

        :param table: weights, float32, by feature; then the :attr:`common` ones
        :param features: integers, rows × features of a row
        :param values: float32, of the same shape
        """
        import numpy as np

        rows = len(features)
        block = max(1, BLOCK_BYTES // (8 * self.layout.width * self.width))
        common = table[np.arange(len(table) - self.common, len(table))]
        parts = [
            self.margins(table[features[start : start + block]], values[start : start + block], common)
            for start in range(0, max(rows, 1), block)
        ]
        return self.linked(np.concatenate(parts))

    def files(self) -> dict[str, bytes]:
        return {WEIGHTS_FILE: self.table.write()}

    @classmethod
    def restore(cls, fields: dict[str, object], read: Callable[[str], bytes]) -> Self:
        made = cls.model_validate(fields)
        return made.holding(Weights.read(read(WEIGHTS_FILE), made.dimension, made.width))


def inverse(link: Link, margins: np.ndarray) -> np.ndarray:
    """Return the means of margins: what a generalized linear model's link was applied to."""
    import numpy as np

    if link == "identity":
        return margins
    means: np.ndarray
    if link == "log":
        means = np.exp(np.minimum(margins, np.log(np.finfo(np.float64).max)))
        return means
    with np.errstate(over="ignore"):  # exp's infinity is the score 0
        means = 1 / (1 + np.exp(-margins))
    return means


def score_type(column: str) -> pa.DataType:
    """Return the Arrow type of the column of scores."""
    import pyarrow as pa

    return pa.list_(pa.float64()) if column == SCORES else pa.float64()


def score_array(scores: np.ndarray) -> pa.Array:
    """Return scores as Arrow has them: numbers, or a list a row."""
    import numpy as np
    import pyarrow as pa

    from stagecraft.transforms.arrays import to_arrow

    values = to_arrow(scores.reshape(-1).astype(np.float64, copy=False))
    if scores.ndim == 1:
        return values
    offsets = np.arange(0, scores.size + 1, scores.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(to_arrow(offsets), values)


def score_matrix(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return what :func:`score_array` was made of: float64, rows or rows × classes."""
    import numpy as np
    import pyarrow as pa

    from stagecraft.transforms.arrays import to_numpy

    if not pa.types.is_list(column.type):
        return to_numpy(column)
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = [to_numpy(chunk.flatten()).reshape(len(chunk), -1) for chunk in chunks if len(chunk)]
    return np.concatenate(parts) if parts else np.empty((0, 0))

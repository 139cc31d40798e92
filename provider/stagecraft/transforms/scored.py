"""Rows with their scores: what evaluation and batch prediction run over a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagecraft.transforms.chain import Chain
from stagecraft.transforms.predictor import score_array, score_type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

PREDICTION = "prediction"

Label = bool | int | float | str


@dataclass(frozen=True)
class Scored:
    """Keeps some columns of raw rows and adds the chain's scores, as a map over batches.

    Only the columns that the chain reads go through it, so no other column can stand in its way.

    :param chain: ends in a prediction
    :param keep: columns to keep, in this order
    :param labels: the negative and the positive label, or the labels of all classes as they sort; where
        given, a column ``prediction`` is added
    :param threshold: a score at or above it is predicted positive; of more than two classes, the likeliest is
        predicted, the first of equals
    """

    chain: Chain
    keep: tuple[str, ...]
    labels: tuple[Label, ...] | None = None
    threshold: float = 0.5

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        column = self.chain.score_column
        fields = [*(schema.field(name) for name in self.keep), pa.field(column, score_type(column))]
        if self.labels is not None:
            fields.append(pa.field(PREDICTION, label_type(self.labels)))
        return pa.schema(fields)

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        scores = self.chain.predict(batch.select(self.chain.input_columns()))
        arrays = [*(batch.column(name) for name in self.keep), score_array(scores)]
        if self.labels is not None:
            labels = pa.array(self.labels, label_type(self.labels))
            arrays.append(labels.take(pa.array(predicted(scores, self.threshold))))
        return pa.RecordBatch.from_arrays(arrays, schema=self.output_schema(batch.schema))


def predicted(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Return the number of each row's predicted label, int64.

    :param scores: the positive label's probabilities; or rows × classes, of which the likeliest is predicted

    >>> import numpy as np
    >>> predicted(np.array([0.3, 0.7]), 0.5).tolist(), predicted(np.array([[0.2, 0.5, 0.3]]), 0.5).tolist()
    ([0, 1], [1])
    """
    import numpy as np

    chosen: np.ndarray = scores >= threshold if scores.ndim == 1 else scores.argmax(axis=1)
    return chosen.astype(np.int64)


def label_type(labels: tuple[Label, ...]) -> pa.DataType:
    """The Arrow type of a label's values: bool, int64, double or string."""
    import pyarrow as pa

    return pa.array(list(labels)).type

"""Rows with their scores: what evaluation and batch prediction run over a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagecraft.transforms.chain import Chain
from stagecraft.transforms.linear import SCORE

if TYPE_CHECKING:
    import pyarrow as pa

PREDICTION = "prediction"

Label = bool | int | float | str


@dataclass(frozen=True)
class Scored:
    """Keeps some columns of raw rows and adds the chain's ``score``, as a map over batches.

    Only the columns that the chain reads go through it, so no other column can stand in its way.

    :param chain: ends in a prediction
    :param keep: columns to keep, in this order
    :param labels: the negative and the positive label; where given, a column ``prediction`` is added
    :param threshold: a score at or above it is predicted positive
    """

    chain: Chain
    keep: tuple[str, ...]
    labels: tuple[Label, Label] | None = None
    threshold: float = 0.5

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        fields = [*(schema.field(name) for name in self.keep), pa.field(SCORE, pa.float64())]
        if self.labels is not None:
            fields.append(pa.field(PREDICTION, label_type(self.labels)))
        return pa.schema(fields)

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa
        import pyarrow.compute as pc

        scores = pa.array(self.chain.predict(batch.select(self.chain.input_columns())), pa.float64())
        arrays = [*(batch.column(name) for name in self.keep), scores]
        if self.labels is not None:
            negative, positive = (pa.scalar(label, label_type(self.labels)) for label in self.labels)
            arrays.append(pc.if_else(pc.greater_equal(scores, self.threshold), positive, negative))
        return pa.RecordBatch.from_arrays(arrays, schema=self.output_schema(batch.schema))


def label_type(labels: tuple[Label, Label]) -> pa.DataType:
    """The Arrow type of a label's values: bool, int64, double or string."""
    import pyarrow as pa

    return pa.array(list(labels)).type

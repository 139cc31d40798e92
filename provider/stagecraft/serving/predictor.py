"""A model that answers: raw rows in, scores and labels out; in a server or in your own process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from stagecraft.artifacts.model import Model
from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.serving.rows import check_schema, table_of
from stagecraft.transforms.predictor import score_matrix
from stagecraft.transforms.scored import predicted

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

GOLDEN_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Prediction:
    """One answer a row.

    :param scores: the mean that the model predicts; for a classifier, the positive label's probability; of
        more than two classes, a list of their probabilities, as the labels sort
    :param labels: the predicted label, or None where the model has no labels
    """

    scores: list[Any]
    labels: list[Any] | None


class Predictor:
    """A scoring model, loaded: the chain that batch prediction runs, so both give the same scores.

    >>> predictor = Predictor.load("s3://bucket/store/artifacts/0123…")  # doctest: +SKIP
    >>> predictor.predict([{"origin": "JFK", "distance": 1089}]).scores  # doctest: +SKIP
    [0.214…]

    :param model: a committed Model whose chain ends in a prediction
    :raises InvalidInputError: the model encodes rows and does not score them
    """

    def __init__(self, model: Model) -> None:
        if not model.chain.scores:
            raise InvalidInputError(
                "predictor.model",
                f"the model {model.uri} encodes rows and does not score them",
                "the model of a training stage",
            )
        self.model = model
        labels = model.meta.get("labels")
        self.labels: list[Any] | None = list(labels) if labels else None

    @classmethod
    def load(cls, uri: str, *, storage_options: dict[str, Any] | None = None) -> Self:
        """Load the model artifact in the folder ``uri``, and check it: :meth:`check`.

        :param storage_options: credentials and options for fsspec
        :raises CorruptArtifactError: a file is missing or differs, or the golden rows' scores do
        """
        predictor = cls(Model.load(uri, storage_options=storage_options))
        predictor.check()
        return predictor

    @property
    def schema(self) -> pa.Schema:
        """The raw columns that the model reads, with their types."""
        return self.model.input_schema

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> Prediction:
        """Score rows of JSON values, typed as :func:`stagecraft.serving.rows.table_of` says.

        :raises InvalidInputError: names the row, the column and the value
        """
        return self.predict_table(table_of(rows, self.schema))

    def predict_table(self, table: pa.Table) -> Prediction:
        """Score an Arrow table of raw rows; columns that the model does not read are ignored.

        :raises InvalidInputError: a column is absent, or its values are not of the model's type
        """
        scores = self.scores(table)
        if self.labels is None:
            return Prediction(scores.tolist(), None)
        chosen = predicted(scores, self.model.threshold)
        return Prediction(scores.tolist(), [self.labels[label] for label in chosen])

    def scores(self, table: pa.Table) -> np.ndarray:
        """Return the score of each raw row, float64; of more than two classes, rows × classes."""
        import pyarrow as pa

        columns = []
        for field in self.schema:
            if field.name not in table.column_names:
                raise InvalidInputError(
                    f"table.{field.name}",
                    "the column is absent",
                    f"the columns {', '.join(self.schema.names)}",
                )
            column = table[field.name]
            try:
                columns.append(column.cast(field.type).combine_chunks())
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise InvalidInputError(
                    f"table.{field.name}", f"values of type {column.type} ({error})", f"the type {field.type}"
                ) from error
        return self.model.chain.predict(pa.RecordBatch.from_arrays(columns, schema=self.schema))

    def check(self) -> None:
        """Score the model's golden rows here, on the engine that serves; this also warms the engine up.

        :raises CorruptArtifactError: a score differs from the trainer's by more than 1e-5
        :raises InvalidInputError: the model reads a column of a type that JSON cannot carry
        """
        import numpy as np

        check_schema(self.schema)
        golden = self.model.golden()
        column = self.model.chain.score_column
        if column not in golden.column_names or not golden.num_rows:
            raise CorruptArtifactError(
                f"{self.model.uri}: the golden rows have no scores, so it cannot be checked"
            )
        difference = np.abs(self.scores(golden) - score_matrix(golden[column]))
        if difference.ndim == 2:
            difference = difference.max(axis=1)
        if not (difference <= GOLDEN_TOLERANCE).all():
            row = int(np.argmax(np.nan_to_num(difference, nan=np.inf)))
            raise CorruptArtifactError(
                f"{self.model.uri}: golden row {row} scores {difference[row]:.3g} away from what its trainer "
                f"computed, more than {GOLDEN_TOLERANCE}; the model is not served"
            )


def warm_up() -> None:
    """Load what scoring needs, and compile it, so that neither a first model nor a first request waits."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    from stagecraft.transforms import forest

    forest.warm_up()
    sink = io.BytesIO()
    pq.write_table(pa.table({"one": [1]}), sink)
    pq.read_table(pa.BufferReader(sink.getvalue()))

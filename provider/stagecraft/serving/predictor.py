"""A model that answers: raw rows in, scores and labels out; in a server or in your own process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from stagecraft.artifacts.model import GOLDEN_TOLERANCE, Model
from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.serving.rows import check_schema, rows_of, sendable, table_of, table_of_matrix
from stagecraft.transforms.predictor import score_matrix
from stagecraft.transforms.scored import predicted

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.serving.row_path.path import RowPath

FEW_ROWS = 256
"""Up to so many rows, the compiled chain is faster than Arrow."""


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
        self.threshold = model.threshold
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

    @cached_property
    def columns(self) -> list[str]:
        """The names of the raw columns that the model reads."""
        return list(self.schema.names)

    @cached_property
    def row_path(self) -> RowPath | None:
        """The chain compiled for few rows; None where its rows go through Arrow whatever their number."""
        from stagecraft.serving.row_path.path import RowPath

        return RowPath.of(self.model)

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> Prediction:
        """Score rows of JSON values, typed as :func:`stagecraft.serving.rows.table_of` says.

        :raises InvalidInputError: names the row, the column and the value
        """
        return self.prediction(self.row_scores(rows))

    def predict_table(self, table: pa.Table) -> Prediction:
        """Score an Arrow table of raw rows; columns that the model does not read are ignored.

        :raises InvalidInputError: a column is absent, or its values are not of the model's type
        """
        return self.prediction(self.scores(table))

    def prediction(self, scores: np.ndarray) -> Prediction:
        """Return scores with the labels that they predict."""
        return Prediction(scores.tolist(), self.predicted(scores))

    def predicted(self, scores: np.ndarray) -> list[Any] | None:
        """Return the labels that scores predict, or None where the model has no labels."""
        if self.labels is None:
            return None
        if len(scores) == 1 and scores.ndim == 1:  # Without NumPy, which takes longer for one.
            return [self.labels[scores.item() >= self.threshold]]
        return [self.labels[label] for label in predicted(scores, self.threshold)]

    def row_scores(self, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return the score of each row of JSON values, float64; of more than two classes, rows × classes.

        :raises InvalidInputError: names the row, the column and the value
        """
        if len(rows) <= FEW_ROWS and (path := self.row_path) is not None:
            inputs = path.take(rows)
            found = None if inputs is None else path.scores(inputs)
            if found is not None:
                return found
        return self.scores(table_of(rows, self.schema))

    def float_scores(self, matrix: np.ndarray) -> np.ndarray:
        """Return the scores of rows of numbers, as :meth:`row_scores` does.

        :param matrix: float32, rows × the columns of :attr:`schema`, NaN where a value is missing
        :raises InvalidInputError: a column holds no numbers, or a number is not of its type
        """
        if len(matrix) <= FEW_ROWS and (path := self.row_path) is not None:
            inputs = path.take_matrix(matrix)
            found = None if inputs is None else path.scores(inputs)
            if found is not None:
                return found
        return self.scores(table_of_matrix(matrix, self.schema))

    def scores(self, table: pa.Table) -> np.ndarray:
        """Return the score of each raw row, float64; of more than two classes, rows × classes."""
        import pyarrow as pa

        columns = []
        for field in self.schema:
            if (times := table.column_names.count(field.name)) != 1:
                raise InvalidInputError(
                    f"table.{field.name}",
                    f"the column is there {times} times" if times else "the column is absent",
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
        expected = score_matrix(golden[column])
        self._compare(self.scores(golden), expected)
        if self.row_path is not None:
            raw = golden.select(self.columns)
            sent = sendable(raw)
            rows = rows_of(raw.filter(sent))
            if rows:  # One at a time, as requests have them.
                scores = np.concatenate([self.row_scores([row]) for row in rows])
                self._compare(scores, expected[np.asarray(sent)])

    def _compare(self, scores: np.ndarray, expected: np.ndarray) -> None:
        """Refuse the model where scores of golden rows are not what its trainer computed."""
        import numpy as np

        difference = np.abs(scores - expected)
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

    from stagecraft.serving.row_path import kernels
    from stagecraft.transforms import forest

    forest.warm_up()
    kernels.warm_up()
    sink = io.BytesIO()
    pq.write_table(pa.table({"one": [1]}), sink)
    pq.read_table(pa.BufferReader(sink.getvalue()))

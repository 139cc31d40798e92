"""The forms in which rows come and scores go: JSON, raw float32, an Arrow stream."""

from __future__ import annotations

import io
from abc import abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from stagecraft.errors import InvalidInputError
from stagecraft.transforms.predictor import score_array

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.serving.predictor import Predictor


class Form(StrEnum):
    """A media type of requests and answers."""

    JSON = "application/json"
    FLOATS = "application/octet-stream"
    ARROW = "application/vnd.apache.arrow.stream"

    @classmethod
    def of(cls, content_type: str) -> Form:
        """Return the form that a header ``Content-Type`` names; JSON for what is no form.

        >>> Form.of("application/json; charset=utf-8").name
        'JSON'
        """
        name = content_type.partition(";")[0].strip().lower()
        return FORMS.get(name, cls.JSON)

    def accepted(self, accept: str) -> Form | None:
        """Return the form of the answer to a request of this one; None where no form is accepted.

        :param accept: the header ``Accept``; the first form that it names, or this one for ``*/*`` or none

        >>> Form.FLOATS.accepted("text/html, application/json;q=0.9").name
        'JSON'
        """
        names = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
        if not any(names):
            return self
        for name in names:
            if name in FORMS:
                return FORMS[name]
            if name in ("*/*", "application/*"):
                return self
        return None


FORMS = {form.value: form for form in Form}


class Rows:
    """Rows in the form in which a request brought them."""

    @abstractmethod
    def count(self, predictor: Predictor) -> int:
        """Return how many they are.

        :raises InvalidInputError: they cannot be counted
        """

    @abstractmethod
    def scores(self, predictor: Predictor) -> np.ndarray:
        """Return their scores, float64, rows or rows × classes.

        :raises InvalidInputError: names the row, the column and the value that are refused
        """

    @abstractmethod
    def raw(self, predictor: Predictor) -> Any:
        """Return them as mappings, as an Arrow table, or as a matrix of the model's columns."""


@dataclass(slots=True)
class JSONRows(Rows):
    """Rows of JSON values."""

    rows: list[dict[str, Any]]

    def count(self, predictor: Predictor) -> int:
        return len(self.rows)

    def scores(self, predictor: Predictor) -> np.ndarray:
        return predictor.row_scores(self.rows)

    def raw(self, predictor: Predictor) -> list[dict[str, Any]]:
        return self.rows


@dataclass(slots=True)
class JSONText(Rows):
    """Rows in a body that is JSON, as objects in its list ``rows``."""

    body: str

    def count(self, predictor: Predictor) -> int:
        return len(self.raw(predictor))

    def scores(self, predictor: Predictor) -> np.ndarray:
        return predictor.row_scores(self.raw(predictor))

    def raw(self, predictor: Predictor) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = msgspec.json.decode(self.body)["rows"]
        return rows


@dataclass(slots=True)
class FloatRows(Rows):
    """Rows of a model of numeric columns: float32, little endian, NaN where a value is missing.

    :param data: row after row, each the model's columns in their order
    """

    data: bytes

    def count(self, predictor: Predictor) -> int:
        names = predictor.columns
        rows, rest = divmod(len(self.data), width := 4 * len(names))
        if rest:
            raise InvalidInputError(
                "rows",
                f"{len(self.data)} bytes are no whole number of rows",
                f"{width} bytes a row: float32 for each of {', '.join(names)}",
            )
        return rows

    def scores(self, predictor: Predictor) -> np.ndarray:
        return predictor.float_scores(self.matrix(predictor))

    def matrix(self, predictor: Predictor) -> np.ndarray:
        """Return the rows as they are, rows × columns."""
        import numpy as np

        shape = self.count(predictor), len(predictor.columns)
        return np.frombuffer(self.data, dtype="<f4").reshape(shape)

    def raw(self, predictor: Predictor) -> np.ndarray:
        return self.matrix(predictor)


@dataclass(slots=True)
class ArrowRows(Rows):
    """Rows as an Arrow IPC stream."""

    table: pa.Table

    def count(self, predictor: Predictor) -> int:
        return int(self.table.num_rows)

    @classmethod
    def read(cls, data: bytes, most: int) -> ArrowRows:
        """Read a stream that anyone may have sent.

        :param most: rows
        :raises InvalidInputError: it is none, or of more rows
        """
        import pyarrow as pa

        batches, rows = [], 0
        try:
            with pa.ipc.open_stream(io.BytesIO(data)) as stream:
                for batch in stream:
                    rows += batch.num_rows
                    if rows > most:
                        break
                    batch.validate(full=True)
                    batches.append(batch)
                table = pa.Table.from_batches(batches, stream.schema)
                table.column_names  # noqa: B018 - Bytes that are no text are refused here.
        except (pa.ArrowException, OSError, ValueError) as error:
            raise InvalidInputError(
                "rows", f"the body cannot be read ({error})", "an Arrow IPC stream"
            ) from error
        if rows > most:
            raise InvalidInputError("rows", f"more than {most} rows", f"1 … {most} rows a request")
        return cls(table)

    def scores(self, predictor: Predictor) -> np.ndarray:
        return predictor.scores(self.table)

    def raw(self, predictor: Predictor) -> pa.Table:
        return self.table


class Reply(msgspec.Struct):
    """The answer in JSON."""

    model: str
    version: str
    scores: list[Any]
    labels: list[Any] | None


ENCODER = msgspec.json.Encoder()


def written(form: Form, model: str, version: str, predictor: Predictor, scores: np.ndarray) -> bytes:
    """Return an answer's body."""
    if form is Form.FLOATS:
        return scores.astype("<f4").tobytes()
    labels = predictor.predicted(scores)
    if form is Form.JSON:
        return ENCODER.encode(Reply(model, version, scores.tolist(), labels))
    import pyarrow as pa

    columns = {predictor.model.chain.score_column: score_array(scores)}
    if labels is not None:
        columns["prediction"] = pa.array(labels)
    table = pa.table(columns)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()

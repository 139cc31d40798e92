"""A model in ONNX as the last transform of a chain: ONNX Runtime scores rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from stagecraft.errors import InvalidInputError
from stagecraft.transforms.base import Transform
from stagecraft.transforms.leaf_encode import feature_matrix
from stagecraft.transforms.predictor import SCORE, SCORES, Link, inverse, score_array, score_type
from stagecraft.transforms.types import INTEGERS, check_absent, check_numeric, field_type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MODEL_FILE = "model.onnx"
BLOCK = 4096
"""Rows that are scored at a time."""

Element = Literal["float16", "float", "double", "int32", "int64", "bool", "string"]
DTYPES: dict[str, str] = {
    "float16": "float16",
    "float": "float32",
    "double": "float64",
    "int32": "int32",
    "int64": "int64",
    "bool": "bool",
    "string": "object",
}
"""ONNX's name of an element → NumPy's."""
WHOLE = frozenset({"int32", "int64", "bool"})
TEXTS = frozenset({"string", "large_string", "string_view"})


class Tensor(BaseModel):
    """An input of a model.

    :param columns: those that it is made of, side by side
    :param rank: 1 or 2 dimensions, of which the first is the rows
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    element: Element
    columns: list[str] = Field(min_length=1)
    rank: Literal[1, 2] = 2


class OnnxModel(Transform):
    """Adds the column ``score``, float64; or of more than two classes ``scores``, a list of float64 a row.

    A missing number is NaN in a tensor of floats. Tensors of integers, booleans and texts take no missing
    values: rows that have one are refused.

    :param tensors: the inputs
    :param output: the output that holds scores: one a row, one a row and class, or skl2onnx's map a row, from
        the label to its probability
    :param classes: labels that are told apart; 2 where one number is predicted
    :param link: what makes a score of the output: ``logistic`` where that is a margin
    """

    scores: ClassVar[bool] = True

    type: Literal["onnx"] = "onnx"
    tensors: list[Tensor] = Field(min_length=1)
    output: str
    classes: int = Field(default=2, ge=2)
    link: Link = "identity"
    _content: bytes = PrivateAttr(default=b"")

    def holding(self, content: bytes) -> Self:
        """Return this model with the content of its file."""
        made = self.model_copy()
        made._content = content
        return made

    def __getstate__(self) -> dict[Any, Any]:
        """What travels to another process, where the session is opened anew."""
        state = super().__getstate__()
        return {**state, "__dict__": {k: v for k, v in state["__dict__"].items() if k != "session"}}

    @cached_property
    def session(self) -> Any:
        return open_session(self._content)

    def input_columns(self) -> list[str]:
        return list(dict.fromkeys(name for tensor in self.tensors for name in tensor.columns))

    def output_columns(self) -> list[str]:
        return [SCORES if self.classes > 2 else SCORE]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        for tensor in self.tensors:
            for column in tensor.columns:
                check_element(f"onnx.{column}", field_type(f"onnx.{column}", schema, column), tensor.element)
        [score] = self.output_columns()
        check_absent(f"onnx.{score}", schema, score)
        return schema.append(pa.field(score, score_type(score)))

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        schema = self.output_schema(batch.schema)
        parts = [self._scored(batch.slice(start, BLOCK)) for start in range(0, max(batch.num_rows, 1), BLOCK)]
        return pa.RecordBatch.from_arrays([*batch.columns, score_array(np.concatenate(parts))], schema=schema)

    @property
    def only_numbers(self) -> bool:
        return all(tensor.element != "string" for tensor in self.tensors)

    def scored(self, numbers: np.ndarray) -> np.ndarray:
        """Return the scores of rows of numbers, float64, rows or rows × classes.

        :param numbers: float64, rows × the columns of all tensors in their order; NaN where one is missing
        """
        feeds, at = {}, 0
        for tensor in self.tensors:
            feeds[tensor.name] = _typed(tensor, numbers[:, at : at + len(tensor.columns)])
            at += len(tensor.columns)
        return self._of(self.put_out(feeds))

    def feeds(self, batch: pa.RecordBatch) -> dict[str, np.ndarray]:
        """Return what goes in: input → tensor.

        :raises InvalidInputError: a value is missing where the tensor takes none
        """
        return {
            tensor.name: _texts(tensor, batch)
            if tensor.element == "string"
            else _typed(tensor, feature_matrix(batch, tensor.columns, "float64"))
            for tensor in self.tensors
        }

    def put_out(self, feeds: dict[str, np.ndarray]) -> Any:
        """Return the output as it is: an array, or a list of maps."""
        return self.session.run([self.output], feeds)[0]

    def _scored(self, batch: pa.RecordBatch) -> np.ndarray:
        import numpy as np

        if not batch.num_rows:
            return np.empty((0, self.classes) if self.classes > 2 else 0)
        return self._of(self.put_out(self.feeds(batch)))

    def _of(self, found: Any) -> np.ndarray:
        """Return the scores of an output, float64, rows or rows × classes."""
        scores = as_matrix(found)
        return inverse(self.link, scores if self.classes > 2 else scores[:, -1])

    def files(self) -> dict[str, bytes]:
        return {MODEL_FILE: self._content}

    @classmethod
    def restore(cls, fields: dict[str, object], read: Callable[[str], bytes]) -> Self:
        return cls.model_validate(fields).holding(read(MODEL_FILE))


def open_session(content: bytes) -> Any:
    """Return ONNX Runtime's session of a model, which runs in the caller's thread.

    :raises InvalidInputError: ONNX Runtime is not installed, or refuses the model
    """
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError as error:
        raise InvalidInputError(
            "onnx.model",
            "the package 'onnxruntime' is not installed",
            "pip install 'airflow-provider-stagecraft[onnx]', here and where servers run",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no base of their own.
        raise InvalidInputError(
            "onnx.model",
            f"ONNX Runtime cannot read it ({str(error)[:300]})",
            "an .onnx file with its weights inside, of standard operators",
        ) from error


def as_matrix(found: Any) -> np.ndarray:
    """Return what a model put out as float64, rows × numbers; of maps, by label as these sort.

    >>> as_matrix([{"b": 0.25, "a": 0.75}]).tolist()
    [[0.75, 0.25]]
    """
    import numpy as np

    if isinstance(found, list):
        labels = sorted(found[0]) if found else []
        found = [[row[label] for label in labels] for row in found]
    scores = np.asarray(found, dtype=np.float64)
    return scores.reshape(len(scores), -1)


def check_element(where: str, kind: str, element: Element) -> None:
    """Refuse a column that is of no use for a tensor.

    :param kind: an Arrow type as text
    :raises InvalidInputError: names the type, and what the tensor takes
    """
    if element == "string":
        if kind not in TEXTS:
            raise InvalidInputError(where, f"the column is of type {kind}", "a column of texts")
    elif element in WHOLE:
        if kind not in INTEGERS | {"bool"}:
            raise InvalidInputError(where, f"the column is of type {kind}", f"one of {element}, by a query")
    else:
        check_numeric(where, kind)


def _typed(tensor: Tensor, numbers: np.ndarray) -> np.ndarray:
    """Return numbers as a tensor of theirs.

    :param numbers: float64, rows × columns
    """
    import numpy as np

    if tensor.element in WHOLE and (missing := np.isnan(numbers)).any():
        column = tensor.columns[int(missing.any(axis=0).argmax())]
        raise InvalidInputError(
            f"onnx.{column}", "a value is missing", f"a number: the model takes {tensor.element}"
        )
    with np.errstate(over="ignore"):  # Beyond float32 is infinity, as ONNX's own casts have it.
        made = np.ascontiguousarray(numbers.astype(DTYPES[tensor.element]))
    return made if tensor.rank == 2 else made[:, 0]


def _texts(tensor: Tensor, batch: pa.RecordBatch) -> np.ndarray:
    import numpy as np

    columns: list[Sequence[Any]] = []
    for column in tensor.columns:
        values = batch.column(column)
        if values.null_count:
            raise InvalidInputError(f"onnx.{column}", "a value is missing", "a text: the model takes texts")
        columns.append(values.to_pylist())
    made = np.array(columns, dtype=object).T
    return made if tensor.rank == 2 else made[:, 0]

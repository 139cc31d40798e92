"""Few rows from JSON values to scores without an Arrow table."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import msgspec
import numpy as np

from stagecraft.serving.row_path import kernels
from stagecraft.serving.row_path.plan import NotCompiledError, Plan, is_text
from stagecraft.transforms.forest_predictor import ForestPredictor
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.onnx_model import OnnxModel
from stagecraft.transforms.predictor import SparsePredictor

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.model import Model
    from stagecraft.transforms.chain import Chain

LINKS = {"identity": kernels.IDENTITY, "logistic": kernels.LOGISTIC, "log": kernels.LOG}


class RowPath:
    """A chain compiled for few rows: the same transforms bit for bit, the same scores but for rounding.

    It knows only what is right: what it cannot read it gives back as None, and the Arrow path says why.

    :param chain: ends in a prediction
    :param schema: the raw columns that it reads
    :raises NotCompiledError: the chain has what only the Arrow path knows
    """

    def __init__(self, chain: Chain, schema: pa.Schema) -> None:
        plan = Plan(chain, schema)
        self.plan, self.model = plan, plan.model
        self.row = _row_type(plan)
        self.bodies = msgspec.json.Decoder(_body_type(self.row))
        self.width = len(plan.numbers)
        self.makers = plan.makers
        self.inputs = self.width + len(plan.makers)
        self.only_numbers = self.width == len(plan.fields)
        self.pack = struct.Struct(f"={self.inputs}d").pack
        self.before = tuple(plan.before.numbered([*plan.numbers.values(), *plan.made_registers]))
        self.arguments = np.array([each.index for each in plan.arguments], dtype=np.int32)
        self.has_logarithms = bool(plan.arguments)
        self.program = tuple(plan.main.numbered(plan.inputs()))
        self.numbers_in = np.array([each.index for each in plan.numbers_in], dtype=np.int32)
        trees = _trees(plan)
        self.trees, self.blocks = tuple(trees), _blocks(plan)
        self.features = 1 + len(trees.roots)
        self.weights, self.link = None, 0
        if isinstance(self.model, SparsePredictor):
            self.features = self.model.layout.width
        if isinstance(self.model, Linear) and self.model.table.keys is None:
            table = self.model.table.table
            # Weights of float64 are rare: the model's own arithmetic does for them.
            self.weights = table if table.dtype == np.float32 else None
            self.link = LINKS[self.model.link]

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Compile a model's chain; None where only the Arrow path knows it."""
        try:
            return cls(model.chain, model.input_schema)
        except NotCompiledError:
            return None

    def read(self, body: str) -> tuple[Any, np.ndarray] | None:
        """Return what a body in JSON asks, and the inputs of its rows; None where a value is refused.

        The body has ``rows``, and perhaps the texts ``model``, ``version`` and ``key``.
        """
        try:
            asked: Any = self.bodies.decode(body)
        except (msgspec.MsgspecError, RecursionError):
            return None
        return asked, self._inputs(asked.rows)

    def take(self, rows: Sequence[Mapping[str, Any]]) -> np.ndarray | None:
        """Return the inputs of rows of JSON values; None where a value is refused."""
        try:
            typed = msgspec.convert(rows, list[self.row])  # type: ignore[name-defined]
        except (msgspec.ValidationError, RecursionError):
            return None
        numbers = (value for row in typed for value in msgspec.structs.astuple(row)[: self.width])
        return (
            self._inputs(typed) if all(value is None or math.isfinite(value) for value in numbers) else None
        )

    def take_matrix(self, matrix: np.ndarray) -> np.ndarray | None:
        """Return the inputs of rows of numbers, NaN where a value is missing; None where that cannot be."""
        if not self.only_numbers:
            return None
        inputs = matrix.astype(np.float64)
        if not self.makers:
            return inputs
        if np.isinf(inputs).any():
            return None
        made = [
            [maker([None if value != value else value for value in row]) for maker in self.makers]
            for row in inputs.tolist()
        ]
        return np.hstack([inputs, np.array(made, dtype=np.float64)])

    def scores(self, inputs: np.ndarray) -> np.ndarray | None:
        """Return the score of each row, float64; None where a number is not of its column's type.

        :param inputs: what :meth:`read`, :meth:`take` or :meth:`take_matrix` made of the rows
        """
        completed = self._with_logarithms(inputs)
        if completed is None:
            return None
        if isinstance(self.model, OnnxModel):
            numbers = kernels.arguments(completed, self.program, self.numbers_in)
            return self.model.scored(numbers) if len(numbers) else None
        if self.weights is None:
            return self._by_features(completed)
        scores: np.ndarray = kernels.linear(
            completed, self.program, self.trees, self.blocks, self.weights, self.link
        )
        return scores if len(scores) else None

    def encoded(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the features of each row and their values, as the model's layout has them.

        :returns: int32 and float32, rows × features of a row; of a forest, each tree's leaf after
            a 0
        """
        completed = self._with_logarithms(inputs)
        return None if completed is None else self._features(completed)

    def _with_logarithms(self, inputs: np.ndarray) -> np.ndarray | None:
        if not self.has_logarithms:
            return inputs
        found = kernels.arguments(inputs, self.before, self.arguments)
        return np.hstack([inputs, np.log(found)]) if len(found) else None

    def _features(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        numbers = np.empty((len(inputs), self.features), dtype=np.int32)
        values = np.empty(numbers.shape, dtype=np.float32)
        known = kernels.features(inputs, self.program, self.trees, self.blocks, numbers, values)
        return (numbers, values) if known else None

    def _by_features(self, inputs: np.ndarray) -> np.ndarray | None:
        """Score with the model's own arithmetic."""
        found = self._features(inputs)
        if found is None:
            return None
        numbers, values = found
        if isinstance(self.model, ForestPredictor):
            return self.model.scored(numbers[:, 1:])
        assert isinstance(self.model, SparsePredictor)
        return self.model.scored(self.model.table, numbers, values)

    def _inputs(self, rows: list[Any]) -> np.ndarray:
        if len(rows) == 1:
            data = self._packed(msgspec.structs.astuple(rows[0]))
        else:
            data = b"".join([self._packed(msgspec.structs.astuple(row)) for row in rows])
        return np.frombuffer(data).reshape(len(rows), self.inputs)

    def _packed(self, values: tuple[Any, ...]) -> bytes:
        numbers: Iterable[float | None] = values if self.only_numbers else values[: self.width]
        if None in values:
            numbers = [math.nan if value is None else value for value in numbers]
        if not self.makers:
            return self.pack(*numbers)
        return self.pack(*numbers, *[maker(values) for maker in self.makers])


def _blocks(plan: Plan) -> np.ndarray:
    """How features come of registers and leaves, as the kernels take it."""
    model, place = plan.model, 1
    if not isinstance(model, SparsePredictor):
        return np.array([(-1, 0, 1, 0)], dtype=np.int32)
    if model.layout.index_type != "int32":
        raise NotCompiledError(f"{model.layout.dimension} features, more than int32 numbers")
    blocks = []
    for block in model.layout.blocks:
        register = -1 if block.kind == "leaves" else plan.column(block.column).index
        blocks.append((register, block.offset, place, block.kind == "slot"))
        place += block.width
    return np.array(blocks, dtype=np.int32).reshape(-1, 4)


def _trees(plan: Plan) -> kernels.Trees:
    """The trees of a plan, or none."""
    none = np.empty(0, dtype=np.int32)
    forest = plan.forest
    if forest is None:
        return kernels.Trees(none, none, 0, none, none.astype(np.float32), none, none)
    return kernels.Trees(
        np.array([register.index for register in plan.leaf_columns], dtype=np.int32),
        forest.roots,
        int(forest.depths.max()),
        forest.feature,
        forest.threshold,
        forest.child,
        forest.leaf.astype(np.int32),
    )


def _row_type(plan: Plan) -> type[msgspec.Struct]:
    """The type of a row: its columns as the plan orders them, each a value or null."""
    fields = [(f"f{place}", _value_type(each.type)) for place, each in enumerate(plan.fields)]
    names = {f"f{place}": each.name for place, each in enumerate(plan.fields)}
    for name in names.values():
        if re.search(r'["\\\x00-\x1f]', name):  # msgspec reads no escapes in names.
            raise NotCompiledError(f"column {name!r} has signs that JSON escapes")
    return msgspec.defstruct("Row", fields, rename=names)


def _body_type(row: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The type of a body with such rows."""
    optional = [(name, str | None, None) for name in ("model", "version", "key")]
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [("rows", list[row]), *optional]  # type: ignore[valid-type]
    return msgspec.defstruct("Asked", fields, forbid_unknown_fields=True)


def _value_type(kind: pa.DataType) -> Any:
    import datetime

    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return bool | None
    if pa.types.is_date32(kind):
        return datetime.date | None
    return str | None if is_text(kind) else float | None

"""A chain compiled for one row: which steps make of a row's values what a model's kernel reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stagecraft.serving.row_path import kernels
from stagecraft.serving.row_path.texts import Values, slot_of
from stagecraft.transforms.categorical import FIRST, UNSEEN
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import (
    CategoricalEncoding,
    MissingEncoding,
    NumberEncoding,
    NumericEncoding,
    OneHotEncoding,
    SlotEncoding,
    float32,
)
from stagecraft.transforms.forest_predictor import ForestPredictor
from stagecraft.transforms.leaf_encode import LeafEncode
from stagecraft.transforms.numeric import (
    FittedBin,
    FittedClip,
    FittedFill,
    FittedLog,
    FittedScale,
    NumericMap,
)
from stagecraft.transforms.onnx_model import OnnxModel
from stagecraft.transforms.predictor import SparsePredictor
from stagecraft.transforms.tree_ensemble import TreeEnsemble

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.transforms.chain import Chain
    from stagecraft.transforms.encodings import ColumnEncoding

EXACT = 1 << 53
"""Integers below are the same number as float64."""
MOST_FEATURES = (1 << 31) - 1
"""Features and slots that the kernels number."""


class NotCompiledError(Exception):
    """What a chain has that the row path does not know; its rows go through Arrow."""


@dataclass(eq=False)
class Register:
    """A number of a row; its index is known once all are."""

    index: int = -1


@dataclass
class Steps:
    """Steps over registers."""

    steps: list[tuple[int, Register, Register, int, int]] = field(default_factory=list)
    constants: list[tuple[float, float]] = field(default_factory=list)
    edges: list[float] = field(default_factory=list)

    def step(
        self,
        what: int,
        source: Register,
        first: float = 0.0,
        second: float = 0.0,
        *,
        target: Register | None = None,
        edges: list[float] | None = None,
    ) -> Register:
        """Add a step, and return the register that it writes: a new one, or ``target``."""
        made = target or Register()
        start = len(self.edges)
        self.edges += edges or []
        self.steps.append((what, source, made, start, len(self.edges)))
        self.constants.append((first, second))
        return made

    def numbered(self, inputs: list[Register]) -> kernels.Program:
        """Number the registers; return the steps as the kernels take them."""
        import numpy as np

        known = dict.fromkeys([*inputs, *(made for _, _, made, _, _ in self.steps)])
        for index, register in enumerate(known):
            register.index = index
        steps = [(what, source.index, made.index, *ends) for what, source, made, *ends in self.steps]
        return kernels.Program(
            max(len(known), 1),
            np.array(steps, dtype=np.int32).reshape(-1, 5),
            np.array(self.constants, dtype=np.float64).reshape(-1, 2),
            np.array(self.edges, dtype=np.float64),
        )


class Plan:
    """The steps from a row's values to registers, and which of them the model reads.

    A row's inputs are its numbers, then what :attr:`makers` make of its values, then the logarithms of the
    registers :attr:`logarithms`: NumPy's, since a compiler's may differ in the last bit.

    :raises NotCompiledError: the chain has what only the Arrow path knows
    """

    def __init__(self, chain: Chain, schema: pa.Schema) -> None:
        import pyarrow as pa

        self.fields = sorted(schema, key=lambda each: not _is_number(each.type))
        self.places = {each.name: place for place, each in enumerate(self.fields)}
        self.kinds = {each.name: each.type for each in self.fields}
        self.main, self.before = Steps(), Steps()
        self.numbers = {each.name: Register() for each in self.fields if _is_number(each.type)}
        self.makers: list[Callable[[Values], float]] = []
        self.made_registers: list[Register] = []
        self.arguments: list[Register] = []
        self.logarithms: list[Register] = []
        self.columns: dict[str, Register] = dict(self.numbers)
        self.texts = {each.name for each in self.fields}
        self.forest: Any = None
        self.leaf_columns: list[Register] = []
        self.numbers_in: list[Register] = []
        for each in self.fields:
            if each.name in self.numbers:
                for program in (self.before, self.main):
                    _check(program, each.type, self.numbers[each.name])
            elif not (is_text(each.type) or pa.types.is_date32(each.type)):
                raise NotCompiledError(f"column {each.name!r} is of type {each.type}")
        for transform in chain.encoder.transforms:
            if isinstance(transform, Encode):
                self._encode(transform)
            elif isinstance(transform, LeafEncode) and self.forest is None:
                self._walk(transform)
            else:
                raise NotCompiledError(f"transform {transform.type!r}")
        model = chain.transforms[-1]
        if not isinstance(model, SparsePredictor | ForestPredictor | OnnxModel):
            raise NotCompiledError(f"model {model.type!r}")
        if isinstance(model, OnnxModel):
            if not model.only_numbers:
                raise NotCompiledError("tensors of texts")
            names = [name for tensor in model.tensors for name in tensor.columns]
            self.numbers_in = [self.column(name) for name in names]
        if isinstance(model, SparsePredictor) and model.layout.dimension > MOST_FEATURES:
            raise NotCompiledError("more features than int32 numbers")
        if isinstance(model, ForestPredictor):
            if self.forest is not None:
                raise NotCompiledError("trees over leaves")
            self._walk(model)
        self.model: SparsePredictor | ForestPredictor | OnnxModel = model

    def column(self, name: str) -> Register:
        """Return the register of a column of numbers or slots."""
        if name not in self.columns:
            raise NotCompiledError(f"column {name!r} holds no numbers")
        return self.columns[name]

    def inputs(self) -> list[Register]:
        return [*self.numbers.values(), *self.made_registers, *self.logarithms]

    def _walk(self, trees: LeafEncode | ForestPredictor) -> None:
        """Note the trees, and the registers that they read."""
        self.forest = trees.forest
        self.leaf_columns = [self.column(name) for name in trees.columns]
        for subset in trees.subsets if isinstance(trees, TreeEnsemble) else ():
            source = self.leaf_columns[subset.column]
            self.leaf_columns.append(self.main.step(kernels.LOOK_UP, source, edges=subset.values))

    def _encode(self, encode: Encode) -> None:
        made: dict[str, Register] = {}
        for encoding in encode.encodings:
            names = [feature.column for feature in encoding.features()]
            made.update(zip(names, self._encoded(encoding), strict=True))
        self.columns.update(made)
        self.texts -= made.keys()

    def _encoded(self, encoding: ColumnEncoding) -> list[Register]:
        if isinstance(encoding, NumericEncoding):
            return [self._numeric(encoding)]
        if isinstance(encoding, MissingEncoding):
            if encoding.column in self.columns:
                return [self.main.step(kernels.MISSING, self.column(encoding.column))]
            place = self._place(encoding.column)
            return [self._input(lambda values: values[place] is None)]
        if not isinstance(encoding, CategoricalEncoding):
            raise NotCompiledError(f"encoding {type(encoding).__name__}")
        if encoding.map.size > MOST_FEATURES:
            raise NotCompiledError(f"{encoding.map.size} slots of {encoding.output!r}")
        places = [self._place(name) for name in encoding.columns]
        slot = slot_of(places, [self.kinds[name] for name in encoding.columns], encoding.map)
        if isinstance(encoding, SlotEncoding):
            return [self._input(slot)]
        if isinstance(encoding, OneHotEncoding):
            found = self._input(slot)
            wanted = [*range(FIRST, encoding.map.size), *([UNSEEN] if encoding.unseen else [])]
            return [self.main.step(kernels.EQUAL, found, number) for number in wanted]
        if isinstance(encoding, NumberEncoding) and encoding.fold is None:
            import numpy as np

            numbers = float32(np.array(encoding.values[0])).tolist()
            return [self._input(lambda values: numbers[slot(values)])]
        raise NotCompiledError(f"encoding {type(encoding).__name__}")

    def _numeric(self, encoding: NumericEncoding) -> Register:
        """Split at a logarithm: what comes before it is a program of its own."""
        maps, found = list(encoding.maps), self.column(encoding.column)
        logs = [place for place, each in enumerate(maps) if isinstance(each, FittedLog)]
        if logs:
            if len(logs) > 1 or found is not self.numbers.get(encoding.column):
                raise NotCompiledError(f"column {encoding.column!r} goes through several logarithms")
            for each in maps[: logs[0] + 1]:
                found = _mapped(self.before, each, found)
            self.arguments.append(found)
            found = Register()
            self.logarithms.append(found)
            maps = maps[logs[0] + 1 :]
        for each in maps:
            found = _mapped(self.main, each, found)
        return found if maps and isinstance(maps[-1], FittedBin) else self.main.step(kernels.FLOAT32, found)

    def _input(self, maker: Callable[[Values], float]) -> Register:
        self.makers.append(maker)
        self.made_registers.append(Register())
        return self.made_registers[-1]

    def _place(self, name: str) -> int:
        if name not in self.texts:
            raise NotCompiledError(f"column {name!r} is made by an earlier step")
        return self.places[name]


def _mapped(program: Steps, fitted: NumericMap, source: Register) -> Register:
    import math

    if isinstance(fitted, FittedFill):
        return program.step(kernels.FILL, source, fitted.value)
    if isinstance(fitted, FittedScale):
        return program.step(kernels.SCALE, source, fitted.shift, fitted.scale)
    if isinstance(fitted, FittedClip):
        low = -math.inf if fitted.low is None else fitted.low
        return program.step(kernels.CLIP, source, low, math.inf if fitted.high is None else fitted.high)
    if isinstance(fitted, FittedBin):
        return program.step(kernels.BIN, source, edges=fitted.edges)
    if isinstance(fitted, FittedLog):
        return program.step(kernels.LOG_ARGUMENT, source, fitted.low, fitted.offset)
    raise NotCompiledError(f"map {type(fitted).__name__}")


def _check(program: Steps, kind: pa.DataType, number: Register) -> None:
    """Add the step that types a raw number, or refuses it."""
    import pyarrow as pa

    if pa.types.is_float32(kind):
        program.step(kernels.SINGLE, number, target=number)
    elif pa.types.is_boolean(kind):
        program.step(kernels.WHOLE, number, 0, 1, target=number)
    elif pa.types.is_integer(kind):
        signed = pa.types.is_signed_integer(kind)
        low = max(-1 << (kind.bit_width - 1), 1 - EXACT) if signed else 0
        high = min((1 << (kind.bit_width - signed)) - 1, EXACT - 1)
        program.step(kernels.WHOLE, number, low, high, target=number)


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    types = pa.types
    wide = types.is_float64(kind) or types.is_float32(kind)
    return bool(wide or types.is_integer(kind) or types.is_boolean(kind))


def is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))

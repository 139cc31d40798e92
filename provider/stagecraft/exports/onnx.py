"""Models as ONNX graphs: from the numbers and values of a row's features to its score."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from stagecraft.errors import InvalidInputError
from stagecraft.exports.refused import refused
from stagecraft.transforms.deep import DeepFM
from stagecraft.transforms.factorization import FactorizationMachine
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.softmax import Softmax

if TYPE_CHECKING:
    from stagecraft.transforms.predictor import SparsePredictor

OPSET, IR_VERSION = 17, 8
LARGEST = 2**31 - 2**20
"""A protobuf message ends at 2 GiB."""


def content(predictor: SparsePredictor) -> Iterator[bytes]:
    """Yield the graph of a linear model, softmax regression, a factorization machine or DeepFM.

    Inputs: ``indices``, int64, and ``values``, float32, rows × features of a row, the bias (0, with the value
    1) among them. Output: ``score``, double a row, or ``scores``, double rows × classes. Sums run in double.

    :raises InvalidInputError: the model is another or too large, or the package ``onnx`` is not installed
    """
    try:
        # Its types are known where it is installed, which it need not be.
        onnx: Any = importlib.import_module("onnx")
        helper = importlib.import_module("onnx.helper")
        numpy_helper = importlib.import_module("onnx.numpy_helper")
    except ImportError as error:
        raise InvalidInputError(
            "export_model.format",
            "the package 'onnx' is not installed",
            "pip install 'airflow-provider-stagecraft[onnx]'",
        ) from error
    if not isinstance(predictor, Linear | Softmax | FactorizationMachine | DeepFM):
        held = "linear models, softmax regressions, factorization machines and DeepFM"
        raise refused("onnx", predictor, held)
    dimension, width = predictor.dimension, predictor.width
    if dimension * width * 4 > LARGEST:
        raise InvalidInputError(
            "export_model.format", f"{dimension} × {width} weights are beyond ONNX's 2 GiB", "'vw' or 'libfm'"
        )
    graph = _Graph(helper)
    terms = graph.terms()
    if isinstance(predictor, FactorizationMachine):
        graph.factorized(terms, "margins")
    elif isinstance(predictor, DeepFM):
        graph.factorized(terms, "pairwise")
        graph.deep(terms, len(predictor.hidden))
    else:
        graph.add("ReduceSum", [terms, "one"], "margins", keepdims=0)
    if isinstance(predictor, Softmax):
        graph.add("Softmax", ["margins"], predictor.column, axis=1)
    else:
        squeezed = "margins"
        if isinstance(predictor, Linear):
            squeezed = graph.add("Squeeze", ["margins", "one"], "margin")
        graph.linked(predictor.link, squeezed, predictor.column)
    rows: list[Any] = ["rows", "features"]
    made = helper.make_graph(
        graph.nodes,
        predictor.type,
        [
            helper.make_tensor_value_info("indices", onnx.TensorProto.INT64, rows),
            helper.make_tensor_value_info("values", onnx.TensorProto.FLOAT, rows),
        ],
        [
            helper.make_tensor_value_info(
                predictor.column,
                onnx.TensorProto.DOUBLE,
                ["rows", *([predictor.classes] if isinstance(predictor, Softmax) else [])],
            )
        ],
        [numpy_helper.from_array(array, name) for name, array in graph.constants(predictor)],
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, opset_imports=opset, ir_version=IR_VERSION, producer_name="stagecraft")
    onnx.checker.check_model(model)
    yield model.SerializeToString()


class _Graph:
    """Nodes, one after another."""

    def __init__(self, helper: Any) -> None:
        self._helper = helper
        self.nodes: list[Any] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(self._helper.make_node(kind, inputs, [output], **attributes))
        return output

    def terms(self) -> str:
        """Weights times values: rows × features of a row × width, double."""
        import numpy as np

        double = self._helper.np_dtype_to_tensor_dtype(np.dtype(np.float64))
        self.add("Gather", ["weights", "indices"], "found", axis=0)
        self.add("Cast", ["found"], "wide", to=double)
        self.add("Cast", ["values"], "wide_values", to=double)
        self.add("Unsqueeze", ["wide_values", "two"], "columns")
        return self.add("Mul", ["wide", "columns"], "terms")

    def factorized(self, terms: str, output: str) -> None:
        """The margin of a factorization machine."""
        self.add("ReduceSum", [terms, "one"], "sums", keepdims=0)
        self.add("Mul", [terms, terms], "squares")
        self.add("ReduceSum", ["squares", "one"], "square_sums", keepdims=0)
        self.add("Mul", ["sums", "sums"], "sum_squares")
        self.add("Sub", ["sum_squares", "square_sums"], "pairs")
        self.add("Slice", ["pairs", "one", "end", "one"], "vector_pairs")
        self.add("ReduceSum", ["vector_pairs", "one"], "pair_sum", keepdims=0)
        self.add("Mul", ["pair_sum", "half"], "interaction")
        self.add("Gather", ["sums", "bias"], "linear", axis=1)
        self.add("Add", ["linear", "interaction"], output)

    def deep(self, terms: str, layers: int) -> None:
        """The margin of DeepFM, from that of its factorization machine."""
        self.add("MatMul", ["fields", terms], "field_sums")
        self.add("Slice", ["field_sums", "one", "end", "two"], "field_vectors")
        units = self.add("Flatten", ["field_vectors"], "units0", axis=1)
        for layer in range(layers):
            linear = self.add("Gemm", [units, f"weights{layer}", f"bias{layer}"], f"linear{layer}", transB=1)
            units = self.add("Relu", [linear], f"units{layer + 1}")
        self.add("MatMul", [units, "last"], "network")
        self.add("Add", ["pairwise", "network"], "margins")

    def linked(self, link: str, margin: str, output: str) -> None:
        if link == "log":
            self.add("Min", [margin, "largest"], "bounded")
            self.add("Exp", ["bounded"], output)
        else:
            self.add("Sigmoid" if link == "logistic" else "Identity", [margin], output)

    def constants(self, predictor: SparsePredictor) -> Iterator[tuple[str, Any]]:
        """Those that the nodes read."""
        import numpy as np

        known: dict[str, Callable[[], Any]] = {
            "weights": lambda: predictor.table.dense(),
            "one": lambda: np.array([1]),
            "two": lambda: np.array([2]),
            "end": lambda: np.array([predictor.width]),
            "bias": lambda: np.array(0),
            "half": lambda: np.array(0.5),
            "largest": lambda: np.log(np.finfo(np.float64).max),
        }
        if isinstance(predictor, DeepFM):
            known |= self._of_network(predictor)
        read = {name for node in self.nodes for name in node.input}
        for name, value in known.items():
            if name in read:
                yield name, np.asarray(value())

    def _of_network(self, predictor: DeepFM) -> dict[str, Callable[[], Any]]:
        """Which features a field has, and the layers."""
        import numpy as np

        blocks = predictor.layout.blocks
        field = np.repeat(np.arange(len(blocks)), [block.width for block in blocks])
        fields = np.concatenate([[-1], field]) == np.arange(len(blocks))[:, None]
        parts = [part.astype(np.float64) for part in predictor.network.parts(predictor.numbers)]
        names = [f"{kind}{layer}" for layer in range(len(predictor.hidden)) for kind in ("weights", "bias")]
        made = {"fields": fields.astype(np.float64), "last": parts[-1][0]}
        made |= dict(zip(names, parts, strict=False))
        return {name: partial(np.asarray, array) for name, array in made.items()}

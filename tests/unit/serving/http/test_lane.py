"""What the fast lane answers without a socket, and what it holds on to."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import numpy as np
import pyarrow as pa
from onnx import TensorProto, helper

from stagecraft.serving.answers import Answers
from stagecraft.serving.http.heads import Head
from stagecraft.serving.http.lane import Lane
from stagecraft.serving.monitor import Monitor
from stagecraft.serving.settings import Settings
from stagecraft.serving.traffic import Route
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.numeric import FittedFill
from stagecraft.transforms.onnx_model import OnnxModel, Tensor


class Known:
    """A model as :class:`stagecraft.serving.predictor.Predictor` takes it, without a store."""

    def __init__(self, column: str, weight: float) -> None:
        encode = Encode(encodings=[NumericEncoding(column=column, maps=[FittedFill(value=0.0)])])
        layout = Chain((encode,)).layout
        weights = np.array([0.0, weight], dtype=np.float32)
        self.chain = Chain((encode, Linear.of(layout, weights, "identity")))
        self.input_schema = pa.schema([(column, pa.float64())])
        self.meta: dict[str, Any] = {}
        self.threshold, self.uri = 0.5, "none"


def lane_of(models: dict[str, Any]) -> tuple[Lane, Monitor]:
    from stagecraft.serving.predictor import Predictor

    routes = {name: Route("1", Predictor(model)) for name, model in models.items()}
    table: Any = type("Table", (), {})()
    table.route = lambda model, version, key: routes[model]
    table.routes = routes
    monitor = Monitor()
    return Lane(Answers(table, monitor, Settings(root="", store_root=""))), monitor


def ask(lane: Lane, model: str, **row: float | None) -> Any:
    body = json.dumps({"model": model, "rows": [row]}).encode()
    start = b"POST /predict HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    head = lane.heads.read(start)
    assert isinstance(head, Head)
    answer = lane.answer(head, body, lane.clock())
    return None if answer is None else json.loads(answer)


def test_models_of_other_columns_in_turn() -> None:
    lane, monitor = lane_of({"one": Known("x", 2.0), "two": Known("y", 3.0)})
    for _ in range(2):
        assert ask(lane, "one", x=1.5)["scores"] == [3.0]
        assert ask(lane, "two", y=1.5)["scores"] == [4.5]
        assert ask(lane, "two", y=None, x=9.0)["scores"] == [0.0]
        assert ask(lane, "one", y=1.5) is None, "the ordinary path says what is absent"
        assert ask(lane, "none", x=1.5) is None, "what fails is left to the ordinary path"
    assert monitor.tallies["two", "1"].requests == 4


def test_a_model_whose_chain_is_not_compiled() -> None:
    """Texts for ONNX Runtime go through Arrow; the lane answers nevertheless, and leaves what is refused."""
    known = Known("x", 2.0)
    known.chain, known.input_schema = Chain((by_length(),)), pa.schema([("word", pa.string())])
    lane, monitor = lane_of({"lengths": known})
    rows = [{"word": "four"}, {"word": "sixsix"}]
    body = json.dumps({"model": "lengths", "rows": rows}).encode()
    head = lane.heads.read(b"POST /predict HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body))
    assert head is not None
    answer = lane.answer(head, body, lane.clock())
    assert answer is not None
    assert json.loads(answer)["scores"] == [4.0, 6.0]
    assert monitor.tallies["lengths", "1"].rows == 2
    for wrong in ({"word": None}, {"word": 5}, {"words": "a"}):
        body = json.dumps({"model": "lengths", "rows": [wrong]}).encode()
        assert lane.answer(head, body, lane.clock()) is None


def by_length() -> OnnxModel:
    """A model of words: 4 for ``four``, 6 for ``sixsix``."""
    node = helper.make_node(
        "LabelEncoder",
        ["word"],
        ["score"],
        domain="ai.onnx.ml",
        keys_strings=["four", "sixsix"],
        values_floats=[4.0, 6.0],
    )
    word = helper.make_tensor_value_info("word", TensorProto.STRING, ["n"])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    graph = helper.make_graph([node], "lengths", [word], [score])
    content = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    tensor = Tensor(name="word", element="string", columns=["word"], rank=1)
    return OnnxModel(tensors=[tensor], output="score").holding(content)


def test_an_unloaded_model_is_freed() -> None:
    lane, _ = lane_of({"one": Known("x", 2.0)})
    assert ask(lane, "one", x=1.0)["scores"] == [2.0]
    routes = lane.answers.table.routes  # type: ignore[attr-defined]
    path = weakref.ref(routes["one"].predictor.row_path)
    routes.clear()
    gc.collect()
    assert path() is None

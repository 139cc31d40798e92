"""ONNX files of others as models: what they put out is computed here by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from onnx import TensorProto, helper, numpy_helper

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.serving.predictor import Predictor
from stagecraft.serving.rows import rows_of
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Standardize
from stagecraft.stages.onnx_import import OnnxImport
from stagecraft.stages.predict import Predict

Commit = Callable[..., Dataset]
pytestmark = pytest.mark.parametrize("engine", ["duckdb"], indirect=True)

WEIGHTS, BIAS = np.array([[0.5], [-0.25]], np.float32), np.array([0.125], np.float32)
KINDS = {"van": 1.0, "car": -1.0, "bus": 0.25}
FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING


def sigmoid(margins: Any) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.asarray(margins, np.float64))))


def rows(count: int = 200) -> pa.Table:
    draw = np.random.default_rng(0)
    age, price = draw.integers(0, 90, count), draw.normal(0, 2, count)
    table = pa.table(
        {
            "id": range(count),
            "price": pa.array(np.where(draw.random(count) < 0.1, np.nan, price), from_pandas=True),
            "age": pa.array(age),
            "kind": draw.choice(list(KINDS), count).tolist(),
            "late": draw.random(count) < 0.5,
        }
    )
    return table.append_column("expected", pa.array(sigmoid(margins(table))))


def margins(table: pa.Table) -> np.ndarray:
    price = np.nan_to_num(table["price"].to_numpy(zero_copy_only=False)).astype(np.float32)
    return np.column_stack([price, table["age"].to_numpy()]) @ WEIGHTS[:, 0].astype(np.float64) + BIAS[0]


def saved(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: Any) -> str:
    graph = helper.make_graph(
        nodes, "graph", inputs, outputs, [numpy_helper.from_array(*c) for c in constants]
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    return str(path)


def one_matrix(folder: Path, *, margin: bool = False, rows: Any = "n") -> str:
    """price and age side by side; NaN becomes 0."""
    nodes = [
        helper.make_node("IsNaN", ["x"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "x"], ["filled"]),
        helper.make_node("Gemm", ["filled", "weights", "bias"], ["margin"]),
        helper.make_node("Identity" if margin else "Sigmoid", ["margin"], ["out"]),
    ]
    inputs = [helper.make_tensor_value_info("x", FLOAT, [rows, 2])]
    outputs = [helper.make_tensor_value_info("out", FLOAT, [rows, 1])]
    constants = [(WEIGHTS, "weights"), (BIAS, "bias"), (np.array(0, np.float32), "zero")]
    return saved(folder / f"matrix-{margin}-{rows}.onnx", nodes, inputs, outputs, constants)


def an_input_a_column(folder: Path) -> str:
    """An integer and a text, each an input of its own; a map a row, from the label to its probability."""
    nodes = [
        helper.make_node(
            "LabelEncoder",
            ["kind"],
            ["pull"],
            domain="ai.onnx.ml",
            keys_strings=list(KINDS),
            values_floats=list(KINDS.values()),
            default_float=0.0,
        ),
        helper.make_node("Cast", ["age"], ["years"], to=FLOAT),
        helper.make_node("Concat", ["years", "pull"], ["x"], axis=1),
        helper.make_node(
            "LinearClassifier",
            ["x"],
            ["label", "shares"],
            domain="ai.onnx.ml",
            classlabels_strings=["high", "low", "mid"],
            coefficients=[0.02, 0.5, -0.01, 0.1, 0.0, -0.3],
            intercepts=[-1.0, 0.5, 0.25],
            post_transform="SOFTMAX",
        ),
        helper.make_node(
            "ZipMap",
            ["shares"],
            ["probabilities"],
            domain="ai.onnx.ml",
            classlabels_strings=["high", "low", "mid"],
        ),
    ]
    inputs = [
        helper.make_tensor_value_info("age", INT64, ["n", 1]),
        helper.make_tensor_value_info("kind", STRING, ["n", 1]),
    ]
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(STRING, helper.make_tensor_type_proto(FLOAT, []))
    )
    outputs = [
        helper.make_tensor_value_info("label", STRING, ["n"]),
        helper.make_value_info("probabilities", maps),
    ]
    return saved(folder / "columns.onnx", nodes, inputs, outputs, [])


def check(bench: Workbench, model: Model, dataset: Dataset, expected: np.ndarray) -> list[Any]:
    """Score in batch, and as a server does: a table, rows of JSON, one of them; return the labels."""
    found = Predict(key=["id"]).run(bench, model=model, dataset=dataset)["dataset"].table().sort_by("id")  # type: ignore[attr-defined]
    column = model.chain.score_column
    np.testing.assert_allclose(found[column].to_pylist(), expected, atol=1e-6)
    served = Predictor(model)
    served.check()
    table = dataset.table().sort_by("id")
    raw = json.loads(json.dumps(rows_of(table.select(served.columns))))
    batch = found[column].to_pylist()
    np.testing.assert_allclose(served.predict_table(table).scores, batch, atol=1e-6)
    np.testing.assert_allclose(served.row_scores(raw), batch, atol=1e-6)
    one_by_one = np.concatenate([served.row_scores([row]) for row in raw[:20]])
    np.testing.assert_allclose(one_by_one, batch[:20], atol=1e-6)
    labels: list[Any] = found["prediction"].to_pylist() if "prediction" in found.column_names else []
    assert labels == (served.predict(raw).labels or [])
    return labels


def test_one_matrix(bench: Workbench, store: Store, commit_rows: Commit, tmp_path: Path) -> None:
    table = rows()
    dataset = commit_rows(store, "raw", table)
    known: dict[str, Any] = {"columns": ["price", "age"], "labels": ["no", "yes"], "scores": "expected"}
    first = OnnxImport(onnx=one_matrix(tmp_path), **known).run(bench, dataset=dataset)["model"]
    assert isinstance(first, Model)
    labels = check(bench, first, dataset, sigmoid(margins(table)))
    assert labels == np.where(margins(table) >= 0, "yes", "no").tolist()
    assert Predictor(first).row_path is not None

    margin = OnnxImport(onnx=one_matrix(tmp_path, margin=True), **known, link="logistic")
    second = margin.run(bench, dataset=dataset)["model"]
    assert isinstance(second, Model)
    assert check(bench, second, dataset, sigmoid(margins(table))) == labels

    number = OnnxImport(onnx=one_matrix(tmp_path, margin=True), columns=["price", "age"])
    third = number.run(bench, dataset=dataset)["model"]
    assert isinstance(third, Model)
    assert check(bench, third, dataset, margins(table)) == []


def test_an_input_a_column(bench: Workbench, store: Store, commit_rows: Commit, tmp_path: Path) -> None:
    table = rows()
    dataset = commit_rows(store, "raw", table)
    model = OnnxImport(onnx=an_input_a_column(tmp_path)).run(bench, dataset=dataset)["model"]
    assert isinstance(model, Model)
    assert model.meta["labels"] == ["high", "low", "mid"]
    pull = np.array([KINDS[kind] for kind in table["kind"].to_pylist()])
    sums = np.outer(table["age"].to_numpy(), [0.02, -0.01, 0.0]) + np.outer(pull, [0.5, 0.1, -0.3])
    powers = np.exp(sums + np.array([-1.0, 0.5, 0.25]))
    expected = powers / powers.sum(axis=1, keepdims=True)
    labels = check(bench, model, dataset, expected)
    assert labels == np.array(["high", "low", "mid"])[expected.argmax(axis=1)].tolist()
    served = Predictor(model)
    for row, where in (({"age": None, "kind": "van"}, "age"), ({"age": 3, "kind": None}, "kind")):
        with pytest.raises(InvalidInputError, match=rf"onnx\.{where}: a value is missing"):
            served.predict([row])


def test_after_an_encoding(bench: Workbench, store: Store, commit_rows: Commit, tmp_path: Path) -> None:
    table = rows()
    dataset = commit_rows(store, "raw", table)
    steps: Any = {"price": Fill(1.5) | Standardize()}
    encoded = EncodeColumns(columns=steps).run(bench, dataset=dataset)["dataset"]
    stage = OnnxImport(onnx=one_matrix(tmp_path), columns=["price", "age"], labels=[False, True])
    model = stage.run(bench, dataset=encoded)["model"]
    assert isinstance(model, Model)
    filled = np.where(pc.is_null(table["price"]), 1.5, table["price"].to_numpy(zero_copy_only=False))
    price = (filled - filled.mean()) / filled.std()
    expected = sigmoid(np.column_stack([price, table["age"].to_numpy()]) @ WEIGHTS[:, 0] + BIAS[0])
    check(bench, model, dataset, expected)


def test_refuses(bench: Workbench, store: Store, commit_rows: Commit, tmp_path: Path) -> None:
    table = rows()
    dataset = commit_rows(store, "raw", table)
    wrong = table["expected"].to_numpy() + np.linspace(0, 6e-5, table.num_rows)
    other = commit_rows(store, "other", table.set_column(5, "expected", pa.array(wrong)))
    matrix, columns, fixed = one_matrix(tmp_path), an_input_a_column(tmp_path), one_matrix(tmp_path, rows=1)
    (tmp_path / "text.onnx").write_text("no model")
    two = ["price", "age"]
    cases: list[tuple[str, dict[str, Any]]] = [
        (r"onnx\.model: ONNX Runtime cannot read it", {"onnx": str(tmp_path / "text.onnx")}),
        (r"onnx: there is no file", {"onnx": str(tmp_path / "none.onnx")}),
        (r"columns: 1 columns for the input 'x'; .*: 2", {"onnx": matrix}),
        (r"columns: the dataset has no column 'prize'", {"onnx": matrix, "columns": ["prize", "age"]}),
        (r"onnx\.kind: the column is of type string", {"onnx": matrix, "columns": ["kind", "age"]}),
        (
            r"onnx\.price: the column is of type double",
            {"onnx": columns, "columns": {"age": ["price"], "kind": ["kind"]}},
        ),
        (r"inputs \['age'\]; .*\['age', 'kind'\]", {"onnx": columns, "columns": {"age": ["age"]}}),
        (r"takes 1 rows at a time", {"onnx": fixed, "columns": two}),
        (r"labels: 3 labels for 1 numbers", {"onnx": matrix, "columns": two, "labels": [0, 1, 2]}),
        (r"labels: .* the model names them", {"onnx": columns, "labels": ["a", "b", "c"]}),
        (r"output: 'label' among", {"onnx": columns, "output": "label"}),
    ]
    for message, parameters in cases:
        with pytest.raises(InvalidInputError, match=message):
            OnnxImport(**parameters).run(bench, dataset=dataset)
    stage = OnnxImport(onnx=matrix, columns=two, labels=["no", "yes"], scores="expected")
    with pytest.raises(InvalidInputError, match=r"scores: ONNX Runtime's scores lie up to .*e-05 away"):
        stage.run(bench, dataset=other)

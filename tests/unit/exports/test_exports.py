"""Exported models, read and scored as the other programs do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError, UnwritableStoreError
from stagecraft.exports import onnx
from stagecraft.exports.export import export_model
from stagecraft.transforms.categorical import FittedHash
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.deep import DeepFM
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding, SlotEncoding
from stagecraft.transforms.factorization import FactorizationMachine
from stagecraft.transforms.field_aware import FieldAware
from stagecraft.transforms.layout import Feature, Layout
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.numeric import FittedFill
from stagecraft.transforms.predictor import SparsePredictor
from stagecraft.transforms.softmax import Softmax
from stagecraft.transforms.weights import Weights

ENCODER = Chain(
    (
        Encode(
            encodings=[
                NumericEncoding(column="wind", maps=[FittedFill(value=0)]),
                SlotEncoding(columns=["tail"], output="tail", map=FittedHash(bits=6, salt="tail")),
            ]
        ),
    )
)
LAYOUT = ENCODER.layout
DRAW = np.random.default_rng(3)
RAW = pa.table({"wind": DRAW.normal(size=40), "tail": [f"N{number}" for number in DRAW.integers(0, 30, 40)]})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def commit(store: Store, kind: SparsePredictor | None) -> Model:
    chain = ENCODER
    if kind is not None:
        keys = np.arange(0, kind.dimension, 2)
        values = np.random.default_rng(1).normal(size=(len(keys), kind.width)).astype(np.float32)
        if isinstance(kind, FactorizationMachine | DeepFM):
            values[0, 1:] = 0
        chain = ENCODER.then(kind.holding(Weights.of(kind.dimension, keys, values)))
    draft = store.draft(Kind.MODEL, "a" * 32, lineage={"stage": "test"})
    fill_model(draft, chain, RAW)
    made = draft.commit()
    assert isinstance(made, Model)
    return made


def rows() -> tuple[np.ndarray, np.ndarray]:
    csr = LAYOUT.csr(ENCODER.apply(RAW.combine_chunks().to_batches()[0]))
    return csr.indices.reshape(40, -1), csr.values.reshape(40, -1)


def test_a_line_for_each_weight_of_a_linear_model(store: Store, tmp_path: Path) -> None:
    model = commit(store, Linear(layout=LAYOUT, link="identity"))
    export_model(model, "vw", str(tmp_path / "model.txt"))
    read = dict(line.split(":") for line in (tmp_path / "model.txt").read_text().splitlines())
    weights = {int(index): float(weight) for index, weight in read.items()}
    assert list(weights) == list(range(0, LAYOUT.dimension, 2))
    margins = [
        sum(weights.get(index, 0) * value for index, value in zip(*row, strict=True))
        for row in zip(*(part.tolist() for part in rows()), strict=True)
    ]
    np.testing.assert_allclose(model.golden()["score"], margins, rtol=1e-7)


@pytest.mark.parametrize(
    "kind",
    [Linear(layout=LAYOUT, link="log"), FactorizationMachine(layout=LAYOUT, factors=3, link="identity")],
    ids=["linear", "fm"],
)
def test_libfm_gives_the_same_margins(store: Store, tmp_path: Path, kind: Any) -> None:
    model = commit(store, kind)
    export_model(model, "libfm", f"file://{tmp_path}/model.txt")
    text = (tmp_path / "model.txt").read_text()
    assert text.startswith("#global bias W0\n")
    bias, rest = text.removeprefix("#global bias W0\n").split("#unary interactions Wj\n")
    unary, pairs = rest.split("#pairwise interactions Vj,f\n")
    w = [float(line) for line in unary.splitlines()]
    v = np.array([[float(number) for number in line.split()] for line in pairs.splitlines()])
    assert len(w) == len(v) == LAYOUT.dimension
    for (indices, values), score in zip(
        zip(*rows(), strict=True), model.golden()["score"].to_pylist(), strict=True
    ):
        margin = float(bias) + sum(w[i] * x for i, x in zip(indices, values, strict=True))
        for a in range(len(indices)):
            for b in range(a + 1, len(indices)):
                margin += v[indices[a]] @ v[indices[b]] * values[a] * values[b]
        assert (np.log(score) if kind.link == "log" else score) == pytest.approx(margin, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize(
    "kind",
    [
        Linear(layout=LAYOUT, link="logistic"),
        Linear(layout=LAYOUT, link="identity"),
        Linear(layout=LAYOUT, link="log"),
        Softmax(layout=LAYOUT, classes=3),
        FactorizationMachine(layout=LAYOUT, factors=3, link="logistic"),
        FactorizationMachine(layout=LAYOUT, factors=2, link="log"),
        DeepFM(layout=LAYOUT, factors=3, hidden=(5, 4), link="logistic"),
        DeepFM(layout=LAYOUT, factors=2, hidden=(6,), link="identity"),
    ],
    ids=lambda kind: f"{kind.type}-{kind.width}",
)
def test_onnx_gives_the_same_scores(store: Store, tmp_path: Path, kind: SparsePredictor) -> None:
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
    model = commit(store, kind)
    export_model(model, "onnx", str(tmp_path / "model.onnx"))
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    indices, values = rows()
    for many in (40, 1):
        given = {"indices": indices[:many].astype(np.int64), "values": values[:many]}
        [found] = session.run([kind.column], given)
        expected = np.array(model.golden()[kind.column].to_pylist())[:many]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * max(1, expected.max()))


def test_libffm_gives_the_same_margins(store: Store, tmp_path: Path) -> None:
    model = commit(store, FieldAware(layout=LAYOUT, factors=3, link="identity"))
    export_model(model, "libffm", str(tmp_path / "model.txt"))
    header, *body = (tmp_path / "model.txt").read_text().splitlines()[3:]
    vectors = {}
    for line in body:
        name, *numbers = line.split()
        feature, field = map(int, name.removeprefix("w").split(","))
        vectors[feature, field] = np.array(numbers, float)
    text = (tmp_path / "model.txt").read_text()
    assert text.startswith(f"n {LAYOUT.dimension + 1}\nm 4\nk 3\nnormalization 0\nw0,0 ")
    assert header == "normalization 0"
    assert list(vectors) == [
        (feature, field) for feature in range(LAYOUT.dimension + 1) for field in range(4)
    ]
    scores = model.golden()["score"].to_pylist()
    for indices, values, score in zip(*rows(), scores, strict=True):
        # Field, feature and value, as libffm's rows have them; the bias and the last feature are of two more.
        nodes = [(2, indices[0], 1.0), (0, indices[1], values[1]), (1, indices[2], values[2])]
        nodes.append((3, LAYOUT.dimension, 1.0))
        margin = 0.0
        for at, (field, feature, x) in enumerate(nodes):
            for other, another, y in nodes[at + 1 :]:
                margin += vectors[feature, other] @ vectors[another, field] * x * y
        assert score == pytest.approx(margin, rel=1e-6, abs=1e-7)


def test_onnx_sums_the_features_of_a_column_for_the_network() -> None:
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="the package onnxruntime is not installed")
    layout = Layout.of([Feature("tree", "leaves", 9, 3), Feature("wind"), Feature("other", "leaves", 5, 2)])
    kind = DeepFM(layout=layout, factors=2, hidden=(4,), link="identity")
    draw = np.random.default_rng(0)
    table = draw.normal(size=(kind.dimension, 3)).astype(np.float32)
    table[0, 1:] = 0
    kind = kind.holding(Weights.of(kind.dimension, np.arange(kind.dimension), table))
    indices = np.column_stack([np.zeros(30, int), draw.integers(1, layout.dimension, (30, 6))])
    values = draw.normal(size=indices.shape).astype(np.float32)
    session = runtime.InferenceSession(b"".join(onnx.content(kind)), providers=["CPUExecutionProvider"])
    [found] = session.run(["score"], {"indices": indices, "values": values})
    np.testing.assert_allclose(found, kind.scored(kind.table, indices, values), rtol=1e-9, atol=1e-9)


def test_what_a_format_does_not_hold_is_refused_before_a_file_is_there(store: Store, tmp_path: Path) -> None:
    model = commit(store, FieldAware(layout=LAYOUT, factors=2, link="logistic"))
    uri = tmp_path / "model"
    for format, held in (("vw", "a linear model"), ("libfm", "linear models and"), ("onnx", "")):
        with pytest.raises(InvalidInputError, match=rf"export_model\.format: .*{held}"):
            export_model(model, format, str(uri))  # type: ignore[arg-type]
    with pytest.raises(
        InvalidInputError, match=r"'pmml'; what would do: one of \('vw', 'libfm', 'libffm', 'onnx'\)"
    ):
        export_model(model, "pmml", str(uri))  # type: ignore[arg-type]
    assert not uri.exists()


def test_a_model_that_only_encodes_and_a_path_below_a_file_are_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"export_model\.model: the model a+ of stage 'test'"):
        export_model(commit(store, None), "vw", str(tmp_path / "model"))
    other = Store(str(tmp_path / "other"))
    model = commit(other, Linear(layout=LAYOUT, link="logistic"))
    (tmp_path / "file").touch()
    with pytest.raises(UnwritableStoreError, match="cannot write"):
        export_model(model, "vw", str(tmp_path / "file" / "model"))

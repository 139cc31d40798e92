"""GBDT encoding over both engines: every row's leaves are those that the model's own library predicts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.serving.predictor import Predictor
from stagecraft.stages import gbdt_host
from stagecraft.stages.base import Workbench
from stagecraft.stages.boosting import BoostingParameters
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Index, Standardize
from stagecraft.stages.gbdt_encode import GBDTEncode
from stagecraft.stages.gbdt_import import GBDTImport
from stagecraft.stages.gbdt_train import GBDTTrain
from stagecraft.stages.trees import COLUMNS
from stagecraft.transforms.leaf_encode import feature_matrix

Commit = Callable[..., Dataset]
FEATURES = ["select", 'a "b"', "city"]
ENCODING: dict[Any, Any] = {
    "select": Standardize(),
    'a "b"': Fill("median") | Standardize(),
    "city": Index(),
}


@pytest.fixture
def raw() -> pa.Table:
    rng = np.random.default_rng(7)
    rows = 700
    wind = np.round(rng.normal(10, 3, rows), 1)
    wind[::9] = np.nan
    count = rng.integers(0, 9, rows)
    score = np.nan_to_num(wind) + count + rng.normal(0, 2, rows)
    return pa.table(
        {
            "id": [f"{number:03d}" for number in range(rows)],
            "select": pa.array(wind, mask=rng.random(rows) < 0.1),
            'a "b"': pa.array(count, mask=rng.random(rows) < 0.1),
            "city": pa.array(rng.choice(["oslo", "roma", "köln"], rows), mask=rng.random(rows) < 0.05),
            "kind": np.array(["ü", "", "select"])[np.searchsorted([9, 15], score)],
            "late": score > 12,
            "score": score,
            "hole": np.where(score > 15, np.nan, score),
            "order": pa.array(count, mask=np.arange(rows) % 100 == 0),
            "weight": rng.random(rows),
        }
    )


def leaves_of(dataset: Any) -> np.ndarray:
    """The leaves of all rows, rows × trees; and their storage is narrow."""
    kind = pq.read_schema(dataset.store.strip(dataset.files[0])).field("leaves").type.value_type
    assert kind == pa.int16()
    return np.array(dataset.table()["leaves"].to_pylist())


def check_leaves(made: dict[str, Any], trees: int) -> pa.Table:
    """Every row's leaves are those of the booster; return the trees' table."""
    model, dataset = made["model"], made["dataset"]
    assert isinstance(model, Model)
    rows = dataset.table()
    table = pq.read_table(pa.BufferReader(model.read("1-leaf_encode/trees.parquet")))
    booster = xgboost.Booster(model_file=bytearray(model.read("booster.ubj")))
    nodes = booster.predict(xgboost.DMatrix(feature_matrix(rows, FEATURES)), pred_leaf=True).astype(int)
    found = leaves_of(dataset)
    assert found.shape == nodes.shape == (700, trees)
    node_of = table.filter(table["leaf"].is_valid()).sort_by("leaf")["node"].to_numpy()
    np.testing.assert_array_equal(node_of[found], nodes)
    block = model.chain.layout.blocks[-1]
    csr = model.chain.layout.csr(rows)
    features = csr.indices.reshape(700, -1)[:, -trees:]
    np.testing.assert_array_equal(features, block.offset + found)
    assert (features < model.chain.layout.dimension).all()
    return table


def test_rows_are_encoded_as_xgboost_says(
    bench: Workbench, store: Store, commit_rows: Commit, raw: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = EncodeColumns(columns=ENCODING, label="kind")
    encoded = stage.run(bench, dataset=commit_rows(store, "g1", raw))["dataset"]

    def encode(label: str, objective: str, **fields: Any) -> dict[str, Any]:
        boosting = {"rounds": 4, "depth": 3, "objective": objective}
        return GBDTEncode(label=label, boosting=boosting, **fields).run(bench, dataset=encoded)  # type: ignore[arg-type]

    made = encode("kind", "multi-class", weight="weight")
    table = check_leaves(made, trees=12)
    assert [name for name in table.column_names if name != "column"] == list(COLUMNS)
    inner = table.filter(table["feature"].is_valid())
    assert inner.drop_columns(["value", "leaf_ordinal", "leaf"]).to_pandas().notna().all(axis=None)
    leaf = table.filter(table["leaf"].is_valid())
    assert (
        leaf.select(["tree", "class", "node", "cover", "value", "leaf_ordinal"])
        .to_pandas()
        .notna()
        .all(axis=None)
    )
    assert inner.num_rows + 12 == leaf.num_rows
    assert {(row["tree"] % 3, row["class"]) for row in table.to_pylist()} == {(0, 0), (1, 1), (2, 2)}
    assert {(row["feature"], row["column"]) for row in inner.to_pylist()} == set(enumerate(FEATURES))
    assert made["model"].meta["trainer"] == "host"
    assert made["model"].meta["labels"] == ["", "select", "ü"]

    monkeypatch.setattr(gbdt_host, "IN_MEMORY", 0)
    check_leaves(encode("score", "regression", weight="weight"), trees=4)
    if bench.engine.name == "spark":
        check_leaves(encode("score", "regression", weight="weight", trainer="spark"), trees=4)
        made = encode("kind", "multi-class", trainer="spark")
        check_leaves(made, trees=12)
        assert made["model"].meta["trainer"] == "spark"
    else:
        with pytest.raises(InvalidInputError, match=r"gbdt_encode\.trainer: 'spark' on the engine duckdb"):
            encode("late", "binary", trainer="spark")

    for label, objective, fields, message in (
        ("kind", "binary", {}, r"label: the label 'kind' has 3 class\(es\): 0, 1, 2"),
        ("late", "multi-class", {}, r"label: the label 'late' has 2 class\(es\): False, True"),
        ("order", "multi-class", {}, r"label: 7 rows have no 'order' \(NULL or NaN\)"),
        ("id", "regression", {}, r"label: 'id' is of type string, which is no number"),
        ("hole", "regression", {}, r"label: \d+ rows have the value nan in 'hole'"),
        ("late", "binary", {"weight": "hole"}, r"weight: \d+ rows have the value -\d.* in 'hole'"),
        ("late", "binary", {"weight": "id"}, r"weight: 'id' is of type string"),
        ("late", "binary", {"output": "City"}, r"output: the rows already have a column 'City'"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            encode(label, objective, **fields)


def test_trained_models_encode_as_they_predict(
    bench: Workbench, store: Store, commit_rows: Commit, raw: pa.Table, tmp_path: Path
) -> None:
    numbers = ["select", 'a "b"', "late"]
    dataset = commit_rows(store, "g2", raw)
    features = feature_matrix(raw, numbers, "float64")
    label = (raw["score"].to_numpy() > 13).astype(np.float32)
    booster = xgboost.train(
        {"max_depth": 4, "booster": "dart"}, xgboost.DMatrix(features, label, feature_names=numbers), 5
    )
    paths = {kind: str(tmp_path / f"model.{kind}") for kind in ("json", "ubj", "txt", "bad")}
    booster.save_model(paths["json"])
    booster.save_model(paths["ubj"])
    gbm = lightgbm.train({"verbose": -1, "num_leaves": 9}, lightgbm.Dataset(features, label), 6)
    gbm.save_model(paths["txt"])

    made = GBDTImport(booster=paths["ubj"]).run(bench, dataset=dataset)
    model = made["model"]
    assert isinstance(model, Model)
    assert model.read("booster.ubj") == Path(paths["ubj"]).read_bytes()
    assert model.meta["input"] == {"select": "double", 'a "b"': "int64", "late": "bool"}
    table = pq.read_table(pa.BufferReader(model.read("0-leaf_encode/trees.parquet")))
    node_of = table.filter(table["leaf"].is_valid()).sort_by("leaf")["node"].to_numpy()
    nodes = booster.predict(xgboost.DMatrix(features, feature_names=numbers), pred_leaf=True).astype(int)
    by_id = np.argsort(made["dataset"].table()["id"].to_numpy())  # type: ignore[attr-defined]
    np.testing.assert_array_equal(node_of[leaves_of(made["dataset"])[by_id]], nodes)
    assert model.chain.layout.dimension == 1 + len(node_of)

    stage = GBDTImport(booster=paths["txt"], columns=numbers)
    light = stage.run(bench, dataset=dataset)
    assert isinstance(light["model"], Model)
    table = pq.read_table(pa.BufferReader(light["model"].read("0-leaf_encode/trees.parquet")))
    ordinal = table["leaf_ordinal"].drop_null().to_numpy()
    by_id = np.argsort(light["dataset"].table()["id"].to_numpy())  # type: ignore[attr-defined]
    np.testing.assert_array_equal(
        ordinal[leaves_of(light["dataset"])[by_id]], gbm.predict(features, pred_leaf=True)
    )
    value = table["value"].drop_null().to_numpy()[leaves_of(light["dataset"])[by_id]].sum(axis=1)
    np.testing.assert_allclose(value, gbm.predict(features), rtol=1e-12)

    moved = tmp_path / "moved.txt"
    moved.write_bytes(Path(paths["txt"]).read_bytes())
    again = GBDTImport(booster=str(moved), columns=numbers).run(bench, dataset=dataset)
    assert bench.reused
    assert again["model"].fingerprint == light["model"].fingerprint
    moved.write_bytes(Path(paths["txt"]).read_bytes().replace(b"shrinkage=0.1", b"shrinkage=0.2"))
    other = GBDTImport(booster=str(moved), columns=numbers)
    assert other.fingerprint({"dataset": "a"}) != stage.fingerprint({"dataset": "a"})

    encoded = EncodeColumns(columns=ENCODING).run(bench, dataset=dataset)["dataset"]
    assert leaves_of(
        GBDTImport(booster=paths["json"], columns=FEATURES).run(bench, dataset=encoded)["dataset"]
    ).shape == (700, 5)
    Path(paths["bad"]).write_bytes(b"no model")
    for path, columns, rows, message in (
        (paths["txt"], None, dataset, r"booster: the dataset has no column 'Column_0'"),
        (paths["txt"], ["select"], dataset, r"columns: 1 columns; .* 3"),
        (paths["ubj"], ["select", "late", "city"], dataset, r"columns\.city: the column is of type string"),
        (paths["ubj"], None, encoded, r"'late' passed the encoding by"),
        (paths["bad"], None, dataset, r"it is no model that XGBoost reads"),
        (str(tmp_path / "absent.ubj"), None, dataset, r"there is no file"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            GBDTImport(booster=path, columns=columns).run(bench, dataset=rows)


@pytest.mark.parametrize(
    ("label", "objective", "labels"),
    [
        ("late", "binary", [False, True]),
        ("kind", "multi-class", ["", "select", "ü"]),
        ("score", "regression", None),
    ],
)
def test_boosted_trees_score_by_themselves_as_xgboost_does(
    bench: Workbench,
    store: Store,
    commit_rows: Commit,
    raw: pa.Table,
    label: str,
    objective: Any,
    labels: list[Any] | None,
) -> None:
    rows = commit_rows(store, "t1", raw)
    encoded = EncodeColumns(columns=ENCODING, label="kind").run(bench, dataset=rows)["dataset"]
    boosting = BoostingParameters(rounds=4, depth=3, objective=objective)
    model = GBDTTrain(label=label, boosting=boosting).run(bench, dataset=encoded)["model"]
    assert isinstance(model, Model)
    booster = xgboost.Booster(model_file=bytearray(model.read("booster.ubj")))
    [batch] = raw.select(model.input_schema.names).combine_chunks().to_batches()
    expected = booster.predict(xgboost.DMatrix(feature_matrix(model.chain.encoder.apply(batch), FEATURES)))
    predictor = Predictor(model)
    predictor.check()
    np.testing.assert_allclose(predictor.predict_table(raw).scores, expected, atol=1e-6)
    assert predictor.labels == labels

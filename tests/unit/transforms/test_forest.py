"""The compiled walk finds every row's leaf: XGBoost's, LightGBM's, and that of a walk done by hand."""

from __future__ import annotations

import pickle
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from stagecraft.stages.boosting import BoostingParameters, Objective, grow
from stagecraft.stages.gbdt_import import read_trees
from stagecraft.transforms.forest import BLOCK, Forest
from stagecraft.transforms.leaf_encode import LeafEncode, feature_matrix

ALMOST_ZERO = np.float32(1e-35)
EDGES = [0.0, -0.0, 1e-45, 1e-36, -1e-36, ALMOST_ZERO, -ALMOST_ZERO, 3.4e38, -3.4e38, np.nan, 0.25, -1.5]


def draw_features(rows: int, seed: int, columns: int = 4) -> np.ndarray:
    """Values of few digits, so that rows fall on thresholds, some of them missing or at float32's edges."""
    draw = np.random.default_rng(seed)
    features = (draw.integers(-8, 8, (rows, columns)) / 4).astype(np.float32)
    features[:, 0] = draw.normal(size=rows)
    edge = draw.random((rows, columns)) < 0.2
    features[edge] = draw.choice(np.array(EDGES, dtype=np.float32), edge.sum())
    features[draw.random((rows, columns)) < 0.1] = np.nan
    return features


def draw_label(features: np.ndarray, classes: int) -> np.ndarray:
    total = np.clip(np.nan_to_num(features), -2, 2).sum(axis=1) + np.isnan(features[:, 0])
    return np.searchsorted(np.quantile(total, np.arange(1, classes) / classes), total).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    objective=st.sampled_from(["binary", "multi-class", "regression"]),
    depth=st.sampled_from([1, 3, 6, 12]),
    seed=st.integers(0, 10_000),
    rows=st.sampled_from([1, BLOCK, 3 * BLOCK + 1]),
)
def test_leaves_are_those_of_xgboost(objective: Objective, depth: int, seed: int, rows: int) -> None:
    classes = 3 if objective == "multi-class" else 2
    features = draw_features(400, seed)
    parameters = BoostingParameters(
        objective=objective, rounds=4, depth=depth, min_child_weight=0.01, seed=seed
    )
    booster, table = grow(features, draw_label(features, classes), None, parameters, threads=1)
    trees = 12 if objective == "multi-class" else 4
    assert table["class"].unique().to_pylist() == ([0, 1, 2] if objective == "multi-class" else [0])
    encoder = LeafEncode.of(table, list("abcd"))
    assert (encoder.trees, encoder.leaves) == (trees, len(table["leaf"].drop_null().unique()))
    others = draw_features(rows, seed + 1)
    made = encoder.apply(pa.record_batch([pa.array(column) for column in others.T], names=list("abcd")))
    nodes = booster.predict(xgboost.DMatrix(others), pred_leaf=True).astype(int).reshape(rows, trees)
    numbers = {(row["tree"], row["node"]): row["leaf"] for row in table.to_pylist()}
    expected = [[numbers[tree, node] for tree, node in enumerate(row)] for row in nodes]
    assert made.column("leaves").to_pylist() == expected


@settings(max_examples=15, deadline=None)
@given(
    classes=st.sampled_from([2, 3]),
    use_missing=st.booleans(),
    kind=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 10_000),
)
def test_leaves_are_those_of_lightgbm(classes: int, use_missing: bool, kind: str, seed: int) -> None:
    features = draw_features(600, seed).astype(kind)
    options = {"objective": "multiclass", "num_class": classes} if classes > 2 else {"objective": "binary"}
    booster = lightgbm.train(
        {**options, "use_missing": use_missing, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 3},
        lightgbm.Dataset(features, draw_label(features, classes)),
        4,
    )
    name, columns, table = read_trees(booster.model_to_string().encode())
    assert (name, columns) == ("txt", [f"Column_{number}" for number in range(4)])
    others = draw_features(2 * BLOCK + 7, seed + 1).astype(kind)
    if kind == "float64":
        others[::2] += np.random.default_rng(seed).normal(size=others[::2].shape) * 1e-9
    others[:4] = np.inf
    others[4:8] = -np.inf
    encoder = LeafEncode.of(table, columns)
    batch = pa.record_batch([pa.array(column) for column in others.T], names=columns)
    made = np.array(encoder.apply(batch).column("leaves").to_pylist())
    first = table.filter(pa.array(table["leaf_ordinal"].to_numpy() == 0))["leaf"].to_numpy()
    np.testing.assert_array_equal(made - first, booster.predict(others, pred_leaf=True))


def draw_tree(draw: np.random.Generator, thresholds: np.ndarray, splits: int) -> list[dict[str, Any]]:
    """Split random leaves of a tree, the latest ones more often, so that it grows deep and crooked."""
    nodes: list[dict[str, Any]] = [{}]
    leaves = [0]
    for _ in range(splits):
        node = leaves.pop(max(draw.integers(len(leaves)), draw.integers(len(leaves))))
        left, right = len(nodes), len(nodes) + 1
        if draw.random() < 0.5:
            left, right = right, left
        nodes[node] = {
            "feature": int(draw.integers(4)),
            "threshold": draw.choice(thresholds),
            "default_left": bool(draw.integers(2)),
            "left": left,
            "right": right,
        }
        nodes += [{}, {}]
        leaves += [left, right]
    return nodes


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    splits=st.sampled_from([0, 1, 40]),
    kind=st.sampled_from(["float32", "float64"]),
)
def test_leaves_are_those_of_a_walk_by_hand(seed: int, splits: int, kind: str) -> None:
    draw = np.random.default_rng(seed)
    features = draw_features(BLOCK + 3, seed).astype(kind)
    features[:3] = np.inf
    features[3:6] = -np.inf
    edges = np.array([*EDGES[:9], np.inf, -np.inf, 0.25, 0.5], dtype=kind)
    rows, leaf = [], 0
    trees = [draw_tree(draw, edges, splits) for _ in range(3)]
    for number, tree in enumerate(trees):
        for node, details in enumerate(tree):
            rows.append({"tree": number, "node": node, **details})
            if not details:
                rows[-1]["leaf"] = leaf
                leaf += 1
    schema = pa.schema(
        [(name, pa.int32()) for name in ("tree", "node", "feature", "left", "right", "leaf")]
        + [("threshold", pa.from_numpy_dtype(np.dtype(kind))), ("default_left", pa.bool_())]
    )
    numbers = {(row["tree"], row["node"]): row.get("leaf") for row in rows}

    def walk(number: int, values: np.ndarray) -> int | None:
        node = 0
        while details := trees[number][node]:
            value, threshold = values[details["feature"]], details["threshold"]
            goes_left = value < threshold or threshold == np.inf
            node = details["left" if (details["default_left"] if np.isnan(value) else goes_left) else "right"]
        return numbers[number, node]

    found = Forest.of(pa.Table.from_pylist(rows, schema)).leaves(features)
    assert found.tolist() == [[walk(number, values) for number in range(3)] for values in features]


def test_many_leaves_take_wider_numbers_and_travel_light() -> None:
    features = draw_features(3000, 0, columns=6)
    features[:, :3] = np.random.default_rng(1).normal(size=(3000, 3))
    label = draw_label(features, 2)
    found = {}
    for rounds in (4, 100):
        parameters = BoostingParameters(rounds=rounds, depth=14, min_child_weight=0, l2=0, learning_rate=0.01)
        booster, table = grow(features, label, None, parameters, threads=1)
        encoder = LeafEncode.of(table, list("abcdef"))
        batch = pa.record_batch([pa.array(column) for column in features.T], names=list("abcdef"))
        made = encoder.apply(batch)
        found[str(made.schema.field("leaves").type.value_type)] = encoder.leaves
        ordinals = np.array(made.column("leaves").to_pylist())
        nodes = booster.predict(xgboost.DMatrix(features), pred_leaf=True).astype(int)
        node_of = table.filter(table["leaf"].is_valid()).sort_by("leaf")["node"].to_numpy()
        np.testing.assert_array_equal(node_of[ordinals], nodes)
        assert "forest" not in encoder.__getstate__()["__dict__"]
        there = pickle.loads(pickle.dumps(encoder))  # noqa: S301
        assert there.apply(batch).column("leaves").equals(made.column("leaves"))
    assert found["int16"] <= 2**15 < found["int32"]


def test_a_table_that_lacks_nodes_is_refused() -> None:
    features = draw_features(50, 0)
    _, table = grow(features, draw_label(features, 2), None, BoostingParameters(rounds=2), threads=1)
    with pytest.raises(ValueError, match="not ordered by tree and node"):
        Forest.of(table.slice(1))


def test_integers_are_rounded_once_and_null_is_nan() -> None:
    large = 2**54 + 2**30 + 1
    without = pa.RecordBatch.from_pydict({"a": pa.array([large, 1], pa.int64())})
    beside = pa.RecordBatch.from_pydict({"a": pa.array([large, None], pa.int64())})
    assert feature_matrix(without, ["a"])[0, 0] == feature_matrix(beside, ["a"])[0, 0] == 2**54 + 2**31
    assert np.isnan(feature_matrix(beside, ["a"])[1, 0])

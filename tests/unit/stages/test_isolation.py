"""The trees of an isolation forest: what they are grown of, and how their scores rank rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest as SklearnForest
from sklearn.metrics import roc_auc_score

from stagecraft.stages.isolation import grow
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.isolation_forest import IsolationForest, average_length
from stagecraft.transforms.leaf_encode import feature_matrix

VALUE = st.one_of(
    st.integers(-3, 3).map(float), st.floats(), st.sampled_from([np.nan, np.inf, -np.inf, 5e-324])
)


def batch(features: np.ndarray) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        list(map(pa.array, features.T)), [f"c{n}" for n in range(features.shape[1])]
    )


def scores(forest: IsolationForest, features: np.ndarray) -> np.ndarray:
    found: np.ndarray = forest.apply(batch(features)).column("score").to_numpy()
    return found


def forest_of(
    features: np.ndarray, trees: int = 100, sample_size: int = 256, seed: int = 0
) -> IsolationForest:
    size = min(sample_size, len(features))
    table = grow(features, trees=trees, sample_size=size, seed=seed)
    return IsolationForest.of(table, [f"c{n}" for n in range(features.shape[1])], size)


def test_ranks_anomalies_as_scikit_learn_does() -> None:
    draw = np.random.default_rng(3)
    normal = np.concatenate([draw.normal(0, 1, (1500, 6)), draw.normal(6, 2, (1500, 6))])
    odd = draw.uniform(-6, 14, (120, 6))
    features = np.concatenate([normal, odd])
    truth = np.arange(len(features)) >= len(normal)
    ours = np.mean(
        [roc_auc_score(truth, scores(forest_of(features, seed=seed), features)) for seed in range(2)]
    )
    theirs = np.mean(
        [
            roc_auc_score(truth, -SklearnForest(random_state=seed).fit(features).score_samples(features))
            for seed in range(2)
        ]
    )
    assert theirs > 0.9
    assert ours == pytest.approx(theirs, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=2, max_size=40), st.integers(0, 9))
def test_any_rows(rows: list[tuple[float, ...]], seed: int) -> None:
    """Every row of the sample lies in the leaf that the walk finds, whatever its values; batches and files
    change no bit."""
    features = np.array(rows)
    size = len(rows)
    table = grow(features, trees=3, sample_size=size, seed=seed)
    forest = IsolationForest.of(table, ["c0", "c1", "c2"], size)
    nodes = table.to_pylist()
    leaves = forest.forest.leaves(feature_matrix(batch(features), ["c0", "c1", "c2"], "float64"))
    for leaf in (node for node in nodes if node["leaf"] is not None):
        assert (leaves[:, leaf["tree"]] == leaf["leaf"]).sum() == leaf["rows"]
    for node in nodes:
        if node["leaf"] is None:
            left, right = (
                next(n for n in nodes if (n["tree"], n["node"]) == (node["tree"], node[side]))
                for side in ("left", "right")
            )
            assert left["rows"] > 0
            assert right["rows"] > 0
            assert left["rows"] + right["rows"] == node["rows"]
    whole = scores(forest, features)
    assert ((whole > 0) & (whole < 1)).all()
    assert np.array_equal(whole, np.concatenate([scores(forest, features[n : n + 1]) for n in range(size)]))
    files: dict[str, bytes] = {}
    written: list[object] = []
    Chain((forest,)).write(files.__setitem__, lambda _, spec: written.extend(spec))
    again = Chain.read(written, files.__getitem__)  # type: ignore[arg-type]
    assert np.array_equal(again.predict(batch(features)), whole)


def test_missing_values_go_with_the_greater_part() -> None:
    """A third has no value; of the others nine tenths lie above."""
    values = np.concatenate([np.full(30, np.nan), np.zeros(6), np.ones(54)])[:, None]
    root = grow(values, trees=1, sample_size=90, seed=0).to_pylist()[0]
    assert not root["default_left"]
    forest = forest_of(values)
    missing, low, high = scores(forest, np.array([[np.nan], [0.0], [1.0]]))
    assert missing == high < low


def test_a_seed_decides() -> None:
    features = np.random.default_rng(0).normal(size=(300, 2))
    tables = [grow(features, trees=4, sample_size=64, seed=seed) for seed in (5, 5, 6)]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])
    assert max(np.nanmax(table["length"].to_numpy()) for table in tables) <= 6 + average_length(64)

"""Predictors against their formulas, written out in plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.transforms import predictor as predictors
from stagecraft.transforms import weights as tables
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.deep import DeepFM
from stagecraft.transforms.factorization import FactorizationMachine
from stagecraft.transforms.field_aware import FieldAware
from stagecraft.transforms.layout import Feature, Layout
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.predictor import SparsePredictor
from stagecraft.transforms.softmax import Softmax
from stagecraft.transforms.weights import Weights

LAYOUT = Layout.of([Feature("wind"), Feature("origin", "slot", 50), Feature("tree", "leaves", 20, 3)])
FIELDS = [None, 0, 1, 2, 2, 2]
KINDS: list[SparsePredictor] = [
    Linear(layout=LAYOUT, link="logistic"),
    Linear(layout=LAYOUT, link="identity"),
    Linear(layout=LAYOUT, link="log"),
    Softmax(layout=LAYOUT, classes=4),
    FactorizationMachine(layout=LAYOUT, factors=5, link="logistic"),
    FactorizationMachine(layout=LAYOUT, factors=1, link="log"),
    FieldAware(layout=LAYOUT, factors=2, link="logistic"),
    FieldAware(layout=LAYOUT, factors=1, link="identity"),
    DeepFM(layout=LAYOUT, factors=5, hidden=(7, 4), link="logistic"),
    DeepFM(layout=LAYOUT, factors=1, hidden=(3,), link="identity"),
]
NAMES = [f"{kind.type}-{getattr(kind, 'link', '')}{kind.width}" for kind in KINDS]


def rows(count: int, seed: int = 0) -> pa.RecordBatch:
    """Encoded rows; some winds are zero."""
    rng = np.random.default_rng(seed)
    leaves = rng.integers(0, 20, (count, 3)).astype(np.int32)
    return pa.RecordBatch.from_pydict(
        {
            "wind": rng.normal(size=count) * (rng.random(count) < 0.8),
            "origin": rng.integers(0, 50, count).astype(np.int32),
            "tree": pa.FixedSizeListArray.from_arrays(pa.array(leaves.reshape(-1)), 3).cast(
                pa.list_(pa.int32())
            ),
        }
    )


def learned(kind: SparsePredictor) -> SparsePredictor:
    """Give a predictor two thirds of its table's rows; the bias has one weight a class, and no vectors."""
    rng = np.random.default_rng(7)
    keys = rng.permutation(np.arange(1, kind.dimension))[: 2 * kind.dimension // 3]
    keys = np.append(keys, 0).astype(np.int64)
    values = rng.normal(scale=0.5, size=(len(keys), kind.width)).astype(np.float32)
    if not isinstance(kind, Softmax):
        values[-1, 1:] = 0
    return kind.holding(Weights.of(kind.dimension, keys, values))


def formula(kind: SparsePredictor, batch: pa.RecordBatch) -> list[Any]:
    """Return the scores as the papers define them, pair by pair."""
    table = kind.table.dense().astype(float).tolist()
    found: list[Any] = []
    for row in batch.to_pylist():
        features = [(0, 1.0), (1, float(np.float32(row["wind"]))), (2 + row["origin"], 1.0)]
        features += [(52 + leaf, 1.0) for leaf in row["tree"]]
        if isinstance(kind, Softmax):
            powers = [math.exp(sum(table[key][c] * x for key, x in features)) for c in range(kind.classes)]
            found.append([power / sum(powers) for power in powers])
            continue
        margin = sum(table[key][0] * x for key, x in features)
        for i, (key, x) in enumerate(features):
            for j in range(i + 1, len(features)):
                other, y = features[j]
                if isinstance(kind, FactorizationMachine | DeepFM):
                    pairs = zip(table[key][1:], table[other][1:], strict=True)
                    margin += sum(a * b for a, b in pairs) * x * y
                elif isinstance(kind, FieldAware) and i > 0:
                    k = kind.factors
                    own, theirs = 1 + FIELDS[j] * k, 1 + FIELDS[i] * k  # type: ignore[operator]
                    pairs = zip(table[key][own : own + k], table[other][theirs : theirs + k], strict=True)
                    margin += sum(a * b for a, b in pairs) * x * y
        if isinstance(kind, DeepFM):
            margin += network(kind, table, features)
        link = kind.link  # type: ignore[attr-defined]
        found.append(
            {"identity": margin, "log": math.exp(margin), "logistic": 1 / (1 + math.exp(-margin))}[link]
        )
    return found


def network(kind: DeepFM, table: list[list[float]], features: list[tuple[int, float]]) -> float:
    """Return the network's output, unit by unit; each field's input is the sum of its vectors."""
    units = [0.0] * (3 * kind.factors)
    for (key, x), field in zip(features[1:], FIELDS[1:], strict=True):
        for c in range(kind.factors):
            units[field * kind.factors + c] += table[key][1 + c] * x  # type: ignore[operator]
    numbers = iter([number for row in table[LAYOUT.dimension :] for number in row])
    for outputs in kind.hidden:
        sums = [sum(next(numbers) * unit for unit in units) for _ in range(outputs)]
        units = [max(total + next(numbers), 0.0) for total in sums]
    return sum(next(numbers) * unit for unit in units)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_scores_are_the_formula(kind: SparsePredictor) -> None:
    batch = rows(200)
    kind = learned(kind)
    np.testing.assert_allclose(kind.means(batch), formula(kind, batch), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_a_row_has_the_same_bits_alone_and_in_any_batch(
    kind: SparsePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, kind = rows(150), learned(kind)
    together = kind.means(batch)
    alone = np.concatenate([kind.means(batch.slice(row, 1)) for row in range(150)])
    assert together.tobytes() == alone.tobytes()
    monkeypatch.setattr(predictors, "BLOCK_BYTES", 8 * LAYOUT.width * kind.width * 7)
    assert kind.means(batch).tobytes() == together.tobytes()
    assert len(kind.means(batch.slice(0, 0))) == 0


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_a_large_table_holds_touched_features_alone_and_gives_the_same_bits(
    kind: SparsePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, dense = rows(150), learned(kind)
    monkeypatch.setattr(tables, "DENSE_BYTES", 0)
    keyed = learned(kind)
    assert len(keyed.table.table) == 1 + 2 * kind.dimension // 3 + 1
    assert keyed.means(batch).tobytes() == dense.means(batch).tobytes()
    assert keyed.table.dense().tobytes() == dense.table.dense().tobytes()
    assert keyed.files() == dense.files()


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_a_chain_that_is_read_back_scores_the_same(kind: SparsePredictor) -> None:
    batch, files, specs = rows(20), {}, []
    chain = Chain((learned(kind),))
    chain.write(files.__setitem__, lambda _, written: specs.extend(written))
    again = Chain.read(specs, files.__getitem__)
    assert again.predict(batch).tobytes() == chain.predict(batch).tobytes()
    assert again.output_schema(batch.schema) == again.apply(batch).schema
    with pytest.raises(InvalidInputError, match=rf"{kind.type}\.{chain.score_column}: the rows already have"):
        again.apply(again.apply(batch))


def test_probabilities_and_rates_stay_finite_at_any_margin() -> None:
    batch = pa.RecordBatch.from_pydict({"wind": [-1e30, 1e30]})
    layout = Layout.of([Feature("wind")])
    one = Weights.of(2, np.array([1]), np.ones((1, 1), np.float32))
    assert Linear(layout=layout, link="logistic").holding(one).means(batch).tolist() == [0, 1]
    rates = Linear(layout=layout, link="log").holding(one).means(batch)
    assert rates[0] == 0
    assert 1e300 < rates[1] < math.inf
    three = Weights.of(2, np.array([1]), np.array([[1, 0, -1]], np.float32))
    shares = Softmax(layout=layout, classes=3).holding(three).means(batch)
    assert shares.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="72 × 1"):
        Linear(layout=LAYOUT, link="log").holding(Weights.of(72, np.array([1]), np.ones((1, 2), np.float32)))
    with pytest.raises(ValueError, match="weights for 72 features"):
        Linear.of(LAYOUT, np.zeros(5, np.float32))

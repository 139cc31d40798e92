"""The compiled path for few rows against the chain over Arrow batches: the same bits."""

from __future__ import annotations

import datetime
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.serving.row_path.path import RowPath
from stagecraft.serving.row_path.plan import NotCompiledError
from stagecraft.serving.rows import rows_of, table_of
from stagecraft.stages.boosting import BoostingParameters, grow
from stagecraft.stages.isolation import grow as grow_isolation
from stagecraft.transforms.categorical import FittedHash, FittedIndex
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import (
    MissingEncoding,
    NumberEncoding,
    NumericEncoding,
    OneHotEncoding,
    SlotEncoding,
)
from stagecraft.transforms.factorization import FactorizationMachine
from stagecraft.transforms.field_aware import FieldAware
from stagecraft.transforms.isolation_forest import IsolationForest
from stagecraft.transforms.leaf_encode import LeafEncode
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.numeric import FittedBin, FittedClip, FittedFill, FittedLog, FittedScale
from stagecraft.transforms.predictor import SparsePredictor
from stagecraft.transforms.softmax import Softmax
from stagecraft.transforms.weights import Weights

FILL, SCALE = FittedFill(value=0.3), FittedScale(shift=0.1, scale=7.3)
LOG, CLIP = FittedLog(offset=1.0, low=-0.5), FittedClip(low=-2.0, high=3.0)
BIN = FittedBin(edges=[-1.0, 0.0, 0.5, 3.0])
MANY_BINS = FittedBin(edges=np.linspace(-5, 5, 300).tolist())
INDEX = FittedIndex(vocabulary=["a", "b&c", "true", "7", "2013-01-02", "ü" * 40])
FILLED = FittedIndex(vocabulary=["a", "b&c"], fill="a")


def hashing(salt: str, fill: str | None = None) -> FittedHash:
    return FittedHash(bits=11, salt=salt, fill=fill)


def rows(count: int, seed: int = 0) -> pa.Table:
    """Raw rows of every type that is compiled; a fifth of the values is missing, and some are odd."""
    rng = np.random.default_rng(seed)

    def some(values: list[Any], kind: pa.DataType) -> pa.Array:
        chosen = [values[number] for number in rng.integers(0, len(values), count)]
        return pa.array([None if rng.random() < 0.2 else value for value in chosen], kind)

    numbers = [*rng.normal(0, 3, 200).tolist(), -0.0, 0.0, 0.5, 1e300, -1e300, 5e-324, 3.4028235677973366e38]
    texts = ["a", "b&c", "", "%", "a&b", "ü" * 40, "x" * 33, "y" * 100, "true", "N123", "\U0001f600", "abcde"]
    days = [datetime.date(2013, 1, 1) + datetime.timedelta(days=day) for day in range(40)]
    return pa.table(
        {
            "x": some(numbers, pa.float64()),
            "text": some(texts, pa.string()),
            "single": some([value for value in numbers if abs(value) < 1e38], pa.float32()),
            "whole": some([*range(-20, 20), 7, 2**31 - 1], pa.int64()),
            "small": some(list(range(256)), pa.uint8()),
            "flag": some([True, False], pa.bool_()),
            "day": some(days, pa.date32()),
            "large": some(texts, pa.large_string()),
        }
    )


def slot(columns: list[str], fitted: Any, output: str | None = None) -> SlotEncoding:
    return SlotEncoding(columns=columns, output=output or "_x_".join(columns), map=fitted)


ENCODINGS: dict[str, list[Any]] = {
    "as it is": [NumericEncoding(column=name, maps=[]) for name in ("x", "single", "whole", "small", "flag")],
    "fill, scale": [
        NumericEncoding(column=name, maps=[FILL, SCALE]) for name in ("x", "single", "whole", "flag")
    ],
    "scale, fill": [NumericEncoding(column="x", maps=[SCALE, FILL])],
    "logarithm": [
        NumericEncoding(column="x", maps=[FILL, LOG, SCALE]),
        NumericEncoding(column="single", maps=[LOG]),
        NumericEncoding(column="small", maps=[CLIP, FittedLog(offset=1.0, low=0.0), FILL, BIN]),
    ],
    "clip": [
        NumericEncoding(column="x", maps=[CLIP, SCALE]),
        NumericEncoding(column="single", maps=[FittedClip(low=0.25)]),
        NumericEncoding(column="whole", maps=[FittedClip(high=3.5)]),
    ],
    "bins": [
        NumericEncoding(column="x", maps=[BIN]),
        NumericEncoding(column="single", maps=[SCALE, MANY_BINS]),
        NumericEncoding(column="whole", maps=[FILL, BIN]),
    ],
    "missing": [MissingEncoding(column=name) for name in ("x", "text", "single", "whole", "flag", "day")],
    "index": [slot([name], INDEX) for name in ("text", "whole", "flag", "day", "large")],
    "index, filled": [slot([name], FILLED) for name in ("text", "whole")],
    "hash": [slot([name], hashing(name)) for name in ("text", "whole", "flag", "day", "large", "small")],
    "hash, filled": [slot(["text"], hashing("text", fill="none"))],
    "cross": [
        slot(["text", "whole"], hashing("a")),
        slot(["text", "large", "flag"], hashing("b", fill="?")),
        slot(["day", "flag"], FittedIndex(vocabulary=["2013-01-02&true"])),
    ],
    "one-hot": [OneHotEncoding(columns=["text"], output="t", map=INDEX, unseen=True)],
    "numbers": [
        NumberEncoding(columns=["text"], output="mean", map=INDEX, values=[[0.1, 1e39, -2, 3, 0.7, 5, 6, 7]])
    ],
}


def by_arrow(chain: Chain, table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    batch = table.select(chain.input_columns()).combine_chunks().to_batches()[0]
    csr = chain.layout.csr(chain.encoder.apply(batch))
    shape = (table.num_rows, chain.layout.width)
    return csr.indices.reshape(shape), csr.values.reshape(shape)


def by_row(path: RowPath, table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """One row at a time, as requests have them."""
    found = []
    for row in rows_of(table):
        read = path.read(json.dumps({"rows": [row]}))
        assert read is not None, row
        encoded = path.encoded(read[1])
        assert encoded is not None, row
        found.append(encoded)
    numbers, values = zip(*found, strict=True)
    return np.concatenate(numbers), np.concatenate(values)


def compiled(chain: Chain, table: pa.Table) -> RowPath:
    return RowPath(chain, pa.schema([table.schema.field(name) for name in chain.input_columns()]))


def linear(*transforms: Any, seed: int = 1) -> Chain:
    chain = Chain(transforms)
    weights = np.random.default_rng(seed).normal(0, 0.3, chain.layout.dimension).astype(np.float32)
    return chain.then(Linear.of(chain.layout, weights))


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_gives_the_same_bits(name: str) -> None:
    table = rows(400)
    chain = linear(Encode(encodings=ENCODINGS[name]))
    expected, found = by_arrow(chain, table), by_row(compiled(chain, table), table)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1].view(np.uint32), expected[1].view(np.uint32))


@pytest.fixture(scope="module")
def deep() -> Chain:
    """Encode → trees, whose raw and encoded columns have missing values."""
    table = rows(400, seed=3)
    encode = Encode(
        encodings=[
            NumericEncoding(column="x", maps=[CLIP]),
            NumericEncoding(column="whole", maps=[BIN]),
            slot(["text"], INDEX),
            slot(["text", "flag"], hashing("c"), "crossed"),
        ]
    )
    encoded = encode.apply(table.combine_chunks().to_batches()[0])
    columns = ["x", "single", "whole", "flag", "text"]
    features = np.column_stack(
        [np.asarray(encoded.column(name).cast("float32", safe=False).fill_null(np.nan)) for name in columns]
    )
    label = (np.nan_to_num(features, posinf=0, neginf=0).sum(axis=1) > 4).astype(np.float32)
    trees = grow(features, label, None, BoostingParameters(rounds=12, depth=4), threads=1)[1]
    return Chain((encode, LeafEncode.of(trees, columns)))


def test_trees_over_raw_and_encoded_columns(deep: Chain) -> None:
    table = rows(400, seed=5)
    chain = linear(*deep.transforms)
    path = compiled(chain, table)
    expected, found = by_arrow(chain, table), by_row(path, table)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])
    assert len(np.unique(expected[0])) > 60


def models(chain: Chain) -> list[SparsePredictor]:
    layout, rng = chain.layout, np.random.default_rng(2)
    made: list[SparsePredictor] = [
        Linear(layout=layout, link="identity"),
        Linear(layout=layout, link="log"),
        Linear(layout=layout, link="logistic"),
        FactorizationMachine(layout=layout, factors=3, link="logistic"),
        FieldAware(layout=layout, factors=2, link="logistic"),
        Softmax(layout=layout, classes=4),
    ]
    return [
        each.holding(
            Weights(layout.dimension, rng.normal(0, 0.2, (layout.dimension, each.width)).astype(np.float32))
        )
        for each in made
    ]


def test_every_model_scores_alike(deep: Chain) -> None:
    table = rows(60, seed=6)
    batch = table.select(deep.input_columns()).combine_chunks().to_batches()[0]
    for model in models(deep):
        chain = deep.then(model)
        inputs = compiled(chain, table).take(rows_of(table))
        assert inputs is not None
        found = compiled(chain, table).scores(inputs)
        assert found == pytest.approx(chain.predict(batch), rel=1e-13, abs=1e-300), model.type


def test_weights_that_are_kept_by_their_keys(deep: Chain) -> None:
    table = rows(40, seed=7)
    keys = np.arange(0, deep.layout.dimension, 3, dtype=np.int32)
    held = np.append(np.random.default_rng(0).normal(size=(len(keys), 1)), [[0]], axis=0).astype(np.float32)
    weights = Weights(deep.layout.dimension, held, np.append(keys, 2**31 - 1).astype(np.int32))
    chain = deep.then(Linear(layout=deep.layout, link="logistic").holding(weights))
    path = compiled(chain, table)
    inputs = path.take(rows_of(table))
    batch = table.select(chain.input_columns()).combine_chunks().to_batches()[0]
    assert inputs is not None
    assert path.scores(inputs) == pytest.approx(chain.predict(batch), rel=1e-13)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("x", '"1"'),
        ("x", "true"),
        ("x", "NaN"),
        ("x", "1e400"),
        ("whole", "1.5"),
        ("whole", str(2**53)),
        ("small", "256"),
        ("small", "-1"),
        ("flag", "1"),
        ("text", "1"),
        ("text", '"\\ud800"'),
        ("day", '"2013-02-30"'),
        ("day", '"2013-01-01T00:00:00"'),
    ],
)
def test_what_is_not_of_its_type_is_left_to_arrow(column: str, text: str) -> None:
    table = rows(1)
    chain = linear(
        Encode(
            encodings=[
                NumericEncoding(column="x", maps=[]),
                NumericEncoding(column="whole", maps=[LOG]),
                NumericEncoding(column="small", maps=[]),
                *(slot([name], hashing(name)) for name in ("flag", "text", "day")),
            ]
        )
    )
    path = compiled(chain, table)
    row = {name: "null" for name in chain.input_columns()} | {column: text}
    body = '{"rows": [{' + ",".join(f'"{name}":{value}' for name, value in row.items()) + "}]}"
    read = path.read(body)
    assert read is None or path.scores(read[1]) is None


def test_numbers_without_a_fraction_may_be_written_either_way(deep: Chain) -> None:
    chain = linear(Encode(encodings=[slot(["whole"], hashing("w")), NumericEncoding(column="x", maps=[])]))
    path = compiled(chain, rows(1))
    one = path.read('{"rows": [{"whole": 7.0, "x": 1, "more": [1]}], "model": "m"}')
    other = path.read('{"rows": [{"x": 1.0, "whole": 7}]}')
    assert one is not None
    assert other is not None
    assert path.scores(one[1]) == path.scores(other[1])
    assert one[0].model == "m"
    assert path.read('{"rows": [{"whole": 7}]}') is None, "an absent column"
    assert path.read('{"rows": [{"x": 1.0, "whole": 7}], "modle": "m"}') is None
    assert path.take([{"whole": 7, "x": math.nan}]) is None


def test_raw_numbers_are_the_rows_that_json_has() -> None:
    table = rows(50).select(["x", "single", "whole", "flag"])
    numbers = [NumericEncoding(column=name, maps=[FILL]) for name in ("x", "single", "whole", "flag")]
    path = compiled(
        chain := linear(Encode(encodings=[*numbers, slot(["whole"], hashing("w"), "slot")])), table
    )
    table = table.set_column(0, "x", table["x"].cast(pa.float32(), safe=False).cast(pa.float64()))
    finite = [row for row in table.to_pylist() if abs(row["x"] or 0) < 1e39 and (row["whole"] or 0) < 2**24]
    matrix = np.array([[row[name] for name in chain.input_columns()] for row in finite], dtype=np.float32)
    by_matrix, by_json = path.take_matrix(matrix), path.take(finite)
    assert by_matrix is not None
    assert np.array_equal(by_matrix, by_json, equal_nan=True)


def test_what_the_plan_does_not_know_goes_through_arrow() -> None:
    schema = pa.schema([("at", pa.timestamp("us")), ("x", pa.float64())])
    chain = linear(Encode(encodings=[NumericEncoding(column="x", maps=[]), MissingEncoding(column="at")]))
    with pytest.raises(NotCompiledError, match="at"):
        RowPath(chain, schema)
    table = table_of([{"at": None, "x": 1.0}], schema)
    assert chain.predict(table.to_batches()[0]).shape == (1,)


def test_isolation_forest() -> None:
    table = rows(300, seed=8).select(["x", "single", "small"])
    small = table.set_column(0, "x", pa.array(np.random.default_rng(0).normal(size=300)))
    features = np.column_stack(
        [np.asarray(small[name].cast("double").fill_null(np.nan)) for name in small.schema.names]
    )
    trees = grow_isolation(features, trees=20, sample_size=64, seed=1)
    chain = Chain((IsolationForest.of(trees, small.schema.names, 64),))
    path = compiled(chain, small)
    inputs = path.take(rows_of(small))
    assert inputs is not None
    assert np.array_equal(path.scores(inputs), chain.predict(small.combine_chunks().to_batches()[0]))

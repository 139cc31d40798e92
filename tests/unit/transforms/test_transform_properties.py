"""What every fitted transform promises, for any rows: batching, missing values, and storing change no bit."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.stages.boosting import BoostingParameters, grow
from stagecraft.transforms.categorical import FittedHash, FittedIndex, categories
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import MissingEncoding, NumericEncoding, SlotEncoding
from stagecraft.transforms.leaf_encode import LeafEncode
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.numeric import FittedFill, FittedScale

SCHEMA = pa.schema(
    [
        ("wind", pa.float64()),
        ("seats", pa.int64()),
        ("late", pa.bool_()),
        ("carrier", pa.string()),
        ("tail", pa.string()),
        ("day", pa.date32()),
        ("plain", pa.string()),
    ]
)
TEXT = st.one_of(st.none(), st.sampled_from(["", "UA", "AA", "ü", "雪", "\x00", "a\x00b", " "]), st.text())
ROW = st.fixed_dictionaries(
    {
        "wind": st.one_of(st.none(), st.floats(), st.sampled_from([0.0, -0.0, 0.5, 1.5])),
        "seats": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        "late": st.one_of(st.none(), st.booleans()),
        "carrier": TEXT,
        "tail": TEXT,
        "day": st.one_of(st.none(), st.dates()),
        "plain": TEXT,
    }
)
ROWS = st.lists(ROW, max_size=20)
quickly = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def encode() -> Encode:
    return Encode(
        encodings=[
            NumericEncoding(column="wind", maps=[FittedFill(value=0.25), FittedScale(shift=3.3, scale=0.7)]),
            NumericEncoding(column="seats", maps=[FittedScale(shift=0.1, scale=7.0)]),
            NumericEncoding(column="late", maps=[]),
            SlotEncoding(columns=["carrier"], output="carrier", map=FittedIndex(vocabulary=["UA", "", "雪"])),
            SlotEncoding(columns=["tail"], output="tail", map=FittedHash(bits=5, salt="tail")),
            SlotEncoding(columns=["day"], output="day", map=FittedIndex(vocabulary=["2013-01-01"])),
        ],
    )


def batch(rows: list[dict[str, object]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def random_features(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Values of few digits, so that rows fall on thresholds, a fifth of them missing."""
    draw = np.random.default_rng(seed)
    features = draw.integers(-8, 8, (rows, columns)).astype(np.float32) / 4
    features[draw.random((rows, columns)) < 0.2] = np.nan
    return features


def leaf_encode(columns: list[str], depth: int = 4) -> LeafEncode:
    features = random_features(500, len(columns))
    label = (np.nansum(features, axis=1) + np.isnan(features[:, 0]) > 0.3).astype(np.float32)
    _, table = grow(features, label, None, BoostingParameters(rounds=12, depth=depth), threads=1)
    return LeafEncode.of(table, columns)


@pytest.fixture(scope="module")
def chain() -> Chain:
    encoder = Chain((encode(),))
    leaves = encoder.then(leaf_encode(["wind", "seats", "late", "carrier", "tail", "day"]))
    weights = np.random.default_rng(1).normal(size=leaves.layout.dimension).astype(np.float32)
    weights[::3] = 0
    return leaves.then(Linear.of(leaves.layout, weights))


def same_bits(left: pa.RecordBatch | pa.Table, right: pa.RecordBatch | pa.Table) -> bool:
    """NaN equals itself here, and -0.0 differs from 0.0."""

    def bits(rows: pa.RecordBatch | pa.Table) -> list[object]:
        return [
            [value.hex() if isinstance(value, float) else value for value in column.to_pylist()]
            for column in rows.columns
        ]

    return left.schema == right.schema and bits(left) == bits(right)


@quickly
@given(rows=ROWS, cuts=st.lists(st.integers(0, 20)))
def test_any_batching_gives_the_same_bits(
    chain: Chain, rows: list[dict[str, object]], cuts: list[int]
) -> None:
    whole = batch(rows)
    expected = chain.apply(whole)
    assert expected.schema == chain.output_schema(whole.schema)
    places = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    for bounds in (places, range(len(rows) + 1)):
        parts = [
            chain.apply(whole.slice(start, stop - start))
            for start, stop in zip(list(bounds)[:-1], list(bounds)[1:], strict=True)
        ]
        assert same_bits(pa.Table.from_batches(parts, expected.schema), pa.Table.from_batches([expected]))


@quickly
@given(rows=ROWS)
def test_scores_are_probabilities_and_encoded_values_finite(
    chain: Chain, rows: list[dict[str, object]]
) -> None:
    made = chain.apply(batch(rows))
    scores = made.column("score").to_numpy()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.isfinite(made.column("wind").to_numpy()).all()


@quickly
@given(rows=st.lists(ROW, min_size=1, max_size=8))
def test_nan_and_null_are_one(rows: list[dict[str, object]]) -> None:
    nulls = [{**row, "wind": None} for row in rows]
    nans = [{**row, "wind": float("nan")} for row in rows]
    assert same_bits(encode().apply(batch(nulls)), encode().apply(batch(nans)))


@quickly
@given(rows=ROWS)
def test_other_columns_pass_through(rows: list[dict[str, object]]) -> None:
    raw = batch(rows)
    assert encode().apply(raw).column("plain").equals(raw.column("plain"))


@quickly
@given(value=TEXT, bits=st.integers(1, 30), salt=st.text(max_size=40))
def test_hash_stays_in_its_range_and_is_zero_for_missing_alone(
    value: str | None, bits: int, salt: str
) -> None:
    [slot] = FittedHash(bits=bits, salt=salt).slots(pa.array([value], pa.string()))
    assert (slot == 0) if value is None else (1 <= slot < 2**bits)


def test_hash_is_what_it_was() -> None:
    """A stored model must read rows as it did when it was fitted: these slots never change."""
    texts = pa.array(["N14228", "", "雪", None])
    hashed = FittedHash(bits=14, salt="tailnum")
    slots = hashed.slots(texts).tolist()
    assert hashed.slots(texts.dictionary_encode()).tolist() == slots == [1535, 10378, 13420, 0]


@quickly
@given(vocabulary=st.lists(st.text(), unique=True), value=TEXT)
def test_index_follows_its_vocabulary(vocabulary: list[str], value: str | None) -> None:
    index = FittedIndex(vocabulary=vocabulary)
    assert index.slots(pa.array(vocabulary, pa.string())).tolist() == list(range(2, index.size))
    [slot] = index.slots(pa.array([value], pa.string()))
    assert slot == (0 if value is None else vocabulary.index(value) + 2 if value in vocabulary else 1)


@pytest.mark.parametrize(
    ("values", "kind", "text"),
    [
        ([True, False, None], pa.bool_(), ["true", "false", None]),
        ([1, -7, None], pa.int64(), ["1", "-7", None]),
        ([255, 0, None], pa.uint8(), ["255", "0", None]),
        (
            [datetime.date(2013, 1, 1), datetime.date(1, 1, 1), None],
            pa.date32(),
            ["2013-01-01", "0001-01-01", None],
        ),
        (["a", "", None], pa.large_string(), ["a", "", None]),
        ([None, None, None], pa.null(), [None, None, None]),
    ],
)
def test_categorical_types_have_the_text_that_sql_gives(
    values: list[object], kind: pa.DataType, text: list[str | None]
) -> None:
    vocabulary = [value for value in text if value is not None]
    made = FittedIndex(vocabulary=vocabulary).slots(categories([pa.array(values, kind)]))
    expected = [0 if value is None else 2 + vocabulary.index(value) for value in text]
    assert made.dtype == np.int8
    assert made.tolist() == expected


@pytest.mark.parametrize(
    "kind",
    [pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.bool_(), pa.null(), pa.float16()],
)
def test_a_numeric_column_of_nulls_is_missing(kind: pa.DataType) -> None:
    raw = pa.RecordBatch.from_arrays([pa.nulls(3, kind)], ["wind"])
    one = Encode(encodings=[NumericEncoding(column="wind", maps=[FittedFill(value=2)])])
    assert one.apply(raw).column("wind").to_pylist() == [2, 2, 2]


def test_values_beyond_float32_become_its_largest() -> None:
    raw = pa.RecordBatch.from_pydict({"wind": [float("inf"), -float("inf"), 1e300, -1e300]})
    one = Encode(encodings=[NumericEncoding(column="wind", maps=[])])
    limit = float(np.finfo(np.float32).max)
    assert one.apply(raw).column("wind").to_pylist() == [limit, -limit, limit, -limit]


@pytest.mark.parametrize(
    ("numeric", "kind"),
    [
        (True, pa.string()),
        (True, pa.date32()),
        (True, pa.timestamp("us")),
        (True, pa.decimal128(10, 2)),
        (True, pa.list_(pa.int32())),
        (False, pa.float64()),
        (False, pa.float32()),
        (False, pa.timestamp("us", "UTC")),
        (False, pa.decimal128(10, 2)),
        (False, pa.binary()),
    ],
)
def test_types_without_one_meaning_are_refused_by_name(numeric: bool, kind: pa.DataType) -> None:
    number = NumericEncoding(column="wind", maps=[])
    slot = SlotEncoding(columns=["wind"], output="wind", map=FittedIndex(vocabulary=[]))
    one = Encode(encodings=[number if numeric else slot])
    with pytest.raises(InvalidInputError, match=r"encode\.wind: the column is of type"):
        one.apply(pa.RecordBatch.from_arrays([pa.nulls(1, kind)], ["wind"]))


def test_a_column_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match=r"encode\.wind: no column 'wind'.*'seats'"):
        encode().output_schema(pa.schema([("seats", pa.int64())]))


def test_columns_of_one_name_are_refused() -> None:
    entry = NumericEncoding(column="wind", maps=[])
    raw = pa.schema([("wind", pa.float64()), ("WIND_missing", pa.int32())])
    with pytest.raises(InvalidInputError, match="named 'wind' and 'wind'"):
        Encode(encodings=[entry, entry]).output_schema(raw)
    with pytest.raises(InvalidInputError, match="named 'WIND_missing' and 'wind_missing'"):
        Encode(encodings=[MissingEncoding(column="wind")]).output_schema(raw)


def test_columns_that_a_chain_adds_must_not_be_there(chain: Chain) -> None:
    for column in ("leaves", "score"):
        with pytest.raises(InvalidInputError, match=f"already have a column '{column}'"):
            chain.output_schema(SCHEMA.append(pa.field(column, pa.float64())))


def test_no_rows_give_no_rows(chain: Chain) -> None:
    empty = batch([])
    assert chain.apply(empty).num_rows == 0
    assert chain.apply(empty).schema == chain.output_schema(SCHEMA)
    assert chain.predict(empty).shape == (0,)
    assert chain.layout.csr(chain.encoder.apply(empty)).indices.shape == (0,)


@quickly
@given(rows=st.lists(ROW, min_size=1, max_size=12))
def test_rows_become_ascending_features_below_the_dimension(
    chain: Chain, rows: list[dict[str, object]]
) -> None:
    layout = chain.layout
    indptr, indices, values = layout.csr(chain.encoder.apply(batch(rows)))
    assert indptr.tolist() == list(range(0, len(indices) + 1, layout.width))
    matrix = indices.reshape(len(rows), layout.width)
    assert (np.diff(matrix, axis=1) > 0).all()
    assert matrix.min() == 0
    assert matrix.max() < layout.dimension
    assert len(values) == len(indices)


def test_a_missing_number_is_no_feature_of_the_row(chain: Chain) -> None:
    raw = batch([{"late": None}])
    assert np.isnan(chain.encoder.apply(raw).column("late").to_numpy()[0])
    assert chain.layout.csr(chain.encoder.apply(raw)).values[chain.layout.columns.index("late") + 1] == 0


def test_chunked_rows_have_the_same_features(chain: Chain) -> None:
    encoded = chain.encoder.apply(batch([{"wind": 1.0, "carrier": "UA"}, {"seats": 3}, {"tail": "x"}]))
    chunked = pa.Table.from_batches([encoded.slice(0, 1), encoded.slice(1)])
    for left, right in zip(chain.layout.csr(encoded), chain.layout.csr(chunked), strict=True):
        np.testing.assert_array_equal(left, right)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(ROW, min_size=1, max_size=6))
def test_a_stored_chain_gives_the_same_bits(
    chain: Chain, rows: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(str(tmp_path_factory.mktemp("store")))
    draft = store.draft(Kind.MODEL, "f" * 32, lineage={"stage": "test"})
    fill_model(draft, chain, pa.Table.from_batches([batch(rows)]), labels=[False, True])
    model = draft.commit()
    assert isinstance(model, Model)
    assert same_bits(model.chain.apply(batch(rows)), chain.apply(batch(rows)))
    golden = model.golden()
    again = model.chain.predict(golden.select(model.chain.input_columns()).combine_chunks().to_batches()[0])
    np.testing.assert_array_equal(again, golden["score"].to_numpy())
    assert model.input_schema.equals(pa.schema([SCHEMA.field(name) for name in chain.input_columns()]))


def test_weights_of_another_length_are_refused(chain: Chain) -> None:
    with pytest.raises(ValueError, match="weights for"):
        Linear.of(chain.layout, np.zeros(3, dtype=np.float32))


def test_a_vocabulary_of_many_values_is_mapped_by_distinct_value() -> None:
    """Work goes with the distinct values: 200,000 rows ask for no more than 50."""
    asked: list[int] = []

    class Counting(FittedIndex):
        def _distinct(self, texts: pa.Array) -> np.ndarray:
            asked.append(len(texts))
            return super()._distinct(texts)

    column = pa.array(np.random.default_rng(0).integers(0, 50, 200_000)).cast(pa.string())
    Counting(vocabulary=["1", "2"]).slots(column)
    assert asked == [50]

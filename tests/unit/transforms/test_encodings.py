"""Every fitted encoding of categories: each row by itself, whatever texts it holds."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagecraft.errors import InvalidInputError
from stagecraft.transforms.base import Transform
from stagecraft.transforms.categorical import FittedHash, FittedIndex, categories, slot_type
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import (
    LabelEncoding,
    MissingEncoding,
    NumberEncoding,
    NumericEncoding,
    OneHotEncoding,
    SlotEncoding,
)
from stagecraft.transforms.layout import LARGEST, LARGEST_INT32, Feature, Layout
from stagecraft.transforms.numeric import FittedBin, FittedFill

SCHEMA = pa.schema(
    [
        ("a", pa.string()),
        ("b b", pa.int64()),
        ('"select"', pa.date32()),
        ("x", pa.float64()),
        ("plain", pa.string()),
    ]
)
NASTY = st.sampled_from(
    ["", "&", "%", "%26", "a&b", "\x00", "a", "A", "ü", "u\u0308", "'", '"', "\\", " ", "😀"]
)
TEXT = st.one_of(st.none(), NASTY, st.text(max_size=4))
ROW = st.fixed_dictionaries(
    {
        "a": TEXT,
        "b b": st.one_of(st.none(), st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1)),
        '"select"': st.one_of(st.none(), st.dates(datetime.date(2013, 1, 1), datetime.date(2013, 1, 4))),
        "x": st.one_of(st.none(), st.floats(), st.sampled_from([0.0, 1.0])),
        "plain": TEXT,
    }
)
ENCODE = Encode(
    encodings=[
        SlotEncoding(columns=["a"], output="a", map=FittedIndex(vocabulary=["a", "", "ü"], fill="ü")),
        OneHotEncoding(columns=["a"], output="a", map=FittedIndex(vocabulary=["a", "&"]), unseen=True),
        NumberEncoding(
            columns=["a"], output="a_count", map=FittedIndex(vocabulary=["a"]), values=[[5.0, 0.0, 7.0]]
        ),
        SlotEncoding(columns=["b b"], output="b b", map=FittedHash(bits=9, salt="b b", fill="?")),
        SlotEncoding(columns=["a", "b b"], output="a_x_b b", map=FittedHash(bits=16, salt="a_x_b b")),
        SlotEncoding(
            columns=["a", "b b", '"select"'], output="all", map=FittedIndex(vocabulary=["%26&0&2013-01-01"])
        ),
        NumericEncoding(column="x", maps=[FittedFill(value=0.5), FittedBin(edges=[0.0, 1.0])]),
        MissingEncoding(column="x"),
        MissingEncoding(column='"select"'),
    ]
)
quickly = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def batch(rows: list[dict[str, object]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


@quickly
@given(rows=st.lists(ROW, max_size=12), cut=st.integers(0, 12))
def test_each_row_by_itself_is_encoded_as_in_any_batch(rows: list[dict[str, object]], cut: int) -> None:
    whole = batch(rows)
    expected = ENCODE.apply(whole)
    assert expected.schema == ENCODE.output_schema(SCHEMA)
    alone = [ENCODE.apply(whole.slice(row, 1)) for row in range(len(rows))]
    halves = [ENCODE.apply(whole.slice(0, cut)), ENCODE.apply(whole.slice(cut))]
    for parts in (alone, halves):
        assert pa.Table.from_batches(parts, expected.schema).equals(pa.Table.from_batches([expected]))


@quickly
@given(rows=st.lists(ROW, max_size=12))
def test_a_chain_from_json_encodes_the_same(rows: list[dict[str, object]]) -> None:
    again: Transform = Encode.model_validate(ENCODE.model_dump(mode="json"))
    assert again.apply(batch(rows)).equals(ENCODE.apply(batch(rows)))


@quickly
@given(rows=st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=12))
def test_crosses_are_equal_where_all_their_parts_are(rows: list[tuple[str | None, ...]]) -> None:
    columns = [pa.array([row[part] for row in rows], pa.string()) for part in range(3)]
    crossed = categories(columns).to_pylist()
    assert [text is None for text in crossed] == [None in row for row in rows]
    known = [(text, row) for text, row in zip(crossed, rows, strict=True) if text is not None]
    for text, row in known:
        for other, other_row in known:
            assert (text == other) == (row == other_row)


@quickly
@given(texts=st.lists(TEXT, min_size=1, max_size=12))
def test_one_column_at_most_is_hot(texts: list[str | None]) -> None:
    for unseen in (False, True):
        hot = OneHotEncoding(
            columns=["a"], output="a", map=FittedIndex(vocabulary=["a", "", "ü"]), unseen=unseen
        )
        raw = pa.RecordBatch.from_arrays([pa.array(texts, pa.string())], ["a"])
        made = np.array([column.to_pylist() for column in hot.apply(raw)]).T
        names = [field.name for field in hot.outputs()]
        assert names == ["a=a", "a=", "a=ü", *(["a_unseen"] if unseen else [])]
        for text, row in zip(texts, made.tolist(), strict=True):
            known = f"a={text}" if text in ("a", "", "ü") else "a_unseen"
            assert row == [float(text is not None and name == known) for name in names]


def test_columns_are_replaced_in_place_and_others_follow() -> None:
    encoded = ENCODE.apply(batch([{"a": "&", "b b": 0, '"select"': datetime.date(2013, 1, 1), "x": None}]))
    names = ["a", "b b", "x", "plain", "a=a", "a=&", "a_unseen", "a_count", "a_x_b b", "all"]
    assert encoded.schema.names == [*names, "x_missing", '"select"_missing']
    row = encoded.to_pylist()[0]
    assert (row["a"], row["a=&"], row["a_count"], row["all"], row["x"]) == (1, 1, 0, 2, 2)
    assert (row["x_missing"], row['"select"_missing'], row["plain"]) == (1, 0, None)
    features = ENCODE.features()
    assert features[0] == Feature("a", "slot", 5)
    assert [feature.column for feature in features] == ENCODE.output_columns()


def test_a_missing_value_is_as_its_filling() -> None:
    texts = pa.array(["x", None])
    for each in (FittedIndex(vocabulary=["y", "x"], fill="x"), FittedHash(bits=8, salt="s", fill="x")):
        filled, missing = each.slots(texts).tolist()
        assert filled == missing > 0


KINDS = {7: "int8", 8: "int16", 15: "int16", 16: "int32", 31: "int32", 32: "int64", 62: "int64"}


@pytest.mark.parametrize(("bits", "kind"), KINDS.items())
def test_slots_have_the_narrowest_type(bits: int, kind: str) -> None:
    one = SlotEncoding(columns=["a"], output="a", map=FittedHash(bits=bits, salt="a"))
    made = one.apply(pa.RecordBatch.from_pydict({"a": [str(number) for number in range(4000)]}))[0]
    assert str(made.type) == str(one.outputs()[0].type) == slot_type(1 << bits) == kind
    slots = made.to_numpy()
    assert slots.min() >= 1
    assert slots.max() < 1 << bits
    assert len(np.unique(slots)) > min(1 << bits, 4000) * 0.6


def test_classes_become_codes_in_their_order() -> None:
    label = LabelEncoding(column="late", classes=FittedIndex(vocabulary=["no", "yes"]))
    made = Encode(encodings=[label]).apply(pa.RecordBatch.from_pydict({"late": ["yes", "no"], "id": [1, 2]}))
    assert made.to_pylist() == [{"late": 1, "id": 1}, {"late": 0, "id": 2}]
    assert made.schema.types == [pa.int8(), pa.int64()]
    assert Encode(encodings=[label]).features() == []


def test_numbers_of_categories_stay_finite() -> None:
    values = [[1e300, -1e300, 1.5]]
    encoding = NumberEncoding(
        columns=["a"], output="a_target", map=FittedIndex(vocabulary=["a"]), values=values
    )
    [found] = encoding.apply(batch([{"a": None}, {"a": "?"}, {"a": "a"}]))
    largest = np.finfo(np.float32).max
    assert found.to_numpy().tolist() == [largest, -largest, 1.5]


def test_as_many_features_as_int64_numbers() -> None:
    assert Layout.of([Feature("a", "slot", LARGEST - 1)]).dimension == LARGEST
    with pytest.raises(InvalidInputError, match=r"encode\.columns\.a: .*would do: fewer bits"):
        Layout.of([Feature("a", "slot", LARGEST - 1), Feature("b")])


def test_numbers_of_features_are_int64_where_int32_ends() -> None:
    small = Layout.of([Feature("a", "slot", LARGEST_INT32 - 1)])
    large = Layout.of([Feature("a", "slot", LARGEST_INT32), Feature("b")])
    assert (small.index_type, large.index_type) == ("int32", "int64")
    small.check_held("stage.field", "less")
    with pytest.raises(InvalidInputError, match=r"stage\.field: 2147483649 features.*would do: less"):
        large.check_held("stage.field", "less")
    rows = pa.RecordBatch.from_pydict({"a": pa.array([LARGEST_INT32 - 1, 0]), "b": [0.5, 2.0]})
    csr = large.csr(rows)
    assert csr.indices.tolist() == [0, LARGEST_INT32, LARGEST_INT32 + 1, 0, 1, LARGEST_INT32 + 1]
    assert csr.values.tolist() == [1, 1, 0.5, 1, 1, 2]

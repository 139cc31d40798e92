from __future__ import annotations

import datetime
import decimal
import json
from typing import Any

import pyarrow as pa
import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.serving.rows import check_schema, json_columns, rows_of, table_of

UTC = datetime.UTC
VALUES: list[tuple[pa.DataType, Any]] = [
    (pa.float64(), 0.1 + 0.2),
    (pa.float32(), 0.10000000149011612),
    (pa.int64(), 2**63 - 1),
    (pa.int8(), -128),
    (pa.uint64(), 2**64 - 1),
    (pa.bool_(), True),
    (pa.string(), "Zürich"),
    (pa.large_string(), ""),
    (pa.date32(), datetime.date(2013, 2, 28)),
    (pa.timestamp("us"), datetime.datetime(2013, 1, 1, 5, 0, 0, 123456)),
    (pa.timestamp("s"), datetime.datetime(2013, 1, 1, 5)),
    (pa.timestamp("us", "UTC"), datetime.datetime(2013, 1, 1, 5, tzinfo=UTC)),
    (pa.timestamp("ms", "America/New_York"), datetime.datetime(2013, 7, 1, 5, tzinfo=UTC)),
    (pa.decimal128(9, 3), decimal.Decimal("1.500")),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=[str(kind) for kind, _ in VALUES])
def test_json_and_back_gives_the_same_bits(kind: pa.DataType, value: Any) -> None:
    table = pa.table({"x": pa.array([value, None, value], kind)})
    sent = json.loads(json.dumps(rows_of(table), allow_nan=False))
    assert table_of(sent, table.schema).equals(table)


def test_nanoseconds_survive() -> None:
    table = pa.table({"x": pa.array([1_356_998_400_123_456_789], pa.int64()).cast(pa.timestamp("ns"))})
    assert table_of(rows_of(table), table.schema).equals(table)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.float64(), "1"),
        (pa.float64(), True),
        (pa.float64(), float("nan")),
        (pa.float64(), float("inf")),
        (pa.float64(), 10**400),
        (pa.float64(), [1.0]),
        (pa.int64(), 1.5),
        (pa.int64(), 2**63),
        (pa.int64(), False),
        (pa.uint8(), -1),
        (pa.bool_(), 1),
        (pa.string(), 1),
        (pa.string(), {}),
        (pa.date32(), "2013-02-30"),
        (pa.date32(), "2013-02-28T00:00"),
        (pa.timestamp("us"), "2013-01-01T05:00:00Z"),
        (pa.timestamp("us"), 1356998400),
        (pa.timestamp("us"), "2013-01-01T05:00:00.1234567"),
        (pa.timestamp("us", "UTC"), "2013-01-01T05:00:00"),
        (pa.decimal128(9, 3), "1.2345"),
        (pa.decimal128(9, 3), True),
    ],
)
def test_a_value_of_another_type_is_named(kind: pa.DataType, value: Any) -> None:
    with pytest.raises(InvalidInputError) as refused:
        table_of([{"x": None}, {"x": value}], pa.schema([("x", kind)]))
    assert refused.value.where == "rows[1].x"
    assert repr(value)[:70] in str(refused.value)


def test_a_whole_number_may_be_written_either_way() -> None:
    schema = pa.schema([("i", pa.int64()), ("f", pa.float64())])
    assert table_of([{"i": 3.0, "f": 3}], schema).to_pylist() == [{"i": 3, "f": 3.0}]


def test_an_absent_column_is_not_a_missing_value() -> None:
    schema = pa.schema([("wind", pa.float64()), ("origin", pa.string())])
    with pytest.raises(InvalidInputError, match=r"rows\[1\]\.wind: the column is absent.*wind, origin"):
        table_of([{"wind": 1, "origin": "JFK"}, {"Wind": 1, "origin": "JFK"}], schema)


def test_unknown_columns_are_ignored() -> None:
    assert table_of([{"x": 1, "id": {"any": "thing"}}], pa.schema([("x", pa.int64())])).num_columns == 1


def test_what_json_cannot_carry_is_said_beforehand() -> None:
    schema = pa.schema([("x", pa.int64()), ("leaves", pa.list_(pa.int32())), ("raw", pa.binary())])
    with pytest.raises(InvalidInputError, match="leaves"):
        check_schema(schema)
    assert json_columns(schema) == ["x"]
    with pytest.raises(InvalidInputError, match=r"rows\[1\]\.x: JSON has no inf"):
        rows_of(pa.table({"x": [0.0, float("inf")]}))

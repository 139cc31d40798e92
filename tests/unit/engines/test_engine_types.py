from __future__ import annotations

import pyarrow as pa
import pytest

from stagecraft.engines.types import canonical
from stagecraft.errors import InvalidInputError


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (pa.int8(), pa.int32()),
        (pa.uint16(), pa.int32()),
        (pa.uint32(), pa.int64()),
        (pa.decimal128(38, 0), pa.int64()),
        (pa.decimal128(9, 2), pa.float64()),
        (pa.float16(), pa.float32()),
        (pa.null(), pa.int32()),
        (pa.dictionary(pa.int8(), pa.large_string()), pa.string()),
        (pa.date64(), pa.date32()),
        (pa.timestamp("ns"), pa.timestamp("us")),
        (pa.timestamp("s", "Europe/Berlin"), pa.timestamp("us", "UTC")),
        (pa.list_(pa.uint8(), 3), pa.list_(pa.int32())),
        (pa.large_list(pa.field("element", pa.large_string())), pa.list_(pa.string())),
    ],
)
def test_canonical_types(found: pa.DataType, expected: pa.DataType) -> None:
    made = canonical(pa.schema([("x", found)]))
    assert made == pa.schema([("x", expected)])
    assert canonical(made) == made


@pytest.mark.parametrize("kind", [pa.time64("us"), pa.duration("s"), pa.struct([("a", pa.int32())])])
def test_refuses_other_types(kind: pa.DataType) -> None:
    with pytest.raises(InvalidInputError, match=r"sql\.x: the type"):
        canonical(pa.schema([("x", kind)]), "sql")


def test_refuses_names_that_differ_by_case_only() -> None:
    with pytest.raises(InvalidInputError, match="'a' and 'A'"):
        canonical(pa.schema([("a", pa.int32()), ("A", pa.int32())]))

"""The column types that relations have, the same for every engine.

=============================================  ============================
found                                          canonical
=============================================  ============================
bool                                           bool
integers of up to 32 bits, null                int32 (uint32: int64); files may hold narrower ones
int64, uint64, decimal without digits after
the point (DuckDB's HUGEINT is one)            int64; a value beyond is an error
float16, float32                               float32
float64, decimal with digits after the point   float64
strings, dictionaries and enums of them        string
binary                                         binary
date                                           date32
timestamp without a zone                       timestamp[us]
timestamp with a zone                          timestamp[us, tz=UTC]
lists                                          list of the canonical type
=============================================  ============================

Anything else (time, interval, map, struct …) is refused, with the column's name. NULL and NaN are two
values: NaN stays NaN wherever rows go; it equals itself and is greater than every number.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as is_

from stagecraft.errors import InvalidInputError

UTC_TIME = pa.timestamp("us", "UTC")
LOCAL_TIME = pa.timestamp("us")


def canonical(schema: pa.Schema, where: str = "relation") -> pa.Schema:
    """Return the schema that rows of ``schema`` have in an engine.

    :param where: the stage or call that has these rows, for the message
    :raises InvalidInputError: a type that engines do not share, or two columns of one name (case ignored)

    >>> canonical(pa.schema([("n", pa.decimal128(38, 0)), ("who", pa.large_string())]))
    n: int64
    who: string
    """
    seen: dict[str, str] = {}
    for name in schema.names:
        if name.lower() in seen:
            raise InvalidInputError(
                f"{where}.{name}",
                f"two columns are named {seen[name.lower()]!r} and {name!r}",
                "names that differ by more than case",
            )
        seen[name.lower()] = name
    return pa.schema(
        [pa.field(field.name, _canonical(field.type, f"{where}.{field.name}")) for field in schema]
    )


def _canonical(kind: pa.DataType, where: str) -> pa.DataType:
    if is_.is_dictionary(kind):
        return _canonical(kind.value_type, where)
    if is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind):
        return pa.list_(_canonical(kind.value_type, where))
    if is_.is_timestamp(kind):
        return UTC_TIME if kind.tz else LOCAL_TIME
    if is_.is_decimal(kind):
        return pa.int64() if kind.scale == 0 else pa.float64()
    if is_.is_uint32(kind) or is_.is_uint64(kind):
        return pa.int64()
    if is_.is_int64(kind) or is_.is_float64(kind) or is_.is_boolean(kind):
        return kind
    if is_.is_integer(kind) or is_.is_null(kind):
        return pa.int32()
    if is_.is_floating(kind):
        return pa.float32()
    if is_.is_string(kind) or is_.is_large_string(kind) or is_.is_string_view(kind):
        return pa.string()
    if is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_fixed_size_binary(kind):
        return pa.binary()
    if is_.is_date(kind):
        return pa.date32()
    raise InvalidInputError(
        where,
        f"the type {kind} is not one that every engine has",
        "CAST it, to VARCHAR or a number; or select its parts",
    )


def sql_type(kind: pa.DataType, names: dict[pa.DataType, str], list_of: str) -> str:
    """Return the SQL name of a canonical type.

    :param names: canonical type → its name
    :param list_of: the pattern of a list's name
    """
    if is_.is_list(kind):
        return list_of.format(sql_type(kind.value_type, names, list_of))
    return names[kind]


def same(left: pa.Schema, right: pa.Schema) -> bool:
    """Whether names and types are equal; a list's field may be named otherwise."""
    return left.names == right.names and all(
        str(a) == str(b) if not is_.is_list(a) else is_.is_list(b) and a.value_type == b.value_type
        for a, b in zip(left.types, right.types, strict=True)
    )


def stored(found: pa.Schema, schema: pa.Schema) -> pa.Schema:
    """Return the types that a file of canonical rows has: narrow integers, and bytes of one length in each
    row, where ``found`` has them.

    >>> narrow = pa.schema([("slot", pa.int8()), ("x", pa.float16())])
    >>> stored(narrow, canonical(narrow))
    slot: int8
    x: float
    """
    kept = [
        pa.field(ours.name, _narrow(theirs.type) or ours.type)
        for ours, theirs in zip(schema, found, strict=True)
    ]
    return pa.schema(kept)


def _narrow(kind: pa.DataType) -> pa.DataType | None:
    if is_.is_list(kind):
        value = _narrow(kind.value_type)
        return value and pa.list_(value)
    return kind if is_.is_int8(kind) or is_.is_int16(kind) or is_.is_fixed_size_binary(kind) else None


def is_nanoseconds(kind: pa.DataType) -> bool:
    """Whether it is a timestamp of nanoseconds, which some readers give as integers."""
    return bool(is_.is_timestamp(kind) and kind.unit == "ns")

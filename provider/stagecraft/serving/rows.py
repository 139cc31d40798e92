"""Raw rows between JSON and Arrow."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

WHERE = "rows"


def table_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Type rows of JSON values by a model's input schema.

    Null is a missing value. A column of the schema that a row lacks is refused, so that a misspelt name
    never passes for a missing value; columns that the schema does not know are ignored, so that a caller
    may send its rows as they are. Integers take numbers without a fraction, booleans ``true`` and
    ``false`` alone, timestamps and dates ISO 8601 text (an offset exactly where the schema has a time
    zone), decimals text or a number.

    :raises InvalidInputError: names the row (from 0), the column and the value

    >>> import pyarrow as pa
    >>> table_of([{"wind": 3, "id": "x"}, {"wind": None}], pa.schema([("wind", pa.float64())])).to_pylist()
    [{'wind': 3.0}, {'wind': None}]
    """
    import pyarrow as pa

    columns = []
    for field in schema:
        try:
            values = [row[field.name] for row in rows]
        except KeyError as error:
            number = next(number for number, row in enumerate(rows) if field.name not in row)
            raise InvalidInputError(
                f"{WHERE}[{number}].{field.name}",
                "the column is absent",
                f"a value of type {field.type}, or null where it is missing; the model reads "
                f"{', '.join(schema.names)}",
            ) from error
        columns.append(_column(field.name, field.type, values))
    return pa.table(columns, schema=schema)


def table_of_matrix(matrix: np.ndarray, schema: pa.Schema) -> pa.Table:
    """Type rows of numbers by a model's input schema.

    :param matrix: float32, rows × the columns of the schema, NaN where a value is missing
    :raises InvalidInputError: a column holds no numbers; or a number is not of its type, which names its row
    """
    import numpy as np
    import pyarrow as pa

    for field in schema:
        if not (_is_number(field.type) or pa.types.is_boolean(field.type)):
            raise InvalidInputError(
                f"{WHERE}.{field.name}",
                f"the column is of type {field.type}, which raw float32 cannot carry",
                "the rows as JSON, or as an Arrow stream",
            )
    columns = []
    for place, field in enumerate(schema):
        values = matrix[:, place].astype(np.float64)
        if pa.types.is_floating(field.type):
            columns.append(pa.array(values, from_pandas=True).cast(field.type))
            continue
        listed = [None if value != value else value for value in values.tolist()]
        if pa.types.is_integer(field.type):
            columns.append(_integers(field.name, field.type, listed))
        else:
            flags = [bool(value) if value in (0, 1) else value for value in listed]
            columns.append(pa.array(_each(field.name, field.type, flags, bool), field.type))
    return pa.table(columns, schema=schema)


def sendable(table: pa.Table) -> pa.ChunkedArray:
    """Return which rows JSON can carry: those without an infinite number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sent = pa.chunked_array([pa.array([True] * table.num_rows, pa.bool_())])
    for field in table.schema:
        if pa.types.is_floating(field.type):
            infinite = pc.is_inf(table[field.name].cast(pa.float64()))
            sent = pc.and_not(sent, infinite.fill_null(False))
    return sent


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Return rows as JSON values, which :func:`table_of` reads back to the same bits.

    NaN becomes null: both are a missing value.

    :raises InvalidInputError: a value is infinite

    >>> import datetime, pyarrow as pa
    >>> rows_of(pa.table({"day": [datetime.date(2013, 1, 1)], "wind": [float("nan")]}))
    [{'day': '2013-01-01', 'wind': None}]
    """
    import pyarrow as pa

    columns = {}
    for field in table.schema:
        column = table[field.name]
        if _is_text(field.type):
            column = column.cast(pa.string())
        values = column.to_pylist()
        if pa.types.is_floating(field.type):
            values = [None if value is None or math.isnan(value) else value for value in values]
            for number, value in enumerate(values):
                if value is not None and math.isinf(value):
                    raise InvalidInputError(
                        f"{WHERE}[{number}].{field.name}", f"JSON has no {value}", "a finite number or a null"
                    )
        columns[field.name] = values
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def json_columns(schema: pa.Schema) -> list[str]:
    """Return the columns whose type JSON can carry."""
    names = []
    for field in schema:
        with contextlib.suppress(InvalidInputError):
            _column(field.name, field.type, [])
            names.append(field.name)
    return names


def check_schema(schema: pa.Schema) -> None:
    """Refuse a schema with a column that JSON cannot carry.

    :raises InvalidInputError: names the column and its type
    """
    for field in schema:
        _column(field.name, field.type, [])


def _column(name: str, kind: pa.DataType, values: list[Any]) -> pa.Array:
    import pyarrow as pa

    types = pa.types
    if types.is_floating(kind):
        return _numbers(name, kind, values)
    if types.is_integer(kind):
        return _integers(name, kind, values)
    if types.is_boolean(kind):
        return pa.array(_each(name, kind, values, bool), kind)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return pa.array(_each(name, kind, values, str), kind)
    if types.is_null(kind):
        return pa.array(_each(name, kind, values, type(None)), kind)
    if types.is_decimal(kind):
        texts = [str(value) if type(value) in (int, float) else value for value in values]
        return _parsed(name, kind, _each(name, kind, texts, str))
    if _is_text(kind):
        return _parsed(name, kind, _each(name, kind, values, str))
    raise InvalidInputError(
        f"{WHERE}.{name}", f"columns of type {kind} cannot be sent as JSON", "a cast in SQL"
    )


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _is_text(kind: pa.DataType) -> bool:
    """Whether JSON carries values of this type as text that Arrow parses."""
    import pyarrow as pa

    return bool(pa.types.is_timestamp(kind) or pa.types.is_date32(kind) or pa.types.is_decimal(kind))


def _each(name: str, kind: pa.DataType, values: list[Any], wanted: type) -> list[Any]:
    for number, value in enumerate(values):
        if value is not None and type(value) is not wanted:
            raise _refused(number, name, kind, value)
    return values


def _numbers(name: str, kind: pa.DataType, values: list[Any]) -> pa.Array:
    import pyarrow as pa

    floats: list[float | None] = []
    for number, value in enumerate(values):
        if value is None:
            floats.append(None)
            continue
        if type(value) not in (int, float) or not _finite(value):
            raise _refused(number, name, kind, value)
        floats.append(float(value))
    return pa.array(floats, pa.float64()).cast(kind)


def _integers(name: str, kind: pa.DataType, values: list[Any]) -> pa.Array:
    import pyarrow as pa

    integers: list[int | None] = []
    for number, value in enumerate(values):
        if value is None:
            integers.append(None)
            continue
        whole = type(value) is int or (type(value) is float and value.is_integer())
        bound = 1 << (kind.bit_width - pa.types.is_signed_integer(kind))
        low = -bound if pa.types.is_signed_integer(kind) else 0
        if not whole or not low <= value < bound:
            raise _refused(number, name, kind, value)
        integers.append(int(value))
    return pa.array(integers, kind)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _parsed(name: str, kind: pa.DataType, texts: list[str | None]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(texts, pa.string()).cast(kind)
    except pa.ArrowInvalid:
        for number, text in enumerate(texts):
            try:
                pa.array([text], pa.string()).cast(kind)
            except pa.ArrowInvalid as error:
                raise _refused(number, name, kind, text) from error
        raise


def _refused(number: int, name: str, kind: pa.DataType, value: Any) -> InvalidInputError:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return InvalidInputError(
        f"{WHERE}[{number}].{name}", f"the value {shown} is refused", f"{_words(kind)}, or null"
    )


def _words(kind: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        zone = "with an offset" if kind.tz else "without an offset"
        return f"ISO 8601 text {zone}, at most {kind.unit} precise ({kind})"
    if pa.types.is_date32(kind):
        return "ISO 8601 text, as 2013-01-31"
    if pa.types.is_floating(kind):
        return f"a finite number ({kind})"
    if pa.types.is_integer(kind):
        return f"a whole number ({kind})"
    if pa.types.is_boolean(kind):
        return "true or false"
    if pa.types.is_decimal(kind):
        return f"a number or its text ({kind})"
    return f"text ({kind})"

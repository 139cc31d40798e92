"""Which Arrow types a transform takes, by their names as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa

INTEGERS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
NUMERIC = INTEGERS | {"halffloat", "float", "double", "bool", "null"}
"""Types that become float64 by one rounding at most. A decimal's is not the same in every engine."""

CATEGORICAL = INTEGERS | {
    "string",
    "large_string",
    "string_view",
    "bool",
    "date32[day]",
    "date64[ms]",
    "null",
}
"""Types whose text is the same in Arrow, DuckDB and Spark. A float's is not: 1, 1.0, 1E0."""


def check_numeric(where: str, kind: str) -> None:
    """Refuse a type whose values are no numbers.

    :param kind: an Arrow type as text
    :raises InvalidInputError: names the type and what would do

    >>> check_numeric("encode.wind", "double")
    """
    if kind not in NUMERIC:
        raise InvalidInputError(
            where,
            f"the column is of type {kind}, which is no number",
            "Index() or Hash() for it, or a cast to DOUBLE in the query",
        )


def check_categorical(where: str, kind: str) -> None:
    """Refuse a type whose values have no text of their own that all engines agree on.

    :param kind: an Arrow type as text
    :raises InvalidInputError: names the type and what would do
    """
    if kind not in CATEGORICAL:
        raise InvalidInputError(
            where,
            f"the column is of type {kind}, whose text differs from engine to engine",
            "a string, integer, boolean or date, by a cast in the query",
        )


def field_type(where: str, schema: pa.Schema, column: str) -> str:
    """Return the type of a column that must be there once; of a dictionary, that of its values.

    :raises InvalidInputError: the column is unknown, or there twice
    """
    places = schema.get_all_field_indices(column)
    if len(places) != 1:
        found = f"there are {len(places)} columns {column!r}" if places else f"no column {column!r}"
        raise InvalidInputError(where, found, f"one of it among {', '.join(map(repr, schema.names))}")
    kind = schema.field(places[0]).type
    return str(getattr(kind, "value_type", kind) if str(kind).startswith("dictionary") else kind)


def check_absent(where: str, schema: pa.Schema, column: str) -> None:
    """Refuse rows that already hold the column which a transform adds.

    :raises InvalidInputError: the column is there
    """
    if column in schema.names:
        raise InvalidInputError(
            where, f"the rows already have a column {column!r}", "another name for it, by a query"
        )

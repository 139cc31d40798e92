"""Columns as SQL of which statistics are taken: what their types allow, and which values are equal."""

from __future__ import annotations

from stagecraft.stages.quoting import quoted

INTEGERS = frozenset({"int32", "int64"})
FLOATS = frozenset({"float", "double"})
NUMBERS = INTEGERS | FLOATS
"""Types of relations, as text, that are numbers."""
CATEGORIES = frozenset({"string", "bool"})
"""Types of relations whose values are names."""

NAN, INFINITY = "CAST('NaN' AS DOUBLE)", "CAST('Infinity' AS DOUBLE)"


def number(column: str) -> str:
    """Return a column of numbers as SQL: a DOUBLE, NULL where it is missing or NaN."""
    return f"nullif(CAST({quoted(column)} AS DOUBLE), {NAN})"


def finite(column: str) -> str:
    """Return a column of numbers as SQL: a DOUBLE, NULL where it is missing, NaN or infinite."""
    value = f"CAST({quoted(column)} AS DOUBLE)"
    return f"CASE WHEN abs({value}) < {INFINITY} THEN {value} END"


def comparable(column: str, kind: str) -> str:
    """Return a column as SQL, such that equal values are one: no NaN, and no zero below zero.

    :param kind: its type in a relation, as text
    """
    name = quoted(column)
    if kind in INTEGERS:
        return f"CAST({name} AS BIGINT)"
    if kind in FLOATS:
        return f"CASE WHEN {name} = 0 THEN CAST(0 AS DOUBLE) ELSE {number(column)} END"
    return name if kind.startswith("timestamp") else f"CAST({name} AS VARCHAR)"

"""Rows counted twice: as ``a`` and as ``b``, of now and of a reference, or positive and negative ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stagecraft.engines.contract import Engine, Relation


@dataclass(frozen=True)
class Source:
    """Rows to count.

    :param count: how many rows they are, about
    :param a: SQL, whether a row counts in ``a``: 1; or in ``b``: 0
    """

    rows: Relation
    count: int
    a: str = "1"


@dataclass(frozen=True)
class Bin:
    """A part of a column's values, and its rows.

    :param label: the values, to be read by people; None: the missing ones
    """

    label: str | None
    a: int
    b: int


def relations(sources: Sequence[Source]) -> dict[str, Relation]:
    """Return the sources' rows by the names that :func:`selected` gives them."""
    return {f"source_{number}": source.rows for number, source in enumerate(sources)}


def selected(sources: Sequence[Source], values: Mapping[str, str]) -> str:
    """Return SQL of values of all rows, and ``side``: 1 where a row counts in ``a``, else 0.

    :param values: name → SQL
    """
    columns = ", ".join(f"{sql} AS {name}" for name, sql in values.items())
    return " UNION ALL ".join(
        f"SELECT {columns}, {source.a} AS side FROM source_{number}" for number, source in enumerate(sources)
    )


def sided(engine: Engine, sources: Sequence[Source], values: Sequence[str]) -> Relation:
    """Return values of all rows as ``q0``, ``q1`` …, and ``side``.

    :param values: SQL of type DOUBLE
    """
    named = {f"q{place}": value for place, value in enumerate(values)}
    return engine.sql(selected(sources, named), **relations(sources))

"""How often each value of each column occurs: many columns a query, over one dataset or two.

Every count is taken twice, as ``a`` and as ``b``: of the rows now and of a reference, or of the positive and
the negative rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from stagecraft.stages.quoting import quoted

if TYPE_CHECKING:
    from stagecraft.engines.contract import Engine, Relation

INTEGERS = frozenset({"int32", "int64"})
FLOATS = frozenset({"float", "double"})
NUMBERS = INTEGERS | FLOATS
"""Types of relations, as text, that are numbers."""
CATEGORIES = frozenset({"string", "bool"})
"""Types of relations whose values are names."""

COLUMNS_A_QUERY = 25
VALUES_A_QUERY = 1 << 24
NAN, INFINITY = "CAST('NaN' AS DOUBLE)", "CAST('Infinity' AS DOUBLE)"
TEXT_LENGTH = 200


@dataclass(frozen=True)
class Source:
    """Rows to count.

    :param count: how many rows they are, about
    :param a: SQL, whether a row counts in ``a``: 0 or 1
    :param b: SQL, whether it counts in ``b``
    """

    rows: Relation
    count: int
    a: str = "1"
    b: str = "0"


@dataclass(frozen=True)
class Bin:
    """A part of a column's values, and its rows.

    :param label: the values, to be read by people; None: the missing ones
    """

    label: str | None
    a: int
    b: int


@dataclass(frozen=True)
class Values:
    """The values of a column.

    :param bins: the frequent values, the most frequent first
    :param rest: rows of all other values
    :param missing: rows without a value
    :param distinct: how many values there are
    :param unseen: how many of them occur in ``a`` alone
    :param unseen_rows: the rows of these
    :param unseen_bins: the frequent ones of these
    """

    bins: list[Bin]
    rest: Bin
    missing: Bin
    distinct: int
    unseen: int
    unseen_rows: int
    unseen_bins: list[Bin]

    def all_bins(self, rest: str) -> list[Bin]:
        """Return the missing values, the frequent ones, and the others, where there are, as ``rest``."""
        others = [Bin(rest, self.rest.a, self.rest.b)] if self.rest.a or self.rest.b else []
        return [self.missing, *self.bins, *others]


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


def count_values(
    engine: Engine,
    sources: Sequence[Source],
    columns: Mapping[str, str],
    keep: int,
    rank: str = "a",
    least: int = 1,
    unseen: int = 0,
    text: bool = True,
) -> dict[str, Values]:
    """Count the values of columns of one SQL type; each value by itself where it is among the frequent ones.

    :param columns: name → the value as SQL
    :param keep: how many values are told apart: the first by ``rank`` descending, ties by their bytes
    :param rank: SQL over ``a`` and ``b``
    :param least: a value is told apart where its ``rank`` is at least this
    :param unseen: how many of the values that occur in ``a`` alone are named
    :param text: whether the values are VARCHAR; their labels are cut then
    """
    value = f"substring(value, 1, {TEXT_LENGTH})" if text else "value"
    parts = {"top": (rank, f"{rank} >= {least}", keep), "unseen": ("a", "b = 0", unseen)}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in columns}
    for names in _batches(list(columns), sources):
        tables = ", ".join(
            f"counted_{place} AS ({_counts(sources, columns[name])})" for place, name in enumerate(names)
        )
        listed = [
            f"SELECT {place} AS place, '{part}' AS part, {value} AS value, a, b, {weight} AS weight "
            f"FROM (SELECT value, a, b FROM counted_{place} WHERE value IS NOT NULL AND {chosen} "
            f"ORDER BY {weight} DESC, value LIMIT {count}) AS chosen"
            for place in range(len(names))
            for part, (weight, chosen, count) in parts.items()
            if count
        ]
        summed = [
            f"SELECT {place} AS place, part, NULL AS value, sum(a) AS a, sum(b) AS b, "
            "count(*) AS weight FROM (SELECT a, b, CASE WHEN value IS NULL THEN 'all missing' "
            f"WHEN b = 0 THEN 'all unseen' ELSE 'all seen' END AS part FROM counted_{place}) AS parts "
            "GROUP BY part"
            for place in range(len(names))
        ]
        query = f"WITH {tables} {' UNION ALL '.join(listed + summed)}"
        for row in engine.collect(engine.sql(query, **_relations(sources))).to_pylist():
            found[names[row["place"]]].append(row)
    return {name: _values(rows) for name, rows in found.items()}


def fit_bins(
    engine: Engine, fit: Relation, sources: Sequence[Source], columns: Sequence[str], bins: int
) -> dict[str, list[Bin]]:
    """Count the rows of columns of numbers in ``bins`` parts of about equally many rows of ``fit``."""
    from stagecraft.stages.quantiles import exact_quantiles

    if not columns:
        return {}
    shares = [part / bins for part in range(1, bins)]
    quantiles = exact_quantiles(engine, fit, {name: (finite(name), shares) for name in columns})
    return count_bins(engine, sources, {name: edges_between(quantiles[name]) for name in columns})


def count_bins(
    engine: Engine,
    sources: Sequence[Source],
    edges: Mapping[str, Sequence[float]],
    value: Callable[[str], str] = number,
) -> dict[str, list[Bin]]:
    """Count the rows of columns of numbers between edges; the first bin is of the missing ones.

    :param edges: column → ascending edges; a bin holds its lower edge, not its upper one
    :param value: a column's value as SQL, NULL where it is missing
    """
    found = {
        name: [Bin(None, 0, 0), *(Bin(label, 0, 0) for label in labels(each))] for name, each in edges.items()
    }
    for names in _batches(list(edges), sources):
        values = [
            f"CASE WHEN {value(name)} IS NULL THEN 0 ELSE {_bin(value(name), edges[name], 1)} END"
            for name in names
        ]
        query = " UNION ALL ".join(
            f"SELECT {place} AS place, value, a, b FROM ({_counts(sources, each)}) AS counted"
            for place, each in enumerate(values)
        )
        for row in engine.collect(engine.sql(query, **_relations(sources))).to_pylist():
            bins = found[names[row["place"]]]
            bins[row["value"]] = Bin(bins[row["value"]].label, row["a"], row["b"])
    return found


def kolmogorov_smirnov(
    engine: Engine, sources: Sequence[Source], columns: Mapping[str, tuple[int, int]]
) -> dict[str, float]:
    """Return the largest distance between the two distribution functions of each column of numbers.

    It is exact, over every row that has a number. A. N. Kolmogorov 1933, N. V. Smirnov 1948.

    :param columns: name → how many rows of ``a`` and of ``b`` have a number, one at least
    """
    found: dict[str, float] = {}
    for names in _batches(list(columns), sources):
        query = " UNION ALL ".join(
            f"""
            SELECT {place} AS place, max(abs(CAST(a AS DOUBLE) / {columns[name][0]}
                - CAST(b AS DOUBLE) / {columns[name][1]})) AS distance
            FROM (
                SELECT sum(a) OVER (ORDER BY value) AS a, sum(b) OVER (ORDER BY value) AS b
                FROM ({_rows(sources, comparable(name, "double"))}) AS numbers WHERE value IS NOT NULL
            ) AS cumulated
            """
            for place, name in enumerate(names)
        )
        rows = engine.collect(engine.sql(query, **_relations(sources))).to_pylist()
        found |= {names[row["place"]]: row["distance"] for row in rows}
    return found


def edges_between(quantiles: Sequence[float | None]) -> list[float]:
    """Return the edges of bins that end at quantiles; a value that takes several gets a bin of its own.

    >>> edges_between([0.0, 1.0, 2.0]), len(edges_between([5.0, 5.0, 5.0]))
    ([0.0, 1.0, 2.0], 2)
    """
    ends = [value + 0.0 for value in quantiles if value is not None]  # No zero below zero.
    repeated = {left for left, right in pairwise(ends) if left == right}
    return sorted({*ends, *(math.nextafter(value, math.inf) for value in repeated)})


def labels(edges: Sequence[float]) -> list[str]:
    """Return what people read for each bin between edges.

    >>> labels([0.0, 2.5])
    ['< 0', '0 … 2.5', '≥ 2.5']
    """
    if not edges:
        return ["all"]
    made = [f"< {edges[0]:.6g}"]
    above = {high: low for low, high in pairwise(edges) if high == math.nextafter(low, math.inf)}
    for low, high in pairwise(edges):
        if above.get(high) == low:
            made.append(f"= {low:.6g}")
        else:
            made.append(f"{_from(low, above)} … {high:.6g}")
    last = edges[-1]
    return [*made, _from(last, above) if last in above else f"≥ {last:.6g}"]


def _from(low: float, above: Mapping[float, float]) -> str:
    return f"> {above[low]:.6g}" if low in above else f"{low:.6g}"


def _bin(value: str, edges: Sequence[float], first: int) -> str:
    """The number of the bin that holds a value, by bisection."""
    if not edges:
        return str(first)
    middle = len(edges) // 2
    lower = _bin(value, edges[:middle], first)
    upper = _bin(value, edges[middle + 1 :], first + middle + 1)
    return f"CASE WHEN {value} < CAST('{edges[middle]!r}' AS DOUBLE) THEN {lower} ELSE {upper} END"


def _counts(sources: Sequence[Source], value: str) -> str:
    """SQL of the values and their rows in ``a`` and ``b``; NULL is one of them."""
    rows = _rows(sources, value)
    return f"SELECT value, sum(a) AS a, sum(b) AS b FROM ({rows}) AS numbers GROUP BY value"


def _rows(sources: Sequence[Source], value: str) -> str:
    return " UNION ALL ".join(
        f"SELECT {value} AS value, {source.a} AS a, {source.b} AS b FROM source_{number}"
        for number, source in enumerate(sources)
    )


def _relations(sources: Sequence[Source]) -> dict[str, Relation]:
    return {f"source_{number}": source.rows for number, source in enumerate(sources)}


def _batches(names: list[str], sources: Sequence[Source]) -> Iterator[list[str]]:
    """So many columns at once that their values fit in memory."""
    rows = max(1, sum(source.count for source in sources))
    size = max(1, min(COLUMNS_A_QUERY, VALUES_A_QUERY // rows))
    for start in range(0, len(names), size):
        yield names[start : start + size]


def _values(rows: list[dict[str, Any]]) -> Values:
    sums = {row["part"]: row for row in rows if row["part"].startswith("all ")}
    seen, unseen, missing = (
        sums.get(part, {"a": 0, "b": 0, "weight": 0}) for part in ("all seen", "all unseen", "all missing")
    )
    bins, strange = (
        [
            Bin(_label(row["value"]), row["a"], row["b"])
            for row in sorted((row for row in rows if row["part"] == part), key=_order)
        ]
        for part in ("top", "unseen")
    )
    return Values(
        bins=bins,
        rest=Bin(
            None,
            seen["a"] + unseen["a"] - sum(entry.a for entry in bins),
            seen["b"] + unseen["b"] - sum(entry.b for entry in bins),
        ),
        missing=Bin(None, missing["a"], missing["b"]),
        distinct=seen["weight"] + unseen["weight"],
        unseen=unseen["weight"],
        unseen_rows=unseen["a"],
        unseen_bins=strange,
    )


def _order(row: dict[str, Any]) -> tuple[int, Any]:
    """By weight descending, then by bytes."""
    value = row["value"]
    return -row["weight"], value.encode() if isinstance(value, str) else value


def _label(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)

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
VALUES_A_QUERY = 1 << 25
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
    """

    bins: list[Bin]
    rest: Bin
    missing: Bin
    distinct: int
    unseen: int
    unseen_rows: int

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
    text: bool = True,
) -> dict[str, Values]:
    """Count the values of columns of one SQL type; each value by itself where it is among the frequent ones.

    :param columns: name → the value as SQL
    :param keep: how many values are told apart: the first by ``rank`` descending, ties by their bytes
    :param rank: SQL over ``a`` and ``b``
    :param least: a value is told apart where its ``rank`` is at least this
    :param text: whether the values are VARCHAR; their labels are cut then
    """
    label = f"substring(min(value), 1, {TEXT_LENGTH})" if text else "min(value)"
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in columns}
    for names in _batches(list(columns), sources):
        rows = engine.sql(
            f"""
            SELECT place, slot, {label} AS value, sum(a) AS a, sum(b) AS b, count(*) AS distinct_values,
                sum(CASE WHEN b = 0 THEN 1 ELSE 0 END) AS unseen,
                sum(CASE WHEN b = 0 THEN a ELSE 0 END) AS unseen_rows
            FROM (
                SELECT place, value, a, b, CASE WHEN value IS NULL THEN 0
                    WHEN {rank} < {least} THEN {keep + 1} ELSE least({keep + 1}, row_number()
                        OVER (PARTITION BY place ORDER BY value IS NULL, {rank} DESC, value)) END AS slot
                FROM ({_counts(sources, [columns[name] for name in names])}) AS counted
            ) AS ranked
            GROUP BY place, slot ORDER BY place, slot
            """,
            **_relations(sources),
        )
        for row in engine.collect(rows).to_pylist():
            found[names[row["place"]]].append(row)
    return {name: _values(rows, keep) for name, rows in found.items()}


def unseen_values(
    engine: Engine, sources: Sequence[Source], columns: Mapping[str, str], keep: int
) -> dict[str, list[Bin]]:
    """Return the most frequent values, VARCHAR, that occur in ``a`` alone."""
    found: dict[str, list[Bin]] = {name: [] for name in columns}
    for names in _batches(list(columns), sources):
        rows = engine.sql(
            f"""
            SELECT place, substring(value, 1, {TEXT_LENGTH}) AS value, a FROM (
                SELECT place, value, a, row_number() OVER (PARTITION BY place ORDER BY a DESC, value) AS slot
                FROM ({_counts(sources, [columns[name] for name in names])}) AS counted
                WHERE b = 0 AND value IS NOT NULL
            ) AS ranked
            WHERE slot <= {keep} ORDER BY place, slot
            """,
            **_relations(sources),
        )
        for row in engine.collect(rows).to_pylist():
            found[names[row["place"]]].append(Bin(str(row["value"]), row["a"], 0))
    return found


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
        rows = engine.sql(_counts(sources, values), **_relations(sources))
        for row in engine.collect(rows).to_pylist():
            bins = found[names[row["place"]]]
            bins[row["value"]] = Bin(bins[row["value"]].label, row["a"], row["b"])
    return found


def kolmogorov_smirnov(
    engine: Engine, sources: Sequence[Source], columns: Sequence[str]
) -> dict[str, float | None]:
    """Return the largest distance between the two distribution functions of each column of numbers.

    It is exact, over every row that has a number; None where ``a`` or ``b`` has none. A. N. Kolmogorov 1933,
    N. V. Smirnov 1948.
    """
    found: dict[str, float | None] = {}
    for names in _batches(list(columns), sources):
        values = [comparable(name, "double") for name in names]
        rows = engine.sql(
            f"""
            SELECT place, max(abs(CAST(a AS DOUBLE) / all_a - CAST(b AS DOUBLE) / all_b)) AS distance
            FROM (
                SELECT place, sum(a) OVER (PARTITION BY place ORDER BY value) AS a,
                    sum(b) OVER (PARTITION BY place ORDER BY value) AS b,
                    sum(a) OVER (PARTITION BY place) AS all_a, sum(b) OVER (PARTITION BY place) AS all_b
                FROM ({_counts(sources, values)}) AS counted WHERE value IS NOT NULL
            ) AS cumulated
            WHERE all_a > 0 AND all_b > 0 GROUP BY place
            """,
            **_relations(sources),
        )
        found |= {names[row["place"]]: row["distance"] for row in engine.collect(rows).to_pylist()}
    return {name: found.get(name) for name in columns}


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


def _counts(sources: Sequence[Source], values: Sequence[str]) -> str:
    """SQL of the rows ``place`` (of the column), ``value``, ``a``, ``b``."""
    parts = [
        f"SELECT {place} AS place, value, sum(a) AS a, sum(b) AS b FROM "
        f"(SELECT {value} AS value, {source.a} AS a, {source.b} AS b FROM source_{number}) AS counted "
        "GROUP BY value"
        for place, value in enumerate(values)
        for number, source in enumerate(sources)
    ]
    union = " UNION ALL ".join(parts)
    if len(sources) == 1:
        return union
    return f"SELECT place, value, sum(a) AS a, sum(b) AS b FROM ({union}) AS parts GROUP BY place, value"


def _relations(sources: Sequence[Source]) -> dict[str, Relation]:
    return {f"source_{number}": source.rows for number, source in enumerate(sources)}


def _batches(names: list[str], sources: Sequence[Source]) -> Iterator[list[str]]:
    """So many columns at once that their values fit in memory."""
    rows = max(1, sum(source.count for source in sources))
    size = max(1, min(COLUMNS_A_QUERY, VALUES_A_QUERY // rows))
    for start in range(0, len(names), size):
        yield names[start : start + size]


def _values(rows: list[dict[str, Any]], keep: int) -> Values:
    bins = [Bin(_label(row["value"]), row["a"], row["b"]) for row in rows if 0 < row["slot"] <= keep]
    by_slot = {row["slot"]: Bin(None, row["a"], row["b"]) for row in rows}
    present = [row for row in rows if row["slot"]]
    return Values(
        bins=bins,
        rest=by_slot.get(keep + 1, Bin(None, 0, 0)),
        missing=by_slot.get(0, Bin(None, 0, 0)),
        distinct=sum(row["distinct_values"] for row in present),
        unseen=sum(row["unseen"] for row in present),
        unseen_rows=sum(row["unseen_rows"] for row in present),
    )


def _label(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)

"""How often each value of each column occurs: many columns a query, over one dataset or two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stagecraft.stages.counted import Bin, Source, relations, selected
from stagecraft.stages.frequent import MISSING, SEEN, TOP, UNSEEN, Frequent, Rank

if TYPE_CHECKING:
    from stagecraft.engines.contract import Engine

COLUMNS_A_QUERY = 25
VALUES_A_QUERY = 1 << 24
TEXT_LENGTH = 200


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


def count_values(
    engine: Engine,
    sources: Sequence[Source],
    columns: Mapping[str, str],
    keep: int,
    rank: Rank = "a",
    least: int = 1,
    unseen: int = 0,
) -> dict[str, Values]:
    """Count the values of columns of one SQL type; each value by itself where it is among the frequent ones.

    A query groups many columns, and what is frequent is chosen batch by batch: on Spark a plan that sorts
    and limits each column by itself costs more than the rows do.

    :param columns: name → the value as SQL
    :param keep: how many values are told apart: the first by ``rank`` descending, ties by their bytes
    :param rank: which rows rank a value; ``n`` are all
    :param least: a value is told apart where its ``rank`` is at least this
    :param unseen: how many of the values that occur in ``a`` alone are named
    """
    found: dict[str, Values] = {}
    for names in _batches(list(columns), sources):
        groups = " UNION ALL ".join(
            f"SELECT {place} AS place, value, count(*) AS n, count(CASE WHEN side = 1 THEN 1 END) AS a "
            f"FROM ({selected(sources, {'value': columns[name]})}) AS numbers GROUP BY value"
            for place, name in enumerate(names)
        )
        counted = engine.sql(groups, **relations(sources))
        frequent = engine.map_batches(counted, Frequent(len(names), rank, least, keep, unseen))
        parts: dict[int, list[dict[str, Any]]] = {place: [] for place in range(len(names))}
        for row in engine.collect(frequent).to_pylist():
            parts[row["place"]].append(row)
        found |= {name: _values(parts[place], keep, unseen) for place, name in enumerate(names)}
    return found


def _batches(names: list[str], sources: Sequence[Source]) -> Iterator[list[str]]:
    """So many columns at once that their values fit in memory."""
    rows = max(1, sum(source.count for source in sources))
    size = max(1, min(COLUMNS_A_QUERY, VALUES_A_QUERY // rows))
    for start in range(0, len(names), size):
        yield names[start : start + size]


def _values(rows: list[dict[str, Any]], keep: int, strange: int) -> Values:
    """Put together what each batch told of a column; its batches share no value."""
    missing, unseen, seen = (
        [sum(row[key] for row in rows if row["part"] == part) for key in ("a", "b", "weight")]
        for part in (MISSING, UNSEEN, SEEN)
    )
    bins, unseen_bins = (
        [
            Bin(label(row["value"]), row["a"], row["b"])
            for row in sorted((row for row in rows if row["part"] == part), key=_order)[:count]
        ]
        for part, count in zip(TOP, (keep, strange), strict=True)
    )
    return Values(
        bins=bins,
        rest=Bin(
            None,
            seen[0] + unseen[0] - sum(entry.a for entry in bins),
            seen[1] + unseen[1] - sum(entry.b for entry in bins),
        ),
        missing=Bin(None, missing[0], missing[1]),
        distinct=seen[2] + unseen[2],
        unseen=unseen[2],
        unseen_rows=unseen[0],
        unseen_bins=unseen_bins,
    )


def _order(row: dict[str, Any]) -> tuple[int, Any]:
    """By weight descending, then by bytes."""
    value = row["value"]
    return -row["weight"], value.encode() if isinstance(value, str) else value


def label(value: Any) -> str:
    """Return a value as people read it, not too long."""
    return f"{value:.9g}" if isinstance(value, float) else str(value)[:TEXT_LENGTH]

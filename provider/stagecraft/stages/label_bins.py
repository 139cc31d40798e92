"""Bins by a label: a decision tree on one column, grown on counts of exact quantile bins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.stages.numeric_statistics import rounded
from stagecraft.stages.quantile_scans import doubles
from stagecraft.stages.quantiles import exact_quantiles
from stagecraft.stages.quoting import quoted
from stagecraft.transforms.types import NUMERIC

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.engines.contract import Engine, Relation

FINE = 128
"""The tree splits where one of so many quantile bins ends."""

LEAST_GAIN = 1e-12
"""A split explains at least this share of the label's sum of squares; less is rounding."""

LABEL = "y"


@dataclass(frozen=True)
class FineBin:
    """What is known of the rows in a fine bin: how many, the sum of their labels, their smallest value."""

    rows: int
    label: float
    low: float


def label_edges(
    engine: Engine,
    rows: Relation,
    names: Mapping[str, str],
    wanted: Mapping[str, tuple[int, float]],
) -> dict[str, tuple[float, ...]]:
    """Return the inner edges of each column's bins, values of the column. Rows without a label do not count.

    :param rows: columns of DOUBLE, NULL where missing; the label's is ``y``
    :param names: column → its name in the rows
    :param wanted: column → the number of bins at most, and the least share of rows in one
    :raises InvalidInputError: the label is infinite, or missing everywhere
    """
    if not wanted:
        return {}
    parts = [names[column] for column in wanted]
    selected = ", ".join([LABEL, *parts])
    labelled = engine.sql(f"SELECT {selected} FROM rows WHERE {LABEL} IS NOT NULL", rows=rows)
    probabilities = [place / FINE for place in range(1, FINE)]
    found = exact_quantiles(engine, labelled, {name: (name, probabilities) for name in parts})
    histogram = LabelHistogram({name: _fine_edges(quantiles) for name, quantiles in found.items()})
    query = (
        "SELECT part, bin, sum(n) AS n, sum(label) AS label, sum(square) AS square, min(low) AS low "
        "FROM h GROUP BY part, bin ORDER BY part, bin"
    )
    counted = engine.collect(engine.sql(query, h=engine.map_batches(labelled, histogram)))
    if not counted.num_rows:
        raise InvalidInputError(
            "encode.label", "no row has a label and a value to bin by it", "rows with both"
        )
    fine: list[list[FineBin]] = [[] for _ in wanted]
    squares = [0.0] * len(wanted)
    for row in counted.to_pylist():
        if not math.isfinite(row["square"]):
            raise InvalidInputError("encode.label", "the label is infinite", "finite numbers")
        fine[row["part"]].append(FineBin(row["n"], rounded(row["label"]), row["low"] + 0.0))
        squares[row["part"]] += rounded(row["square"])
    return {
        column: tuple(split(bins, count, share, LEAST_GAIN * square))
        for (column, (count, share)), bins, square in zip(wanted.items(), fine, squares, strict=True)
    }


def split(bins: Sequence[FineBin], count: int, min_share: float, least_gain: float) -> list[float]:
    """Grow the tree, the split of most gain first, and return the edges it makes, ascending.

    :param count: leaves at most
    :param min_share: of the rows in a leaf
    :param least_gain: a split reduces the label's sum of squares by more than this

    >>> split([FineBin(10, 0, 1.0), FineBin(10, 9, 2.0), FineBin(10, 10, 3.0)], 2, 0.1, 0.0)
    [2.0]
    """
    least = max(min_share * sum(each.rows for each in bins), 1)
    leaves = {(0, len(bins)): _best(bins, 0, len(bins), least)}
    edges: list[float] = []
    while len(leaves) < count:
        (start, stop), (gain, place) = max(leaves.items(), key=lambda leaf: (leaf[1][0], -leaf[0][0]))
        if gain <= least_gain:
            break
        del leaves[start, stop]
        for part in ((start, place), (place, stop)):
            leaves[part] = _best(bins, *part, least)
        edges.append(bins[place].low)
    return sorted(edges)


def _best(bins: Sequence[FineBin], start: int, stop: int, least: float) -> tuple[float, int]:
    """The largest gain of a split between ``start`` and ``stop``, and its place; the first of equal ones."""
    best = (0.0, start)
    rows, label = sum(each.rows for each in bins[start:stop]), math.fsum(b.label for b in bins[start:stop])
    left, left_label = 0, 0.0
    for place in range(start + 1, stop):
        left += bins[place - 1].rows
        left_label += bins[place - 1].label
        right = rows - left
        if left < least or right < least:
            continue
        distance = left_label / left - (label - left_label) / right
        gain = rounded(distance * distance * left * right / rows)
        if gain > best[0]:
            best = (gain, place)
    return best


@dataclass(frozen=True)
class LabelHistogram:
    """Count, label's sum and sum of squares, and smallest value of each fine bin in a batch.

    :param edges: column → inner edges of its bins, ascending
    """

    edges: dict[str, list[float]]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        integers = [pa.field("part", pa.int32()), pa.field("bin", pa.int32()), pa.field("n", pa.int64())]
        return pa.schema([*integers, *(pa.field(name, pa.float64()) for name in ("label", "square", "low"))])

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        schema = self.output_schema(batch.schema)
        label = doubles(batch.column(LABEL))
        made: list[pa.RecordBatch] = []
        for part, (name, edges) in enumerate(self.edges.items()):
            values = doubles(batch.column(name))
            order = np.argsort(values)[: np.count_nonzero(values == values)]
            values, y = values[order], label[order]
            starts = np.concatenate([[0], np.searchsorted(values, edges)])
            sizes = np.diff(starts, append=len(values))
            bins = np.flatnonzero(sizes)
            starts = starts[bins]
            if not len(bins):
                continue
            columns = [
                np.full(len(bins), part, dtype=np.int32),
                bins.astype(np.int32),
                sizes[bins],
                np.add.reduceat(y, starts),
                np.add.reduceat(y * y, starts),
                values[starts],
            ]
            made.append(pa.RecordBatch.from_arrays([pa.array(each) for each in columns], schema=schema))
        table = pa.Table.from_batches(made, schema).combine_chunks()
        return table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], schema=schema)


def _fine_edges(quantiles: Sequence[float | None]) -> list[float]:
    """The quantiles as edges; a value that is several of them gets a bin of its own."""
    import numpy as np

    values, counts = np.unique(
        [value for value in quantiles if value is not None and math.isfinite(value)], return_counts=True
    )
    above = np.nextafter(values[counts > 1], np.inf)
    return [float(value) for value in np.union1d(values, above)]


def label_sql(engine: Engine, rows: Relation, label: str | None) -> str:
    """The label as a SQL expression of type DOUBLE, NULL where missing.

    :param label: a column of numbers or booleans
    :raises InvalidInputError: there is no such label, or it is no number
    """
    schema = engine.schema(rows)
    if label is None or label not in schema.names:
        found = "no label is named" if label is None else f"no column {label!r}"
        raise InvalidInputError("encode.label", found, "the label's column: Bin(by='label') goes by it")
    if str(schema.field(label).type) not in NUMERIC:
        raise InvalidInputError(
            f"encode.label.{label}",
            f"the label is of type {schema.field(label).type}, and bins go by a number or boolean",
            "a comparison in the query, as y = 'yes'",
        )
    return f"nullif(CAST({quoted(label)} AS DOUBLE), CAST('NaN' AS DOUBLE))"

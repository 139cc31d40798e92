"""Rows of columns of numbers between edges: of quantiles, or any."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from stagecraft.stages.columns_sql import finite, number
from stagecraft.stages.counted import Bin, Source, sided
from stagecraft.stages.quantile_scans import doubles

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.engines.contract import Engine, Relation


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
    if not edges:
        return {}
    rows = sided(engine, sources, [value(name) for name in edges])
    counts = histograms(engine, rows, list(edges.values()))
    return {
        name: [
            Bin(label, int(a), int(b))
            for label, (b, a) in zip([None, *labels(edges[name])], found, strict=True)
        ]
        for name, found in zip(edges, counts, strict=True)
    }


def histograms(
    engine: Engine, rows: Relation, edges: Sequence[Sequence[float] | np.ndarray]
) -> list[np.ndarray]:
    """Return for each column its rows as [bin, side]; bin 0 is of the missing ones.

    :param rows: columns ``q0``, ``q1`` … of type DOUBLE, and ``side``, 0 or 1
    :param edges: of each column
    """
    import numpy as np

    counted = engine.map_batches(rows, Histogram([np.asarray(each, dtype=np.float64) for each in edges]))
    query = "SELECT place, bin, CAST(sum(n) AS BIGINT) AS n FROM counted GROUP BY place, bin"
    table = engine.collect(engine.sql(query, counted=counted))
    place, cell, n = (table[name].to_numpy() for name in ("place", "bin", "n"))
    found = [np.zeros(2 * (len(each) + 2), dtype=np.int64) for each in edges]
    for column, counts in enumerate(found):
        counts[cell[place == column]] = n[place == column]
    return [counts.reshape(-1, 2) for counts in found]


@dataclass(frozen=True)
class Histogram:
    """Map rows ``(q0, q1 …, side)`` to ``(place, bin, n)``: a column's number, 2 × bin + side, and rows.

    :param edges: of each column; a bin holds its lower edge
    """

    edges: list[np.ndarray]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        return pa.schema({"place": pa.int32(), "bin": pa.int32(), "n": pa.int64()})

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        side = batch.column("side").to_numpy()
        places, cells, counts = [], [], []
        for place, edges in enumerate(self.edges):
            values = doubles(batch.column(f"q{place}"))
            bins = np.searchsorted(edges, values, side="right") + 1
            bins[np.isnan(values)] = 0
            n = np.bincount(2 * bins + side)
            filled = np.flatnonzero(n)
            places.append(np.full(len(filled), place, dtype=np.int32))
            cells.append(filled.astype(np.int32))
            counts.append(n[filled])
        columns = [pa.array(np.concatenate(each)) for each in (places, cells, counts)]
        return pa.RecordBatch.from_arrays(columns, schema=self.output_schema(batch.schema))


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

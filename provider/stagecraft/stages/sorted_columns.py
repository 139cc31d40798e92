"""Columns of numbers that fit in memory, each sorted once: that tells everything of its distribution."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from stagecraft.stages.counted import Bin
from stagecraft.stages.histograms import edges_between, labels
from stagecraft.stages.kolmogorov import distance
from stagecraft.stages.quantiles import interpolate
from stagecraft.stages.quoting import quoted

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.engines.contract import Engine, Relation

HELD = 1 << 23
"""Values that are brought back at once. Columns of more rows are left to queries."""


def sorted_columns(
    engine: Engine, tables: Sequence[Relation], names: Sequence[str], rows: int
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield each column's name, and its values of each table in ascending order.

    They are neither missing nor NaN, and of integers or float64; no zero is below zero.

    :param rows: of all tables, at most :data:`HELD`
    """
    size = max(1, HELD // max(1, rows))
    for start in range(0, len(names), size):
        part = names[start : start + size]
        selected = ", ".join(f"{quoted(name)} AS c{place}" for place, name in enumerate(part))
        found = [engine.collect(engine.sql(f"SELECT {selected} FROM rows", rows=table)) for table in tables]
        for place, name in enumerate(part):
            yield name, [_ordered(table[f"c{place}"]) for table in found]


def _ordered(values: pa.ChunkedArray) -> np.ndarray:
    import numpy as np

    found = values.drop_null().to_numpy()
    if found.dtype.kind != "f":
        return np.sort(found)
    ordered = np.sort(found.astype(np.float64) + 0.0)
    return ordered[: np.searchsorted(ordered, np.inf, side="right")]


def finite_part(ordered: np.ndarray) -> np.ndarray:
    """Return those of ascending numbers that are finite, as float64."""
    import numpy as np

    values = ordered.astype(np.float64)
    low, high = np.searchsorted(values, -np.inf, side="right"), np.searchsorted(values, np.inf)
    return values[low:high]


def quantile(ordered: np.ndarray, share: float) -> float | None:
    """Return a quantile of ascending numbers as ``exact_quantiles`` has it; None of none."""
    if not len(ordered):
        return None
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    ends = float(ordered[low]), float(ordered[min(low + 1, len(ordered) - 1)])
    return interpolate(*ends, place - low) + 0.0  # No zero below zero.


def counts_between(ordered: np.ndarray, edges: Sequence[float]) -> list[int]:
    """Return how many of ascending numbers lie between edges; a bin holds its lower edge."""
    import numpy as np

    ends = np.searchsorted(ordered, np.asarray(edges, dtype=np.float64))
    counts: list[int] = np.diff([0, *ends, len(ordered)]).tolist()
    return counts


def compare(
    engine: Engine, tables: tuple[Relation, Relation], sizes: tuple[int, int], names: Sequence[str], bins: int
) -> tuple[dict[str, list[Bin]], dict[str, float]]:
    """Compare columns of numbers with a reference's: the same as ``fit_bins`` and ``kolmogorov_smirnov``.

    :param tables: rows now (``a``) and of the reference (``b``)
    :param sizes: their numbers of rows, together at most :data:`HELD`
    :returns: the bins of each column, and the distance of those that have numbers on both sides
    """
    import numpy as np

    found, distances = {}, {}
    for name, ordered in sorted_columns(engine, tables, names, sum(sizes)):
        a, b = (values.astype(np.float64) for values in ordered)
        sure = finite_part(b)
        edges = edges_between([quantile(sure, part / bins) for part in range(1, bins)])
        missing = Bin(None, sizes[0] - len(a), sizes[1] - len(b))
        counts = zip(labels(edges), counts_between(a, edges), counts_between(b, edges), strict=True)
        found[name] = [missing, *(Bin(*each) for each in counts)]
        if len(a) and len(b):
            distances[name] = distance(a, b)
    return found, distances

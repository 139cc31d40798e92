"""The Kolmogorov–Smirnov statistic of many columns, exact and in bounded memory, on every engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagecraft.stages.columns_sql import number
from stagecraft.stages.counted import Source, sided
from stagecraft.stages.histograms import histograms
from stagecraft.stages.quantile_scans import doubles

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.engines.contract import Engine

HELD = 1 << 23
"""Values that one scan brings back."""

SAMPLE = 1 << 17
"""Values of a column's sample, which give the next edges."""

REFINED = 16
"""Columns that get edges at once."""


def kolmogorov_smirnov(
    engine: Engine, sources: Sequence[Source], columns: Mapping[str, tuple[int, int]]
) -> dict[str, float]:
    """Return the largest distance between the two distribution functions of each column of numbers.

    It is exact, over every row that has a number, by branch and bound: counts between edges say how large
    the distance is at the edges, and how large at most between them. Where it may be larger than at every
    edge, the values are brought back; where they are too many, a sample of them gives more edges. So chance
    decides the time, never the result. A. N. Kolmogorov 1933, N. V. Smirnov 1948.

    :param columns: name → how many rows of ``a`` and of ``b`` have a number, one at least
    """
    searches = {name: _Search(*counts) for name, counts in columns.items()}
    while True:
        few = {name: each for name, each in searches.items() if 0 < each.uncertain <= HELD}
        for group in _groups(few):
            _finish(engine, sources, group)
        many = [name for name, each in searches.items() if each.uncertain]
        if not many:
            return {name: each.best for name, each in searches.items()}
        for start in range(0, len(many), REFINED):
            _refine(engine, sources, {name: searches[name] for name in many[start : start + REFINED]})


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest distance between the distribution functions of ascending numbers.

    >>> import numpy as np
    >>> distance(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    import numpy as np

    # A function is furthest below the other one right before the first of equal values of its own.
    above = (
        np.searchsorted(there, here) / len(there) - np.arange(len(here)) / len(here)
        for here, there in ((a, b), (b, a))
    )
    return max(float(each.max()) for each in above)


class _Search:
    """What is known of a column's distance; the functions count the values below a value.

    :param a: numbers on one side
    :param b: numbers on the other
    """

    def __init__(self, a: int, b: int) -> None:
        import numpy as np

        self.sizes = np.array([b, a], dtype=np.float64)
        self.take(np.zeros(0), np.array([[b, a]], dtype=np.int64))

    def take(self, edges: np.ndarray, counts: np.ndarray) -> None:
        """Learn the counts between edges, as [bin, side]."""
        import numpy as np

        self.edges, self.counts = edges, counts
        self.below = np.concatenate([np.zeros((1, 2), dtype=np.int64), np.cumsum(counts, axis=0)])
        b, a = (self.below / self.sizes).T
        self.best = float(abs(a - b).max())
        within = np.maximum(a[1:] - b[:-1], b[1:] - a[:-1])
        # A bin that holds one value has no inside; the first edge's bin may hold many below it.
        single = np.zeros(len(counts), dtype=bool)
        single[1:-1] = np.nextafter(edges[:-1], np.inf) == edges[1:]
        single[-1] |= len(edges) > 0 and edges[-1] == np.inf
        self.open = (within > self.best) & ~single
        self.uncertain = int(counts[self.open].sum())

    def finish(self, sides: Sequence[np.ndarray]) -> None:
        """Learn all values of the open bins, those of ``b`` first."""
        import numpy as np

        ordered = [np.sort(values) for values in sides]
        held = np.where(self.open[:, None], self.counts, 0)
        left_out = self.below[:-1] - (np.cumsum(held, axis=0) - held)
        for side, other in ((0, 1), (1, 0)):
            # As in :func:`distance`; besides, the numbers that were left out are counted.
            points = ordered[side]
            bins = np.searchsorted(self.edges, points, side="right") if len(self.edges) else 0
            here = (np.arange(len(points)) + left_out[bins, side]) / self.sizes[side]
            there = (np.searchsorted(ordered[other], points) + left_out[bins, other]) / self.sizes[other]
            self.best = max(self.best, float((there - here).max(initial=0.0)))
        self.open[:] = False
        self.uncertain = 0


def _groups(searches: Mapping[str, _Search]) -> Iterator[dict[str, _Search]]:
    """Columns whose uncertain values may be held at once."""
    group: dict[str, _Search] = {}
    held = 0
    for name, search in searches.items():
        if group and held + search.uncertain > HELD:
            yield group
            group, held = {}, 0
        group[name] = search
        held += search.uncertain
    if group:
        yield group


def _finish(engine: Engine, sources: Sequence[Source], searches: Mapping[str, _Search]) -> None:
    values = _within(engine, sources, searches, 1.0)
    for search, sides in zip(searches.values(), values, strict=True):
        search.finish(sides)


def _refine(engine: Engine, sources: Sequence[Source], searches: Mapping[str, _Search]) -> None:
    """Set edges at a sample's values and right above each, so that one that many rows share is apart."""
    import numpy as np

    share = SAMPLE / max(search.uncertain for search in searches.values())
    samples = _within(engine, sources, searches, min(1.0, share))
    edges = []
    for search, sides in zip(searches.values(), samples, strict=True):
        drawn = np.unique(np.concatenate(sides))
        edges.append(np.union1d(search.edges, np.concatenate([drawn, np.nextafter(drawn, np.inf)])) + 0.0)
    rows = sided(engine, sources, [number(name) for name in searches])
    counts = histograms(engine, rows, edges)
    for search, ends, found in zip(searches.values(), edges, counts, strict=True):
        search.take(ends, found[1:])


def _within(
    engine: Engine, sources: Sequence[Source], searches: Mapping[str, _Search], share: float
) -> list[list[np.ndarray]]:
    """Bring back a share of the values in the open bins of each column: those of ``b``, those of ``a``."""
    rows = sided(engine, sources, [number(name) for name in searches])
    if share < 1:
        rows = engine.sample(rows, share)
    bins = [(search.edges, search.open) for search in searches.values()]
    table = engine.collect(engine.map_batches(rows, Within(bins)))
    series, value = (table[name].to_numpy() for name in ("series", "value"))
    return [[value[series == 2 * place + side] for side in (0, 1)] for place in range(len(bins))]


@dataclass(frozen=True)
class Within:
    """Map rows ``(q0, q1 …, side)`` to ``(series, value)``: 2 × a column's number + side, and values.

    :param bins: of each column the edges, and whether each bin's values are wanted
    """

    bins: list[tuple[np.ndarray, np.ndarray]]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        return pa.schema({"series": pa.int32(), "value": pa.float64()})

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        side = batch.column("side").to_numpy()
        series, found = [], []
        for place, (edges, wanted) in enumerate(self.bins):
            values = doubles(batch.column(f"q{place}"))
            chosen = ~np.isnan(values)
            if not wanted.all():
                chosen &= wanted[np.searchsorted(edges, values, side="right")]
            found.append(values[chosen])
            series.append(2 * place + side[chosen].astype(np.int32))
        columns = [pa.array(np.concatenate(each)) for each in (series, found)]
        return pa.RecordBatch.from_arrays(columns, schema=self.output_schema(batch.schema))

"""Exact quantiles of many columns in bounded memory, the same on every engine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from stagecraft.stages.quantile_scans import Brackets, SortedSample, doubles

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.engines.contract import Engine, Relation

SAMPLE = 1 << 17
"""Rows of the sample that says where to look; so few rows are looked at as a whole."""

HELD = 1 << 22
"""Values that one scan may be expected to bring back."""

SIGMAS = 5.0
"""A rank's bracket reaches so many standard deviations to both sides."""

FEW = 8
"""For more probabilities a column, brackets of a sample of rows are too wide: its batches are sorted."""

BATCH = 10_000
"""Rows of the smallest usual batch."""

Requests = Mapping[str, tuple[str, Sequence[float]]]


def exact_quantiles(engine: Engine, rows: Relation, requests: Requests) -> dict[str, list[float | None]]:
    """Return exact quantiles, with linear interpolation as numpy's: a median of two is their mean.

    Where there are many rows, a random sample brackets every wanted rank, and one scan counts the values
    below each bracket and brings back those within, equal ones as one. The counts tell whether the rank is
    within; where it is not, the bracket is widened. So chance decides the time, never the result.

    Sources: Floyd and Rivest, Algorithm 489, CACM 1975 (brackets from a sample); Alsabti, Ranka and Singh,
    OPAQ, VLDB 1997 (samples of sorted runs, for many probabilities).

    :param rows: are read three times or more; materialize them where that is dear
    :param requests: name → SQL expression of type DOUBLE, in which NULL is a missing value (NaN too), and
        probabilities from 0 to 1. Infinite values are the smallest and the largest
    :returns: name → a value for each probability, None where every value is missing

    >>> from stagecraft.engines.duckdb import DuckDBEngine
    >>> with DuckDBEngine() as engine:
    ...     rows = engine.sql("SELECT x FROM (VALUES (1.0), (2), (4), (NULL)) AS t (x)")
    ...     exact_quantiles(engine, rows, {"x": ("CAST(x AS DOUBLE)", [0.0, 0.5, 0.75])})
    {'x': [1.0, 2.0, 3.0]}
    """
    columns = {
        name: _Column(f"q{number}", asked)
        for number, (name, (_, asked)) in enumerate(requests.items())
        if asked
    }
    if columns:
        selected = ", ".join(
            f"CAST({requests[name][0]} AS DOUBLE) AS {columns[name].name}" for name in columns
        )
        values = engine.sql(f"SELECT {selected} FROM rows", rows=rows)
        _search(engine, values, list(columns.values()))
    return {name: columns[name].quantiles() if name in columns else [] for name in requests}


class _Column:
    """The wanted ranks of a column, and the values found at them.

    :param name: its name in the relation that is searched
    """

    def __init__(self, name: str, probabilities: Sequence[float]) -> None:
        self.name, self.probabilities = name, list(probabilities)
        self.count: int | None = None
        self.found: dict[int, float] = {}

    def ranks(self, probability: float) -> tuple[int, int]:
        """The ranks (from 0) between which the quantile lies."""
        assert self.count
        low = math.floor((self.count - 1) * probability)
        return low, min(low + 1, self.count - 1)

    def open_probabilities(self) -> list[float]:
        """Those whose ranks are not found yet."""
        if self.count is None:
            return self.probabilities
        return [p for p in self.probabilities if self.count and not self.found.keys() >= set(self.ranks(p))]

    def take(self, values: np.ndarray, counts: np.ndarray, below: int) -> None:
        """Look for the ranks among ascending values with their counts, ``below`` others being smaller."""
        import numpy as np

        ends = below + np.cumsum(counts)
        if not self.count or not len(ends):
            return
        ranks = np.array([rank for p in self.open_probabilities() for rank in self.ranks(p)])
        ranks = ranks[(ranks >= below) & (ranks < ends[-1])]
        places = np.searchsorted(ends, ranks, side="right")
        self.found.update(zip(ranks.tolist(), values[places].tolist(), strict=True))

    def quantiles(self) -> list[float | None]:
        if not self.count:
            return [None] * len(self.probabilities)
        made: list[float | None] = []
        for probability in self.probabilities:
            low, high = (self.found[rank] for rank in self.ranks(probability))
            place = (self.count - 1) * probability
            made.append(interpolate(low, high, place - math.floor(place)) + 0.0)  # No negative zero.
        return made


def interpolate(low: float, high: float, share: float) -> float:
    """Return the value ``share`` of the way, as numpy does it; between infinities the nearer one.

    >>> interpolate(1.0, 2.0, 0.25), interpolate(1.0, float("inf"), 0.25)
    (1.25, inf)
    """
    if low == high or share == 0:
        return low
    if math.isinf(low) and math.isinf(high):
        return low if share < 0.5 else high
    if math.isinf(low) or math.isinf(high):
        return low + high
    between = high - low
    if math.isinf(between):
        return low * (1 - share) + high * share
    return low + between * share if share < 0.5 else high - between * (1 - share)


def _search(engine: Engine, values: Relation, columns: list[_Column]) -> None:
    """Find every column's count and the values at its ranks."""
    import numpy as np

    [total] = engine.collect(engine.sql("SELECT count(*) AS n FROM v", v=values))["n"].to_pylist()
    sorting = max(len(column.probabilities) for column in columns) > FEW
    sample = values
    if total > SAMPLE and sorting:
        sample = engine.map_batches(values, SortedSample(total // SAMPLE))
    elif total > SAMPLE:
        sample = engine.sample(values, SAMPLE / total)
    table = engine.collect(sample)
    samples: dict[str, np.ndarray] = {}
    for column in columns:
        ordered = np.sort(doubles(table[column.name].combine_chunks()))
        samples[column.name] = present = ordered[: np.count_nonzero(ordered == ordered)]
        if total <= SAMPLE:
            column.count = len(present)
            column.take(present, np.ones(len(present), dtype=np.int64), 0)
    del table
    batches = total / BATCH if sorting else None
    reach = SIGMAS
    while open_columns := [column for column in columns if column.open_probabilities()]:
        brackets = {
            column.name: list(_brackets(samples[column.name], column.open_probabilities(), batches, reach))
            for column in open_columns
        }
        for group in _groups(open_columns, brackets, samples, total):
            _scan(engine, values, group, {column.name: brackets[column.name] for column in group})
        reach *= 4


def _brackets(
    sample: np.ndarray, probabilities: Sequence[float], batches: float | None, reach: float
) -> Iterator[tuple[float, float]]:
    """Where the quantiles lie, but for bad luck; those that overlap are one.

    :param sample: ascending
    :param batches: how many the sample's sorted batches are; None where its rows were drawn
    :param reach: to both sides, in standard deviations
    """
    size = len(sample)
    pending: tuple[float, float] | None = None
    for probability in sorted(probabilities):
        variance = size * probability * (1 - probability) if batches is None else batches / 12
        margin = reach * math.sqrt(variance) + 2
        low, high = math.floor(probability * size - margin), math.ceil(probability * size + margin)
        bracket = (
            float(sample[low]) if low >= 0 else -math.inf,
            float(sample[high]) if high < size else math.inf,
        )
        if pending and bracket[0] > pending[1]:
            yield pending
            pending = None
        pending = (pending[0], bracket[1]) if pending else bracket
    if pending:
        yield pending


def _groups(
    columns: Sequence[_Column],
    brackets: Mapping[str, list[tuple[float, float]]],
    samples: Mapping[str, np.ndarray],
    total: int,
) -> Iterator[list[_Column]]:
    """Columns whose brackets may be scanned at once, by the number of values expected within."""
    import numpy as np

    group: list[_Column] = []
    held = 0.0
    for column in columns:
        sample = samples[column.name]
        expected = 0.0
        for low, high in brackets[column.name]:
            # Ties are brought back as one value a batch.
            start, stop = np.searchsorted(sample, [low, high])
            expected += (stop - start) * total / SAMPLE
        if group and held + expected > HELD:
            yield group
            group, held = [], 0.0
        group.append(column)
        held += expected
    yield group


def _scan(
    engine: Engine,
    values: Relation,
    columns: Sequence[_Column],
    brackets: dict[str, list[tuple[float, float]]],
) -> None:
    """Count and collect once, and give each column what lies in its brackets."""
    import numpy as np

    chosen = engine.sql(f"SELECT {', '.join(brackets)} FROM v", v=values)
    table = engine.collect(engine.map_batches(chosen, Brackets(brackets)))
    number, value, count = (table[name].to_numpy() for name in ("bracket", "value", "count"))
    del table
    heads = np.isnan(value)
    total = sum(map(len, brackets.values()))
    sums = np.bincount(number[heads], count[heads], minlength=total + len(columns)).astype(np.int64)
    order = np.lexsort((value, number))
    number, value, count = number[order], value[order], count[order]
    starts = np.searchsorted(number, np.arange(total + 1))
    place = 0
    for position, column in enumerate(columns):
        column.count = int(sums[total + position])
        for _ in brackets[column.name]:
            part = slice(starts[place], starts[place + 1])
            kept = ~np.isnan(value[part])
            column.take(value[part][kept], count[part][kept], int(sums[place]))
            place += 1

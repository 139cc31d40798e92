"""How far values have moved from others: the population stability index beyond what chance gives."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence

from stagecraft.stages.divergence import divergence

BINS = 10
ROWS_A_BIN = 10
"""A bin of the reference holds about so many values at least."""
OTHER = object()


def shift_of_numbers(values: Sequence[float | None], reference: Sequence[float | None]) -> float:
    """Return the PSI of numbers over quantile bins of the reference; missing ones (None, NaN) are a bin.

    What chance alone gives of two samples, (bins − 1) · (1/n + 1/m), is taken off (B. Yurdakul, Statistical
    Properties of Population Stability Index, 2018), so that few values do not look as if they had moved.

    :raises ValueError: a side is empty

    >>> steady = [number / 100 for number in range(100)]
    >>> shift_of_numbers(steady, steady), shift_of_numbers([9.0] * 100, steady) > 1
    (0.0, True)
    """
    known = sorted(value for value in reference if value is not None and value == value)
    bins = min(BINS, max(2, len(known) // ROWS_A_BIN))
    edges = sorted({known[len(known) * number // bins] for number in range(1, bins)} if known else set())

    def place(value: float | None) -> int:
        return -1 if value is None or value != value else bisect_left(edges, value)

    return _beyond_chance(Counter(map(place, values)), Counter(map(place, reference)))


def shift_of_categories(values: Sequence[Hashable], reference: Sequence[Hashable]) -> float:
    """Return the PSI of categories; those with few rows in the reference are one, missing ones another.

    :raises ValueError: a side is empty

    >>> shift_of_categories(["a", "b"] * 50, ["b", "a"] * 50)
    0.0
    """
    least = max(2, len(reference) // (BINS * 4))
    told = {value for value, count in Counter(reference).items() if count >= least}

    def place(value: Hashable) -> Hashable:
        return value if value is None or value in told else OTHER

    return _beyond_chance(Counter(map(place, values)), Counter(map(place, reference)))


def _beyond_chance(now: Counter[Hashable], before: Counter[Hashable]) -> float:
    places = list(now | before)
    found = divergence([now[place] for place in places], [before[place] for place in places])
    chance = (len(places) - 1) * (1 / now.total() + 1 / before.total())
    return max(0.0, found - chance)

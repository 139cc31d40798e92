"""How far values have moved from others: the population stability index beyond what chance gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from stagecraft.stages.divergence import divergence

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

BINS = 10
ROWS_A_BIN = 10
"""A bin of the reference holds about so many values at least."""
OTHER = object()


def shift_of_numbers(values: ArrayLike, reference: ArrayLike) -> float:
    """Return the PSI of numbers over quantile bins of the reference; missing ones (None, NaN) are a bin.

    What chance alone gives of two samples, (bins − 1) · (1/n + 1/m), is taken off (B. Yurdakul, Statistical
    Properties of Population Stability Index, 2018), so that few values do not look as if they had moved.

    :raises ValueError: a side is empty

    >>> steady = [number / 100 for number in range(100)]
    >>> shift_of_numbers(steady, steady), shift_of_numbers([9.0] * 100, steady) > 1
    (0.0, True)
    """
    import numpy as np

    now, before = np.asarray(values, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    known = np.sort(before[~np.isnan(before)])
    bins = min(BINS, max(2, len(known) // ROWS_A_BIN))
    edges = np.unique(known[len(known) * np.arange(1, bins) // bins]) if len(known) else known

    def counts(side: np.ndarray) -> list[int]:
        # NaN sorts behind all edges, as what is above the last does; it has a bin of its own.
        places = np.where(np.isnan(side), len(edges) + 1, np.searchsorted(edges, side))
        found: list[int] = np.bincount(places, minlength=len(edges) + 2).tolist()
        return found

    return _beyond_chance(counts(now), counts(before))


def shift_of_categories(values: Mapping[Hashable, int], reference: Mapping[Hashable, int]) -> float:
    """Return the PSI of categories; those with few rows in the reference are one, missing ones another.

    :param values: category → its rows; None are the missing ones
    :param reference: the same
    :raises ValueError: a side is empty

    >>> shift_of_categories({"a": 50, "b": 50}, {"b": 50, "a": 50})
    0.0
    """
    least = max(2, sum(reference.values()) // (BINS * 4))
    told = {value for value, count in reference.items() if count >= least}

    def counts(side: Mapping[Hashable, int]) -> Counter[Hashable]:
        found: Counter[Hashable] = Counter()
        for value, count in side.items():
            found[value if value is None or value in told else OTHER] += count
        return found

    now, before = counts(values), counts(reference)
    places = list(now | before)
    return _beyond_chance([now[place] for place in places], [before[place] for place in places])


def _beyond_chance(now: Sequence[int], before: Sequence[int]) -> float:
    bins = sum(1 for one, other in zip(now, before, strict=True) if one or other)
    chance = (bins - 1) * (1 / sum(now) + 1 / sum(before)) if sum(now) and sum(before) else 0.0
    return max(0.0, divergence(now, before) - chance)

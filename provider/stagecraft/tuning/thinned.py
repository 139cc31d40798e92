"""A few of many, for a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def thinned(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most so many of the items, evenly spaced, the first and the last among them.

    >>> thinned(range(101), 5)
    [0, 25, 50, 75, 100]
    """
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]

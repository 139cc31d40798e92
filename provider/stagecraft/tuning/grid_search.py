"""Grid search."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from functools import cached_property

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.searcher import Searcher, key_of
from stagecraft.tuning.space import Parameters

LEVELS = 5
POINTS = 100_000


class GridSearch(Searcher):
    """Tries every point of a grid once, in an order that the seed shuffles, and then ends.

    A dimension of few values has them all on the grid, another one five of them from end to end.

    :raises InvalidInputError: the grid has more than 100,000 points

    >>> from stagecraft.tuning.space import Integer, Space
    >>> searcher = GridSearch(Space({"depth": Integer(2, 4)}))
    >>> sorted(searcher.ask(number)["depth"] for number in range(searcher.limit))
    [2, 3, 4]
    """

    name = "grid"

    @property
    def limit(self) -> int:
        return len(self._points)

    @cached_property
    def _points(self) -> list[Parameters]:
        levels = [dimension.levels(LEVELS) for dimension in self.space.dimensions.values()]
        size = math.prod(map(len, levels))
        if size > POINTS:
            raise InvalidInputError(
                "search space", f"its grid has {size:,} points", f"a grid of at most {POINTS:,}, or 'random'"
            )
        names = list(self.space.dimensions)
        whole = (
            self.space.active(dict(zip(names, each, strict=True))) for each in itertools.product(*levels)
        )
        points = list({key_of(point): point for point in whole if self.space.feasible(point)}.values())
        random.Random(self.seed).shuffle(points)
        return points

    def propose(self, number: int, pending: Sequence[Parameters], source: random.Random) -> Parameters:
        return dict(self._points[number % len(self._points)])

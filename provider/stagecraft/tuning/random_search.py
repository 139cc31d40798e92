"""Random search."""

from __future__ import annotations

import random
from collections.abc import Sequence

from stagecraft.tuning.searcher import Searcher
from stagecraft.tuning.space import Parameters


class RandomSearch(Searcher):
    """Draws every trial's parameters independently.

    Source: Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 13, 2012.

    >>> from stagecraft.tuning.space import Integer, Space
    >>> searcher = RandomSearch(Space({"depth": Integer(2, 6)}), seed=1)
    >>> searcher.ask(0) == searcher.ask(0)
    True
    """

    name = "random"

    def propose(self, number: int, pending: Sequence[Parameters], source: random.Random) -> Parameters:
        return self.space.sample(source)

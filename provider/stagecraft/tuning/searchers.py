"""The searchers by their names."""

from __future__ import annotations

from typing import Literal

from stagecraft.tuning.gaussian_process import GaussianProcess
from stagecraft.tuning.random_search import RandomSearch
from stagecraft.tuning.searcher import Searcher
from stagecraft.tuning.space import Space

SearcherName = Literal["random", "gaussian_process"]
SEARCHERS: dict[str, type[Searcher]] = {kind.name: kind for kind in (RandomSearch, GaussianProcess)}


def make_searcher(name: SearcherName, space: Space, seed: int) -> Searcher:
    """Build a searcher by its name."""
    return SEARCHERS[name](space, seed)

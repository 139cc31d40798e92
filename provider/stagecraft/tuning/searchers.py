"""The searchers by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from stagecraft.tuning.cma_es import CovarianceMatrixAdaptation
from stagecraft.tuning.default import Default
from stagecraft.tuning.expression import Expression
from stagecraft.tuning.genetic import Genetic
from stagecraft.tuning.grid_search import GridSearch
from stagecraft.tuning.random_search import RandomSearch
from stagecraft.tuning.scikit_optimize import ExtraTrees, GaussianProcess, RandomForest
from stagecraft.tuning.searcher import Searcher
from stagecraft.tuning.space import Parameters, Space
from stagecraft.tuning.tpe import TreeParzen

SearcherName = Literal[
    "default",
    "random",
    "grid",
    "genetic",
    "cma_es",
    "tpe",
    "gaussian_process",
    "extra_trees",
    "random_forest",
]
SEARCHERS: dict[str, type[Searcher]] = {
    kind.name: kind
    for kind in (
        Default,
        RandomSearch,
        GridSearch,
        Genetic,
        CovarianceMatrixAdaptation,
        TreeParzen,
        GaussianProcess,
        ExtraTrees,
        RandomForest,
    )
}


def make_searcher(
    name: SearcherName,
    space: Space,
    seed: int,
    start: Sequence[Parameters] = (),
    effort: Expression | None = None,
    steps: str | None = None,
) -> Searcher:
    """Build a searcher by its name."""
    return SEARCHERS[name](space, seed, start, effort, steps)

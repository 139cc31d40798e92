"""Evolution of a normal distribution: CMA-ES."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stagecraft.tuning.searcher import Searcher
from stagecraft.tuning.space import Parameters

if TYPE_CHECKING:
    from cmaes import CMA

WIDTH = 0.3


class CovarianceMatrixAdaptation(Searcher):
    """Draws trials from a normal distribution, and moves and shapes it towards the better half of them.

    It begins in the middle of the space, or at the best of ``start``. Trials update it in groups, in the
    order of their numbers; one that runs beside others is drawn from the latest. A failed trial counts as the
    worst. It suits many numbers and few choices, and costs little.

    Source: Hansen, The CMA Evolution Strategy: A Tutorial, 2016; the package ``cmaes``.
    """

    name = "cma_es"

    def propose(self, number: int, pending: Sequence[Parameters], source: random.Random) -> Parameters:
        state = self._told(source)
        state.reseed_rng(source.getrandbits(32))
        return self.space.from_unit([float(unit) for unit in state.ask()])

    def _told(self, source: random.Random) -> CMA:
        """Return the distribution after what was told."""
        import numpy as np
        from cmaes import CMA

        known = [loss for loss in self.losses(source) if loss is not None]
        losses = [max(known) if loss is None else loss for loss in self.losses(source)] if known else []
        points = [np.array(self.space.to_unit(seen.parameters)) for seen in self.observations]
        first = min(len(self.start), len(losses))
        middle = np.full(len(self.space), 0.5)
        if first:
            middle = points[min(range(first), key=losses.__getitem__)]
        bounds = np.tile([0.0, 1.0], (len(self.space), 1))
        state = CMA(mean=middle, sigma=WIDTH, bounds=bounds, seed=self.seed)
        size = state.population_size
        for begin in range(first, len(losses) - size + 1, size):
            group = slice(begin, begin + size)
            state.tell(list(zip(points[group], losses[group], strict=True)))
        return state

"""Training in place: threads of one actor that update one model in its memory, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stagecraft.parameter_server.share import Share
from stagecraft.parameter_server.units import Done, Orders, Work

if TYPE_CHECKING:
    from stagecraft.parameter_server.checkpoint import Checkpoints, Part
    from stagecraft.parameter_server.plan import Plan


class InPlace(Share):
    """The whole model, and the workers on it: no key is pulled or pushed.

    One thread gives the same bits each time. Several do not wait for each other (Hogwild), so an update is
    lost now and then where they meet.

    Source: Niu et al., Hogwild!: A Lock-Free Approach to Parallelizing SGD, NIPS 2011.
    """

    def __init__(self, plan: Plan, checkpoints: Checkpoints) -> None:
        super().__init__(plan, 0, checkpoints)
        self._reader = plan.reader
        self._orders = Orders(plan.groups, plan.seed, kept=2 * plan.workers)

    def begin(self, part: Part | None, step: int, incarnation: int) -> None:
        """Go back to a checkpoint, or to the beginning."""
        self.restore(part)

    def run(self, work: Work) -> Done:
        """Train on a unit."""
        if work.unit is None:
            return Done(0.0, 0.0)
        group = work.unit.group
        self._reader.expect(work.following)
        rows, order = self._reader.read(group), self._orders.of(work.unit, work.epoch)
        loss = self._objective.train(rows, order, self._state)
        weight = float(rows.weight[order].sum(dtype=np.float64))
        return Done(loss, weight, self._reader.skipped.get(group, {}))

"""Training in place: threads of one actor that update one model in its memory, row by row."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from stagecraft.parameter_server.share import Share
from stagecraft.parameter_server.units import Done, Orders, Work

if TYPE_CHECKING:
    from stagecraft.parameter_server.checkpoint import Checkpoints, Part
    from stagecraft.parameter_server.plan import Plan
    from stagecraft.parameter_server.rows import Rows


class InPlace(Share):
    """The whole model, and the workers on it: no key is pulled or pushed.

    One thread gives the same bits each time. Several do not wait for each other (Hogwild), so an update is
    lost now and then where they meet.

    Source: Niu et al., Hogwild!: A Lock-Free Approach to Parallelizing SGD, NIPS 2011.
    """

    def __init__(self, plan: Plan, checkpoints: Checkpoints) -> None:
        super().__init__(plan, 0, checkpoints)
        self._training = 0
        self._places = lru_cache(plan.workers)(self._found)
        self._reader = plan.reader
        self._orders = Orders(plan.groups, plan.seed, kept=2 * plan.workers)

    def begin(self, part: Part | None, step: int, incarnation: int) -> None:
        """Go back to a checkpoint, or to the beginning."""
        self.restore(part)

    def restore(self, part: Part | None) -> None:
        super().restore(part)
        self._places.cache_clear()

    def run(self, work: Work) -> Done:
        """Train on a unit."""
        if work.unit is None:
            return Done(0.0, 0.0)
        group = work.unit.group
        self._reader.expect(work.following)
        rows, order = self._reader.read(group), self._orders.of(work.unit, work.epoch)
        loss = self._train(group, rows, order)
        weight = float(rows.weight[order].sum(dtype=np.float64))
        return Done(loss, weight, self._reader.skipped.get(group, {}))

    def _train(self, group: int, rows: Rows, order: np.ndarray) -> float:
        if not self._plan.grows:
            return self._objective.train(rows, order, self._state)
        with self._turn:
            places = self._places(group)
            self._training += 1
        try:
            return self._objective.train(rows, order, self._state, places)
        finally:
            with self._turn:
                self._training -= 1
                self._turn.notify_all()

    def _found(self, group: int) -> np.ndarray:
        """Return the slot of each feature of a row group, and then those of the keys that all rows share."""
        plan = self._plan
        common = np.arange(plan.dimension - self._objective.common, plan.dimension)
        slots = self._slots(np.concatenate([self._reader.read(group).csr.indices, common]))
        return slots.astype(np.int32 if len(self._state) <= 2**31 else np.int64)

    def _grow(self) -> None:
        """Wait until no thread writes to the state that there is."""
        assert self._dictionary is not None
        self._turn.wait_for(lambda: self._training == 0)
        if len(self._dictionary) > len(self._state):
            super()._grow()

"""A share of the model: the state of some keys in memory, in checkpoints, and as a model."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen

if TYPE_CHECKING:
    from stagecraft.parameter_server.checkpoint import Checkpoints, Part
    from stagecraft.parameter_server.plan import Plan


class Stats(NamedTuple):
    """What a share looks like from outside.

    :param keys: keys that gradients have reached
    :param bytes: memory of their states
    :param behind: steps that others had pushed between a worker's pull and its push, since the last call:
        their sum
    :param furthest: the most of them
    :param pushes: the pushes that the sum is over
    """

    keys: int
    bytes: int
    behind: float = 0.0
    furthest: float = 0.0
    pushes: int = 0


class Share:
    """The state of the keys ``number``, ``number + shares`` …; each has the slot ``key // shares``.

    :param number: which share of :attr:`shares`
    """

    def __init__(self, plan: Plan, number: int, checkpoints: Checkpoints) -> None:
        self._plan, self._number, self._checkpoints = plan, number, checkpoints
        self._shares = max(plan.shards, 1)
        self._objective = plan.objective
        self._slots = len(range(number, plan.dimension, self._shares))
        self._state = np.empty((0, self._objective.width, 2), np.float32)
        self._writer = ThreadPoolExecutor(1)
        self.writing: Future[Part] | None = None
        """The part of the last snapshot."""

    def restore(self, part: Part | None) -> None:
        """Take the state of a checkpoint; without one that of the plan's warm start, or zeros."""
        self._state = np.empty((0, self._objective.width, 2), np.float32)  # Freed before there is another.
        # np.zeros would take the memory at the first touch of each page, and the pages small ones.
        self._state = np.full((self._slots, self._objective.width, 2), 0, np.float32)
        if part is not None:
            slots, state = self._checkpoints.read_part(part, self._objective.width)
            self._state[slots] = state
        elif self._plan.warm_start is not None:
            keys, state = self._plan.warm_start.states(self._plan)
            own = np.flatnonzero(keys % self._shares == self._number)
            self._state[keys[own] // self._shares] = state[own]

    def snapshot(self, step: int) -> None:
        """Copy the state as it is now, and begin to write it as a part of a checkpoint."""
        slots = occupied(self._state)
        arguments = (self._number, step, slots, self._state[slots])
        self.writing = self._writer.submit(self._checkpoints.write_part, *arguments)

    def written(self) -> Part:
        """Return the part of the last snapshot, once it is written."""
        assert self.writing is not None
        return self.writing.result()

    def states(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the keys that gradients have reached, int64, and their states, float32[keys, width, 2]."""
        slots = occupied(self._state)
        return slots * self._shares + self._number, self._state[slots]

    def pull(self, slots: np.ndarray) -> np.ndarray:
        """Return the weights of slots, float32[slots, width]."""
        wanted = slots.astype(np.int64)
        return self._objective.pull(self._state, wanted, wanted * self._shares + self._number)

    def stats(self) -> Stats:
        """Count what there is; that reads the whole state."""
        return Stats(count(frozen(self._state).view(np.uint64)), self._state.nbytes)

    def watch(self) -> None:
        """Never return: the call fails when the actor is lost."""
        threading.Event().wait()


def occupied(state: np.ndarray) -> np.ndarray:
    """Return the slots whose state is not all zeros, int64, ascending.

    :param state: float32[slots, width, 2]
    """
    bits = frozen(state).view(np.uint64)
    slots = np.empty(count(bits), np.int64)
    _fill(bits, slots)
    return slots


@compiled  # type: ignore[untyped-decorator]
def count(bits: np.ndarray) -> int:
    """Return how many slots are not all zeros.

    :param bits: uint64[slots, width, 1], the state's pairs
    """
    found = 0
    for slot in range(bits.shape[0]):
        held = np.uint64(0)
        for c in range(bits.shape[1]):
            held |= bits[slot, c, 0]
        found += held != 0
    return found


@compiled  # type: ignore[untyped-decorator]
def _fill(bits: np.ndarray, slots: np.ndarray) -> None:
    found = 0
    for slot in range(bits.shape[0]):
        held = np.uint64(0)
        for c in range(bits.shape[1]):
            held |= bits[slot, c, 0]
        if held != 0:
            slots[found] = slot
            found += 1

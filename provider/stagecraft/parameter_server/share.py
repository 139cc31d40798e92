"""A share of the model: the state of some keys in memory, in checkpoints, and as a model."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen
from stagecraft.parameter_server.kernels.dictionary import ABSENT, Dictionary

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
    """The state of the keys ``number``, ``number + shares`` …; key ``k`` is number ``k // shares`` of them.

    Number ``n`` has slot ``n`` of the state. Of a model that grows, a number has the slot that a dictionary
    gives it when it first comes.

    :param number: which share of :attr:`shares`
    """

    def __init__(self, plan: Plan, number: int, checkpoints: Checkpoints) -> None:
        self._plan, self._number, self._checkpoints = plan, number, checkpoints
        self._shares = max(plan.shards, 1)
        self._objective = plan.objective
        self._turn = threading.Condition()
        self._dictionary: Dictionary | None = None
        self._state = np.empty((0, self._objective.width, 2), np.float32)
        self._writer = ThreadPoolExecutor(1)
        self.writing: Future[Part] | None = None
        """The part of the last snapshot."""

    def restore(self, part: Part | None) -> None:
        """Take the state of a checkpoint; without one that which the plan begins with."""
        grows = self._plan.grows
        slots = 0 if grows else len(range(self._number, self._plan.dimension, self._shares))
        self._dictionary = Dictionary() if grows else None
        self._state = np.empty((0, self._objective.width, 2), np.float32)  # Freed before there is another.
        # np.zeros would take the memory at the first touch of each page, and the pages small ones.
        self._state = np.full((slots, self._objective.width, 2), 0, np.float32)
        if part is not None:
            self._take(*self._checkpoints.read_part(part, self._objective.width))
        else:
            keys, state = self._plan.start
            own = np.flatnonzero(keys % self._shares == self._number)
            self._take(keys[own] // self._shares, state[own])

    def _take(self, numbers: np.ndarray, state: np.ndarray) -> None:
        slots = self._slots(numbers)
        self._state[slots] = state

    def _slots(self, numbers: np.ndarray) -> np.ndarray:
        """Return the slots of numbers, integers; there is a state for each."""
        if self._dictionary is None:
            return numbers
        slots = self._dictionary.slots(numbers)
        if len(self._dictionary) > len(self._state):
            self._grow()
        return slots

    def _grow(self) -> None:
        """Make room for the keys of the dictionary, and as many more."""
        assert self._dictionary is not None
        self._state = extended(self._state, max(len(self._dictionary), 2 * len(self._state)))

    def _keys(self, slots: np.ndarray) -> np.ndarray:
        """Return the keys of slots, int64."""
        numbers = slots if self._dictionary is None else self._dictionary.keys[slots]
        keys: np.ndarray = np.multiply(numbers, self._shares, dtype=np.int64)
        keys += self._number
        return keys

    def snapshot(self, step: int) -> None:
        """Copy the state as it is now, and begin to write it as a part of a checkpoint."""
        keys, state = self.states()
        arguments = (self._number, step, keys // self._shares, state)
        self.writing = self._writer.submit(self._checkpoints.write_part, *arguments)

    def written(self) -> Part:
        """Return the part of the last snapshot, once it is written."""
        assert self.writing is not None
        return self.writing.result()

    def states(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the keys that gradients have reached and their states.

        :return: int64, ascending; and float32[keys, width, 2]
        """
        slots = occupied(self._state)
        keys = self._keys(slots)
        if self._dictionary is not None:
            order = np.argsort(keys)
            keys, slots = keys[order], slots[order]
        return keys, self._state[slots]

    def pull(self, numbers: np.ndarray) -> np.ndarray:
        """Return the weights of numbers as they are, float32[numbers, width]."""
        keys = numbers.astype(np.int64) * self._shares + self._number
        if self._dictionary is None:
            return self._objective.pull(self._state, numbers.astype(np.int64), keys)
        with self._turn:
            slots, state = self._dictionary.find(numbers), self._state
        known = (slots != ABSENT) & (slots < len(state))
        found = np.zeros((len(keys), *state.shape[1:]), np.float32)
        found[known] = state[slots[known]]
        return self._objective.weights(found, keys)

    def stats(self) -> Stats:
        """Count what there is; that reads the whole state."""
        state, dictionary = self._state, self._dictionary
        keys = count(frozen(state).view(np.uint64))
        if dictionary is None:
            return Stats(keys, state.nbytes)
        return Stats(keys, dictionary.nbytes + len(dictionary) * 8 * self._objective.width)

    def watch(self) -> None:
        """Never return: the call fails when the actor is lost."""
        threading.Event().wait()


def extended(array: np.ndarray, length: int) -> np.ndarray:
    """Return an array of that length that begins as this one, and goes on with zeros.

    >>> extended(np.ones((1, 2)), 3).tolist()
    [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]
    """
    longer = np.zeros((length, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer


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

"""The state of a table of keys: weights read from it, and summed gradients applied to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen
from stagecraft.parameter_server.kernels.coordinate import Settings, updated_late, weight_of
from stagecraft.parameter_server.kernels.prefetch import prefetch_span

BIAS = 0
"""The key of the bias, which has a weight and no vectors."""


AHEAD = 16
"""Keys ahead whose states are on their way from memory."""


class Initial(NamedTuple):
    """The weights that no gradient has reached: uniform, a function of key, coordinate and seed.

    :param reach: the largest; the smallest is its negative
    """

    reach: np.float32
    seed: np.uint64

    @classmethod
    def of(cls, deviation: float = 0.0, seed: int = 0) -> Initial:
        """Take their standard deviation."""
        return cls(np.float32(deviation * 3**0.5), np.uint64(seed * 0xD1342543DE82EF95 % 2**64))


@dataclass(frozen=True)
class Table:
    """What the coordinates of a key are: first ``head`` weights of the linear part, then vectors."""

    width: int
    head: int
    settings: Settings
    vector_settings: Settings
    initial: Initial

    @property
    def common(self) -> int:
        """The keys after those of the features, of numbers that all rows share."""
        return 0

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the keys that training begins with, int64, and their states, float32[keys, width, 2]."""
        return np.empty(0, np.int64), np.empty((0, self.width, 2), np.float32)

    def parts(self, keys: np.ndarray) -> list[tuple[Table, np.ndarray]]:
        """Return the tables that keys belong to, each with which of the keys, bool."""
        return [(self, np.ones(len(keys), dtype=bool))]

    def pull(self, state: np.ndarray, slots: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Return the weights of keys, float32[keys, width].

        :param slots: integers, where the state of each key is
        """
        weights: np.ndarray = _pull(frozen(state), frozen(slots), frozen(keys), *self._parameters)
        return weights

    def push(
        self,
        state: np.ndarray,
        slots: np.ndarray,
        keys: np.ndarray,
        gradient: np.ndarray,
        missed: np.ndarray | None = None,
    ) -> None:
        """Apply gradients that are summed over a step, so √n grows by the square of the sum.

        The sum of squares instead takes a hundred agreeing gradients for noise of the same size, and training
        diverges as the rows in flight grow.

        :param slots: integers, distinct
        :param gradient: float32[keys, width]
        :param missed: float32[keys, width], the sums of the gradients that were applied between the pull of
            the weights and this push; None where none were
        """
        others = gradient[:0] if missed is None else missed
        read = [frozen(array) for array in (slots, keys, gradient, others)]
        _push(state, *read, *self._parameters)

    def weights(self, state: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Return the weights of keys whose states are given in the same order, float32[keys, width]."""
        return self.pull(state, np.arange(len(keys)), keys)

    @property
    def _parameters(self) -> tuple[int, Settings, Settings, Initial]:
        return self.head, self.settings, self.vector_settings, self.initial


@compiled  # type: ignore[untyped-decorator]
def initial_weight(key: np.int64, coordinate: np.int64, initial: Initial) -> np.float32:
    """Return a weight that no gradient has reached, by the finalizer of SplitMix64 (Steele et al. 2014)."""
    if key == BIAS:
        return np.float32(0)
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(coordinate) + initial.seed
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    share = np.float32(np.int32(mixed >> np.uint64(32))) * np.float32(2**-31)
    return initial.reach * share


@compiled  # type: ignore[untyped-decorator]
def _pull(
    state: np.ndarray,
    slots: np.ndarray,
    keys: np.ndarray,
    head: int,
    settings: Settings,
    vectors: Settings,
    initial: Initial,
) -> np.ndarray:
    width = state.shape[1]
    weights = np.empty((keys.shape[0], width), np.float32)
    flat, span = state.reshape(-1), 2 * width  # A view for each key would cost more than the arithmetic.
    for at in range(keys.shape[0]):
        if at + AHEAD < slots.shape[0]:
            ahead = span * slots[at + AHEAD]
            prefetch_span(flat, ahead, ahead + span)
        own = span * slots[at]
        for c in range(head):
            place = np.uint64(own + 2 * c)
            weights[at, c] = weight_of(flat[place], flat[place + np.uint64(1)], settings)
        for c in range(head, width):
            place = np.uint64(own + 2 * c)
            first, root = flat[place], flat[place + np.uint64(1)]
            weights[at, c] = (
                initial_weight(keys[at], c, initial) if root == 0 else weight_of(first, root, vectors)
            )
    return weights


@compiled  # type: ignore[untyped-decorator]
def _push(
    state: np.ndarray,
    slots: np.ndarray,
    keys: np.ndarray,
    gradient: np.ndarray,
    missed: np.ndarray,
    head: int,
    settings: Settings,
    vectors: Settings,
    initial: Initial,
) -> None:
    width = state.shape[1]
    flat, span = state.reshape(-1), 2 * width
    late = missed.shape[0] > 0
    for at in range(keys.shape[0]):
        if at + AHEAD < slots.shape[0]:
            ahead = span * slots[at + AHEAD]
            prefetch_span(flat, ahead, ahead + span)
        own = span * slots[at]
        for c in range(width):
            place = np.uint64(own + 2 * c)
            first, root = flat[place], flat[place + np.uint64(1)]
            others = missed[at, c] if late else np.float32(0)
            if c < head:
                weight = weight_of(first, root, settings)
                after = updated_late(first, root, weight, gradient[at, c], others, settings)
            else:
                weight = (
                    initial_weight(keys[at], c, initial) if root == 0 else weight_of(first, root, vectors)
                )
                after = updated_late(first, root, weight, gradient[at, c], others, vectors)
            flat[place], flat[place + np.uint64(1)] = after

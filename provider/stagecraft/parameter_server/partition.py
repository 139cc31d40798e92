"""Which shard holds which key."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen


class Split(NamedTuple):
    """Keys by shard.

    :param numbers: int32 or int64, the keys' numbers within their shards, shard after shard
    :param source: int32, the position of each among the keys
    :param bounds: int64, where the numbers of each shard begin, and their end
    """

    numbers: np.ndarray
    source: np.ndarray
    bounds: np.ndarray

    def of(self, shard: int) -> slice:
        return slice(int(self.bounds[shard]), int(self.bounds[shard + 1]))


class Partition(NamedTuple):
    """Which shard holds which key: key ``k`` is number ``k // shards`` of shard ``k % shards``.

    Neighbours, which tend to be equally hot, land on different shards.

    :param dimension: the number of keys
    """

    dimension: int
    shards: int

    def size(self, shard: int) -> int:
        """The number of keys that a shard holds."""
        return len(range(shard, self.dimension, self.shards))

    @property
    def number_type(self) -> type[np.integer]:
        """The smallest type that holds every number within a shard."""
        return np.int32 if self.size(0) <= 2**31 else np.int64

    def split(self, keys: np.ndarray) -> Split:
        """Sort keys by their shards; within a shard they stay in order.

        :param keys: int64

        >>> split = Partition(10, shards=2).split(np.array([7, 4, 5, 0]))
        >>> split.numbers[split.of(0)].tolist(), split.numbers[split.of(1)].tolist()
        ([2, 0], [3, 2])
        """
        numbers = np.empty(len(keys), self.number_type)
        source = np.empty(len(keys), np.int32)
        bounds = np.zeros(self.shards + 1, np.int64)
        _split(frozen(keys), self.shards, numbers, source, bounds)
        return Split(numbers, source, bounds)


@compiled  # type: ignore[untyped-decorator]
def _split(
    keys: np.ndarray, shards: int, numbers: np.ndarray, source: np.ndarray, bounds: np.ndarray
) -> None:
    divisor = np.uint64(shards)  # Without a sign the division is short, and places are taken as they are.
    for key in keys:
        bounds[np.uint64(key) % divisor + np.uint64(1)] += 1
    for shard in range(shards):
        bounds[shard + 1] += bounds[shard]
    free = bounds[:-1].copy()
    for at in range(keys.shape[0]):
        number = np.uint64(keys[at]) // divisor
        own = np.uint64(keys[at]) - number * divisor
        place = np.uint64(free[own])
        free[own] += 1
        numbers[place] = number
        source[place] = at

"""A shard: the state of its share of the keys, in an actor of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stagecraft.parameter_server import kernel

if TYPE_CHECKING:
    from stagecraft.parameter_server.checkpoint import Checkpoints, Part
    from stagecraft.parameter_server.optimizer import FTRL


class Partition(NamedTuple):
    """Which shard holds which key: key ``k`` is number ``k // shards`` of shard ``k % shards``.

    Neighbours, which tend to be equally hot, land on different shards.
    """

    dimension: int
    shards: int

    def size(self, shard: int) -> int:
        """The number of keys that a shard holds."""
        return len(range(shard, self.dimension, self.shards))

    def split(self, keys: np.ndarray) -> list[np.ndarray]:
        """Return for each shard the positions in ``keys`` that are its own."""
        owner = keys % self.shards
        return [np.flatnonzero(owner == shard) for shard in range(self.shards)]

    def join(self, parts: list[np.ndarray]) -> np.ndarray:
        """Return one vector over all keys from one a shard."""
        whole = np.empty(self.dimension, dtype=parts[0].dtype)
        for shard, part in enumerate(parts):
            whole[shard :: self.shards] = part
        return whole


class Shard:
    """Sums the workers' gradients of a step in the order of their ranks and applies them once.

    A step is applied when every worker's push has come, so a run is a function of its inputs: the same run
    twice gives the same bits. Keys are numbers within the shard. Each time the run goes back to a checkpoint
    it has a new incarnation, and what belongs to an earlier one is refused.

    :param size: the number of keys
    """

    def __init__(self, size: int, optimizer: FTRL, workers: int, checkpoints: Checkpoints) -> None:
        self._settings = (optimizer.alpha, optimizer.beta, optimizer.l1, optimizer.l2)
        self._workers = workers
        self._checkpoints = checkpoints
        self._incarnation = self._step = 0
        self._total = np.zeros(size, dtype=np.float64)
        self._state = np.zeros((size, 2), dtype=np.float32)
        self._pushes: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._applied = asyncio.Event()

    async def pull(self, keys: np.ndarray) -> np.ndarray:
        """Return the weights of keys, float32."""
        weights: np.ndarray = kernel.pull(self._state, np.array(keys), *self._settings)
        return weights

    async def exchange(
        self,
        rank: int,
        incarnation: int,
        step: int,
        keys: np.ndarray,
        gradient: np.ndarray,
        following: np.ndarray,
    ) -> np.ndarray:
        """Take a worker's gradients of a step, wait until the step is applied, and return weights.

        :param keys: distinct
        :param following: the keys of the worker's next step, whose weights are returned
        """
        self._check(incarnation)
        if step != self._step or rank in self._pushes:
            raise RuntimeError(f"worker {rank} pushes step {step}, but the shard is at step {self._step}")
        self._pushes[rank] = (np.array(keys), np.array(gradient))
        if len(self._pushes) == self._workers:
            self._apply()
        else:
            await self._applied.wait()
            self._check(incarnation)
        return await self.pull(following)

    def _check(self, incarnation: int) -> None:
        if incarnation != self._incarnation:
            raise RuntimeError(f"the run has gone back to a checkpoint since incarnation {incarnation}")

    def _apply(self) -> None:
        pushes = [self._pushes[rank] for rank in range(self._workers)]
        for keys, gradient in pushes:
            kernel.add(self._total, keys, gradient)
        for keys, _ in pushes:
            kernel.push(self._state, keys, self._total, *self._settings)
        self._pushes.clear()
        self._step += 1
        self._release()

    def _release(self) -> None:
        applied, self._applied = self._applied, asyncio.Event()
        applied.set()

    async def restore(self, part: Part | None, step: int, incarnation: int) -> None:
        """Take the state of a checkpoint at ``step``, or zeros, and begin an incarnation."""
        self._incarnation, self._step = incarnation, step
        self._pushes.clear()
        self._state[:] = 0
        if part is not None:
            self._checkpoints.read_part(part, self._state)
        self._release()

    async def save(self, shard: int) -> Part:
        """Write the state as a part of a checkpoint."""
        return self._checkpoints.write_part(shard, self._step, self._state)

    async def weights(self) -> np.ndarray:
        """Return the weights of all keys, float32."""
        return await self.pull(np.arange(len(self._state), dtype=np.int32))

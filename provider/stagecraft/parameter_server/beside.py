"""What a worker and the shard of its own actor say to each other: calls in place of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stagecraft.parameter_server.wire import NONE, Refused, Severed

if TYPE_CHECKING:
    from stagecraft.parameter_server.shard import Shard


class Beside:
    """What a :class:`.Channel` is to other shards, to the shard of a worker's own actor."""

    def __init__(self, shard: Shard, rank: int, incarnation: int) -> None:
        self._shard, self._rank, self._incarnation = shard, rank, incarnation
        self._asked: tuple[int, np.ndarray] = NONE, np.empty(0, np.int64)
        self._weights = np.empty(0, np.float32)

    def send(self, steps: np.ndarray, gradient: np.ndarray, numbers: np.ndarray) -> None:
        """Push the gradients, and note what is asked for: that may have to wait for other workers' pushes."""
        push, pull, *_ = steps.tolist()
        if push != NONE:
            self._exchange(push, gradient, NONE, numbers[:0])
        self._asked = pull, numbers

    def answered(self) -> None:
        """Pull what was asked for, once it may be."""
        pull, numbers = self._asked
        if pull != NONE:
            self._weights = self._exchange(NONE, self._weights[:0], pull, numbers)

    def receive(self, into: np.ndarray) -> np.ndarray:
        """Fill an array with the weights."""
        into[...] = self._weights
        return into

    def close(self) -> None:
        """Do nothing; the shard wakes who waits for it."""

    def _exchange(self, push: int, gradient: np.ndarray, pull: int, numbers: np.ndarray) -> np.ndarray:
        try:
            return self._shard.exchange(self._rank, self._incarnation, push, gradient, pull, numbers)
        except Severed:
            raise
        except Exception as error:
            raise Refused(f"ps_train: {self._shard.refusal(self._rank, error)}") from error

"""A worker: computes the gradients of its units, in an actor of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import ray

from stagecraft.parameter_server import kernel
from stagecraft.parameter_server.units import row_order

if TYPE_CHECKING:
    from stagecraft.parameter_server.rows import RowReader
    from stagecraft.parameter_server.shard import Partition
    from stagecraft.parameter_server.units import RowGroup, Unit

NOTHING = np.empty(0, dtype=np.int64)


class Work(NamedTuple):
    """A worker's share of a round.

    :param unit: its rows; None where there are none, and the worker only keeps step
    :param step: the round's first step
    :param steps: the number of steps, equal for all workers
    """

    unit: Unit | None
    epoch: int
    step: int
    steps: int


class Done(NamedTuple):
    """What a worker saw in a round: the sum of its weighted losses, and of its weights."""

    loss: float
    weight: float


class Worker:
    """Pulls the weights that a step touches, computes the gradients, and pushes them.

    The push of a step and the pull for the next are one call to each shard, so a step costs one round trip.

    :param rank: its place in the order in which gradients are summed
    :param batch_rows: rows that this worker takes a step
    """

    def __init__(
        self,
        rank: int,
        reader: RowReader,
        groups: list[RowGroup],
        *,
        seed: int,
        batch_rows: int,
        loss: int,
        partition: Partition,
    ) -> None:
        self._rank, self._reader, self._groups = rank, reader, groups
        self._seed, self._batch_rows, self._loss = seed, batch_rows, loss
        self._partition = partition
        self._shards: list[Any] = []
        self._incarnation = 0
        self._weights = np.zeros(partition.dimension, dtype=np.float32)
        self._gradient = np.zeros(partition.dimension, dtype=np.float64)
        self._mark = np.full(partition.dimension, -1, dtype=np.int32)
        self._stamp = -1

    def join(self, shards: list[Any], incarnation: int) -> None:
        """Begin an incarnation of the run, with these actors as its shards."""
        self._shards, self._incarnation = shards, incarnation
        self._gradient[:] = 0

    def run(self, work: Work) -> Done:
        """Train on a unit, step by step with the other workers."""
        if work.unit is None:
            csr, label, weight = self._reader.read(0)
            rows = NOTHING
        else:
            csr, label, weight = self._reader.read(work.unit.group)
            order = row_order(self._groups, work.unit.group, epoch=work.epoch, seed=self._seed)
            rows = order[work.unit.start : work.unit.stop]
        total = 0.0
        keys, places = self._touched(csr, rows[: self._batch_rows])
        self._take(keys, places, self._ask("pull", [(self._local(keys[place]),) for place in places]))
        for number in range(work.steps):
            start = number * self._batch_rows
            batch = rows[start : start + self._batch_rows]
            total += kernel.gradients(*csr, label, weight, batch, self._weights, self._gradient, self._loss)
            after, after_places = self._touched(
                csr, rows[start + self._batch_rows : start + 2 * self._batch_rows]
            )
            pushes = [
                (
                    self._rank,
                    self._incarnation,
                    work.step + number,
                    self._local(keys[place]),
                    self._gradient[keys[place]].astype(np.float32),
                    self._local(after[following]),
                )
                for place, following in zip(places, after_places, strict=True)
            ]
            self._gradient[keys] = 0
            keys, places = after, after_places
            self._take(keys, places, self._ask("exchange", pushes))
        return Done(total, float(weight[rows].sum(dtype=np.float64)))

    def _touched(self, csr: Any, rows: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the distinct keys of rows, and the positions of each shard's among them."""
        self._stamp += 1
        keys = kernel.touched(csr.indptr, csr.indices, rows, self._mark, self._stamp)
        return keys, self._partition.split(keys)

    def _local(self, keys: np.ndarray) -> np.ndarray:
        local: np.ndarray = keys // self._partition.shards
        return local

    def _ask(self, method: str, arguments: list[tuple[Any, ...]]) -> list[np.ndarray]:
        """Call a method of every shard, each with its arguments."""
        calls = [
            getattr(shard, method).remote(*given)
            for shard, given in zip(self._shards, arguments, strict=True)
        ]
        answers: list[np.ndarray] = ray.get(calls)
        return answers

    def _take(self, keys: np.ndarray, places: list[np.ndarray], weights: list[np.ndarray]) -> None:
        for place, part in zip(places, weights, strict=True):
            self._weights[keys[place]] = part

"""A worker: computes the gradients of its units."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stagecraft.parameter_server.beside import Beside
from stagecraft.parameter_server.kernels.localize import localize
from stagecraft.parameter_server.units import Done, Orders, Work
from stagecraft.parameter_server.wire import NONE, Address, Channel, connect

if TYPE_CHECKING:
    from stagecraft.parameter_server.partition import Split
    from stagecraft.parameter_server.plan import Plan
    from stagecraft.parameter_server.rows import Rows
    from stagecraft.parameter_server.shard import Shard

NOTHING = np.empty(0, dtype=np.int64)


class Batch(NamedTuple):
    """The rows of a step.

    :param order: int64, their positions
    :param local: int32, the place of each of their features' keys
    :param split: their distinct keys by shard
    """

    step: int
    order: np.ndarray
    local: np.ndarray
    split: Split

    @property
    def keys(self) -> int:
        return len(self.split.numbers)


class Worker:
    """Pulls the weights that a step touches, computes the gradients, and pushes them.

    What it holds is bounded by the rows of a step, never by the dimension. The push of a step and the pull of
    a later one are one message to each shard: of the next step where workers wait for each other, else of the
    one after it, whose weights come while the next is computed.

    :param rank: its place in the order in which gradients are summed
    :param token: the run's secret
    :param beside: the shard of the same number, if that is in this process
    """

    def __init__(self, plan: Plan, rank: int, token: bytes, beside: Shard | None = None) -> None:
        self._plan, self._rank, self._token, self._beside = plan, rank, token, beside
        self._objective, self._partition = plan.objective, plan.partition
        self._common = np.arange(plan.dimension - self._objective.common, plan.dimension)
        self._reader = plan.reader
        self._orders = Orders(plan.groups, plan.seed)
        self._channels: list[Channel | Beside] = []

    def join(self, shards: list[Address], incarnation: int) -> None:
        """Begin an incarnation of the run, with the shards at these addresses."""
        for channel in self._channels:
            channel.close()
        self._channels = []
        for number, shard in enumerate(shards):
            if self._beside is not None and number == self._rank:
                self._channels.append(Beside(self._beside, self._rank, incarnation))
            else:
                self._channels.append(connect(shard, self._token, self._rank, incarnation))

    def run(self, work: Work) -> Done:
        """Train on a unit, step by step.

        :raises Severed: a shard is lost
        :raises Refused: a shard cannot do what it was asked to
        """
        group = work.unit.group if work.unit else 0
        self._reader.expect(work.following)
        rows = self._reader.read(group)
        order = self._orders.of(work.unit, work.epoch) if work.unit else NOTHING
        ahead, last = self._plan.consistency.ahead, work.step + work.steps
        ready: deque[tuple[Batch, np.ndarray]] = deque()
        asked: Batch | None = None
        following = self._batch(rows, order, work, work.step)
        total = 0.0
        for step in range(work.step - ahead, last):
            pushed, gradient = None, NOTHING
            if step >= work.step:
                if asked and not ready:
                    ready.append((asked, self._answer(asked)))
                    asked = None
                pushed, weights = ready.popleft()
                gradient = np.zeros_like(weights)
                total += self._objective.gradients(rows, pushed.order, pushed.local, weights, gradient)
            if asked:
                ready.append((asked, self._answer(asked)))
            asked = following if step + ahead < last else None
            self._ask(pushed, gradient, asked)
            if asked:
                following = self._batch(rows, order, work, step + ahead + 1)
            else:
                self._answer(None)
        weight = float(rows.weight[order].sum(dtype=np.float64))
        return Done(total, weight, self._reader.skipped.get(group, {}))

    def _batch(self, rows: Rows, order: np.ndarray, work: Work, step: int) -> Batch:
        start = (step - work.step) * self._plan.worker_rows
        taken = order[start : start + self._plan.worker_rows]
        keys, local = localize(rows.csr, taken)
        if len(self._common):
            keys = np.concatenate([keys, self._common])
        return Batch(step, taken, local, self._partition.split(keys))

    def _ask(self, pushed: Batch | None, gradient: np.ndarray, asked: Batch | None) -> None:
        """Send every shard the gradients of a batch, and the keys of another one."""
        if pushed is not None:
            gradient = gradient.take(pushed.split.source, axis=0)
        for shard, channel in enumerate(self._channels):
            own = gradient[pushed.split.of(shard)] if pushed else NOTHING
            wanted = asked.split.numbers[asked.split.of(shard)] if asked else NOTHING
            steps = (pushed.step if pushed else NONE, asked.step if asked else NONE)
            channel.send(np.array([*steps, len(own), len(wanted)], np.int64), own, wanted)

    def _answer(self, asked: Batch | None) -> np.ndarray:
        """Receive every shard's answer: float32[keys of the batch asked for, width]."""
        answer = np.empty((asked.keys if asked else 0, self._objective.width), np.float32)
        for shard, channel in enumerate(self._channels):
            channel.answered()
            if asked:
                channel.receive(answer[asked.split.of(shard)])
        if asked is None:
            return answer
        weights = np.empty_like(answer)
        weights[asked.split.source] = answer
        return weights

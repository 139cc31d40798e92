"""A shard and the worker of the same number in one actor: what they say to each other stays in its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagecraft.parameter_server.shard import Shard
from stagecraft.parameter_server.worker import Worker

if TYPE_CHECKING:
    from stagecraft.parameter_server.checkpoint import Checkpoints
    from stagecraft.parameter_server.plan import Plan
    from stagecraft.parameter_server.units import Done, Work
    from stagecraft.parameter_server.wire import Address


class Pair(Shard):
    """A shard whose worker beside it pulls from it and pushes to it by calls, from others by messages.

    The kernels let other threads run, so the shard serves others while its worker computes.

    :param number: the shard's, and the worker's rank
    :param token: the run's secret
    """

    def __init__(self, plan: Plan, number: int, checkpoints: Checkpoints, token: bytes) -> None:
        super().__init__(plan, number, checkpoints, token)
        self._worker = Worker(plan, number, token, beside=self)

    def join(self, shards: list[Address], incarnation: int) -> None:
        """Let the worker begin an incarnation of the run, with the shards at these addresses."""
        self._worker.join(shards, incarnation)

    def run(self, work: Work) -> Done:
        """Train on a unit; see :meth:`.Worker.run`."""
        return self._worker.run(work)

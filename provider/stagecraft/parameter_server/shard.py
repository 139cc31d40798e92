"""A shard: a share of the model in an actor of its own, which workers pull from and push to."""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled
from stagecraft.parameter_server.kernels.localize import distinct
from stagecraft.parameter_server.share import Share, Stats, extended
from stagecraft.parameter_server.wire import NONE, Address, Channel, Severed, admit, listen, node_address

if TYPE_CHECKING:
    from stagecraft.parameter_server.checkpoint import Checkpoints, Part
    from stagecraft.parameter_server.plan import Plan

log = logging.getLogger(__name__)


class Pulled(NamedTuple):
    """Slots whose weights a worker has, until it pushes their gradients.

    :param version: pushes that had been applied
    :param sums: float32[slots, width], the sums of the gradients that had been; None where steps are merged
    """

    step: int
    slots: np.ndarray
    version: int
    sums: np.ndarray | None


class Shard(Share):
    """Applies the workers' gradients, and hands out weights as far as the consistency lets workers run.

    Bulk synchronous: a step is applied once every worker's push has come, summed in the order of ranks, so
    the run is a function of its inputs. Otherwise each push is applied as it comes, with regard to those that
    its weights did not know of: the sum of each key's gradients, kept beside its state, tells what came
    between a pull and its push. A push is known by its worker, incarnation and step; one that comes again is
    acknowledged and not applied. Each time the run goes back to a checkpoint it has a new incarnation, and
    what belongs to an earlier one is refused.

    :param token: the run's secret
    """

    def __init__(self, plan: Plan, number: int, checkpoints: Checkpoints, token: bytes) -> None:
        super().__init__(plan, number, checkpoints)
        self._bound, self._merges = plan.consistency.bound, plan.consistency.type == "bsp"
        self._token = token
        self._incarnation = 0
        self._address: Address | None = None
        self._channels: list[Channel] = []
        self._begin(0)

    def _begin(self, step: int) -> None:
        workers = self._plan.workers
        self._clock = [step] * workers
        self._pulled: list[deque[Pulled]] = [deque() for _ in range(workers)]
        self._pushes: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._applied = 0
        self._sums = np.empty((0, self._objective.width), np.float32)
        self._behind, self._furthest, self._counted = 0, 0, 0

    def open(self, host: str | None = None) -> Address:
        """Listen for workers, if not yet; return where.

        :param host: the interface; None takes the one by which Ray's nodes know this one
        """
        if self._address is not None:
            return self._address
        listener = listen(host or node_address())

        def accept() -> None:
            while True:
                link, _ = listener.accept()
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        self._address = Address(*listener.getsockname()[:2])
        return self._address

    def begin(self, part: Part | None, step: int, incarnation: int) -> None:
        """Go back to a checkpoint at ``step``, or to the beginning, as a new incarnation."""
        with self._turn:
            self._incarnation = incarnation
            for channel in self._channels:
                channel.close()
            self._channels.clear()
            self._begin(step)
            self.restore(part)
            self._turn.notify_all()

    def _serve(self, link: object) -> None:
        admitted = admit(link, self._token)  # type: ignore[arg-type]
        if admitted is None:
            return
        channel, rank, incarnation = admitted
        with self._turn:
            if incarnation != self._incarnation:
                channel.close()
                return
            self._channels.append(channel)
        width, number_type = self._objective.width, self._plan.partition.number_type
        try:
            while True:
                push, pull, pushed, pulled = channel.receive(np.empty(4, np.int64)).tolist()
                gradient = channel.receive(np.empty((pushed, width), np.float32))
                numbers = channel.receive(np.empty(pulled, number_type))
                weights = self.exchange(rank, incarnation, push, gradient, pull, numbers)
                channel.answer(weights)
        except Severed:
            pass
        except Exception as error:
            log.exception("Shard %d refused worker %d", self._number, rank)
            with suppress(Severed):
                channel.refuse(self.refusal(rank, error))
        finally:
            channel.close()

    def exchange(
        self, rank: int, incarnation: int, push: int, gradient: np.ndarray, pull: int, numbers: np.ndarray
    ) -> np.ndarray:
        """Take a worker's gradients of a step, and return the weights of another, once it may go on to it.

        :param push: the step of the gradients, or :data:`.NONE`
        :param gradient: float32[numbers pulled for that step, width]
        :param pull: the step of the numbers, or :data:`.NONE`
        :param numbers: distinct, of keys within the shard
        :return: float32[numbers, width]
        :raises Severed: the run has gone back to a checkpoint since
        """
        with self._turn:
            self._check(incarnation)
            if push != NONE:
                self._push(rank, push, gradient)
            if pull != NONE and self._bound is not None:
                limit = pull - self._bound
                self._turn.wait_for(lambda: incarnation != self._incarnation or min(self._clock) >= limit)
                self._check(incarnation)
            if pull == NONE:
                return np.empty((0, self._objective.width), np.float32)
            slots = self._slots(numbers)
            sums = None if self._merges else self._sums_of(slots)
            self._pulled[rank].append(Pulled(pull, slots, self._applied, sums))
            return self._objective.pull(self._state, slots, self._keys(slots))

    def refusal(self, rank: int, error: Exception) -> str:
        """Return what a worker is told that asked for what cannot be done."""
        return f"shard {self._number} refused worker {rank}: {error!r}"

    def _check(self, incarnation: int) -> None:
        if incarnation != self._incarnation:
            raise Severed(f"the run has gone back to a checkpoint since incarnation {incarnation}")

    def _push(self, rank: int, step: int, gradient: np.ndarray) -> None:
        if step < self._clock[rank]:
            return  # It came before; the answer was lost.
        pulled = self._pulled[rank].popleft() if self._pulled[rank] else None
        if pulled is None or pulled.step != step or step != self._clock[rank]:
            raise RuntimeError(f"worker {rank} pushes step {step}, but {self._clock[rank]} is its next one")
        if len(gradient) != len(pulled.slots):
            raise RuntimeError(f"worker {rank} pushes {len(gradient)} gradients of {len(pulled.slots)} keys")
        self._clock[rank] += 1
        if self._merges:
            self._pushes[rank] = (pulled.slots, gradient)
            if len(self._pushes) == self._plan.workers:
                self._apply(*merged([self._pushes[rank] for rank in range(self._plan.workers)]))
                self._pushes.clear()
        else:
            behind = self._applied - pulled.version
            self._behind, self._furthest = self._behind + behind, max(self._furthest, behind)
            assert pulled.sums is not None
            sums = self._sums_of(pulled.slots)
            self._apply(pulled.slots, gradient, sums - pulled.sums)
            self._sums[pulled.slots] = sums + gradient
        self._counted += 1
        self._turn.notify_all()

    def _sums_of(self, slots: np.ndarray) -> np.ndarray:
        """Return the sums of the gradients that were applied to slots, float32[slots, width]."""
        if len(self._sums) < len(self._state):
            self._sums = extended(self._sums, len(self._state))
        sums: np.ndarray = self._sums[slots]
        return sums

    def _apply(self, slots: np.ndarray, gradient: np.ndarray, missed: np.ndarray | None = None) -> None:
        self._objective.push(self._state, slots, self._keys(slots), gradient, missed)
        self._applied += 1

    def stats(self) -> Stats:
        with self._turn:
            found = super().stats()
            found = found._replace(
                bytes=found.bytes + self._sums.nbytes,
                behind=self._behind / self._plan.workers,
                furthest=self._furthest / self._plan.workers,
                pushes=self._counted,
            )
            self._behind = self._furthest = self._counted = 0
        return found


def merged(pushes: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct slots of pushes, and the sum of their gradients, in the pushes' order.

    >>> one = np.array([3, 5]), np.array([[1.0], [2.0]], np.float32)
    >>> two = np.array([5]), np.array([[4.0]], np.float32)
    >>> [part.tolist() for part in merged([one, two])]
    [[3, 5], [[1.0], [6.0]]]
    """
    if len(pushes) == 1:
        return pushes[0]
    slots, place = distinct(np.concatenate([slots for slots, _ in pushes]))
    gradients = np.concatenate([gradient for _, gradient in pushes])
    total = np.zeros((len(slots), gradients.shape[1]), np.float32)
    _add(gradients, place, total)
    return slots, total


@compiled  # type: ignore[untyped-decorator]
def _add(gradients: np.ndarray, place: np.ndarray, total: np.ndarray) -> None:
    for at in range(place.shape[0]):
        for c in range(total.shape[1]):
            total[place[at], c] += gradients[at, c]

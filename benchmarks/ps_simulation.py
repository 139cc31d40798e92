"""Training by many workers, simulated in one process: the real kernels and merge, an imagined clock.

Every worker takes as long for a step as a random draw says. What it pulls is the model as it is at that
moment of the imagined time, and what it pushes is applied when its step ends, so gradients are as stale as
they would be, and the losses are those of such a run. Shards hold disjoint keys and apply the same pushes in
the same order, so one stands for all.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from stagecraft.parameter_server.consistency import BSP, SSP, Async
from stagecraft.parameter_server.kernels.localize import localize
from stagecraft.parameter_server.kernels.objective import Objective
from stagecraft.parameter_server.rows import Rows
from stagecraft.parameter_server.shard import merged

DONE = 1 << 62
"""The clock of a worker whose rows are all pushed."""


class Pace(NamedTuple):
    """How long steps take.

    :param spread: the standard deviation of the logarithm of a step's time
    :param slow: the share of workers that take ``slowness`` times as long
    """

    spread: float = 0.3
    slow: float = 0.05
    slowness: float = 2.0


class Outcome(NamedTuple):
    """What a simulated run came to.

    :param state: float32[dimension, width, 2], the model's
    :param loss: mean progressive loss
    :param behind: mean rows of other steps that are applied between a row's pull and its push, or with it
    :param furthest: the most of them
    :param keys: mean distinct keys that a worker's step pulls
    :param worker_rows: rows of a worker's step
    :param busy: the share of the workers' time in which they compute
    """

    state: np.ndarray
    loss: float
    behind: float
    furthest: int
    keys: float
    worker_rows: int
    busy: float


@dataclass
class _Step:
    """The rows of a step, the keys that they touch, and these as they were when pulled.

    :param sums: of the gradients that each had got
    """

    number: int
    order: np.ndarray
    keys: np.ndarray
    local: np.ndarray
    weights: np.ndarray
    sums: np.ndarray
    applied: int


@dataclass
class _Worker:
    order: np.ndarray
    slowness: float
    asked: int = 0
    """Steps whose weights were asked for."""
    waiting: int = 0
    """Of these, the ones that no shard has answered."""
    pulled: deque[_Step] = field(default_factory=deque)
    running: _Step | None = None


class _Crew:
    """The state of a simulated run."""

    def __init__(
        self,
        rows: Rows,
        objective: Objective,
        dimension: int,
        consistency: BSP | SSP | Async,
        batch_rows: int,
        shares: list[np.ndarray],
        pace: Pace,
        seed: int,
    ) -> None:
        self.rows, self.objective, self.consistency = rows, objective, consistency
        self.worker_rows = consistency.worker_rows(batch_rows, len(shares))
        self.state = np.zeros((dimension, objective.width, 2), np.float32)
        self._rng = np.random.default_rng(seed)
        slow = self._rng.random(len(shares)) < pace.slow
        self._spread = pace.spread
        self.workers = [
            _Worker(order, pace.slowness if is_slow else 1.0)
            for order, is_slow in zip(shares, slow, strict=True)
        ]
        self._sums = np.zeros((dimension, objective.width), np.float32)
        self._pushes: dict[int, tuple[_Step, np.ndarray]] = {}
        self._agenda: list[tuple[float, int]] = []
        self._applied = self._slowest = 0
        self._clock = np.zeros(len(shares), np.int64)
        self.loss = self.busy = self.now = 0.0
        self.behind, self.furthest, self.keys, self.steps = 0.0, 0, 0, 0

    def run(self) -> None:
        for worker in self.workers:
            worker.waiting = self.consistency.ahead
        everyone = range(len(self.workers))
        self._serve(everyone)
        while self._agenda:
            self.now, rank = heapq.heappop(self._agenda)
            slowest = self._slowest
            self._finish(rank)
            self._slowest = int(self._clock.min())
            self._serve(everyone if self._slowest > slowest else (rank,))

    def _serve(self, ranks: Iterable[int]) -> None:
        """Answer the pulls that the consistency allows, and start the workers that can go on."""
        bound = self.consistency.bound
        for rank in ranks:
            worker = self.workers[rank]
            while worker.waiting and (bound is None or self._slowest >= worker.asked - bound):
                worker.waiting -= 1
                start = worker.asked * self.worker_rows
                order = worker.order[start : start + self.worker_rows]
                if len(order):
                    worker.pulled.append(self._pull(worker.asked, order))
                worker.asked += 1
            if worker.running is None and worker.pulled:
                worker.running = worker.pulled.popleft()
                draw = self._rng.lognormal(-(self._spread**2) / 2, self._spread)
                duration = worker.slowness * draw * len(worker.running.order)
                self.busy += duration
                heapq.heappush(self._agenda, (self.now + duration, rank))

    def _pull(self, number: int, order: np.ndarray) -> _Step:
        keys, local = localize(self.rows.csr, order)
        self.keys += len(keys)
        self.steps += 1
        weights = self.objective.pull(self.state, keys, keys)
        return _Step(number, order, keys, local, weights, self._sums[keys], self._applied)

    def _finish(self, rank: int) -> None:
        worker = self.workers[rank]
        step, worker.running = worker.running, None
        assert step is not None
        gradient = np.zeros_like(step.weights)
        self.loss += self.objective.gradients(self.rows, step.order, step.local, step.weights, gradient)
        worker.waiting += 1
        done = (step.number + 1) * self.worker_rows >= len(worker.order)
        self._clock[rank] = DONE if done else step.number + 1
        self._pushes[rank] = (step, gradient)
        merges = isinstance(self.consistency, BSP)
        if not merges or self._clock.min() > step.number:
            self._apply([self._pushes[each] for each in sorted(self._pushes)])
            self._pushes.clear()

    def _apply(self, pushes: list[tuple[_Step, np.ndarray]]) -> None:
        keys, total = merged([(step.keys, gradient) for step, gradient in pushes])
        missed = None
        if not isinstance(self.consistency, BSP):
            [(late, _)] = pushes
            missed = self._sums[keys] - late.sums
            self._sums[keys] += total
        self.objective.push(self.state, keys, keys, total, missed)
        self._applied += sum(len(step.order) for step, _ in pushes)
        for step, _ in pushes:
            missed = self._applied - step.applied - len(step.order)
            self.behind += missed * len(step.order)
            self.furthest = max(self.furthest, missed)


def simulate(
    rows: Rows,
    objective: Objective,
    dimension: int,
    *,
    workers: int,
    batch_rows: int,
    consistency: BSP | SSP | Async | None = None,
    epochs: int = 1,
    pace: Pace | None = None,
    seed: int = 0,
) -> Outcome:
    """Train over all rows, each worker on a share of its own.

    :param batch_rows: rows in flight over all workers, as :class:`~stagecraft.stages.ps_train.PSTrain` has it
    :param epochs: passes, each in an order of the rows that is drawn from ``seed``
    """
    consistency, pace = consistency or BSP(), pace or Pace()
    count = len(rows.label)
    orders = [np.random.default_rng([seed, epoch]).permutation(count) for epoch in range(epochs)]
    parts = [np.array_split(order, workers) for order in orders]
    shares = [np.concatenate(each) for each in zip(*parts, strict=True)]
    crew = _Crew(rows, objective, dimension, consistency, batch_rows, shares, pace, seed)
    crew.run()
    trained = count * epochs
    return Outcome(
        crew.state,
        crew.loss / (float(rows.weight.sum(dtype=np.float64)) * epochs),
        crew.behind / trained,
        crew.furthest,
        crew.keys / crew.steps,
        crew.worker_rows,
        crew.busy / (crew.now * workers),
    )

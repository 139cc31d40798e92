"""The shards and workers of one run: their actors on Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import ray
from ray.exceptions import RayActorError, RayError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from stagecraft.errors import UnreachableError
from stagecraft.parameter_server import kernel
from stagecraft.parameter_server.rows import RowReader
from stagecraft.parameter_server.shard import Partition, Shard
from stagecraft.parameter_server.worker import Done, Work, Worker

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store
    from stagecraft.parameter_server.checkpoint import Checkpoint, Checkpoints, Part
    from stagecraft.parameter_server.optimizer import FTRL
    from stagecraft.parameter_server.rows import Columns
    from stagecraft.parameter_server.units import Round, RowGroup

PLACEMENT_SECONDS = 120


@dataclass(frozen=True)
class Plan:
    """What to train, and how.

    :param groups: the dataset's row groups
    :param batch_rows: rows a step, over all workers: the rows in flight
    """

    store: Store
    columns: Columns
    groups: list[RowGroup]
    loss: Literal["logistic", "squared"]
    optimizer: FTRL
    epochs: int
    batch_rows: int
    workers: int
    shards: int
    seed: int

    @property
    def worker_rows(self) -> int:
        """Rows a step for one worker."""
        return -(-self.batch_rows // self.workers)

    @property
    def rows(self) -> int:
        return sum(group.rows for group in self.groups)

    def steps(self, units: Round) -> int:
        """The steps that a round takes."""
        return -(-max(unit.rows for unit in units if unit is not None) // self.worker_rows)


@contextmanager
def reserved(plan: Plan) -> Iterator[PlacementGroup]:
    """Reserve a core for each shard and worker.

    :raises UnreachableError: the cluster has too few
    """
    wanted = plan.shards + plan.workers
    group = placement_group([{"CPU": 1}] * wanted, strategy="PACK")
    try:
        if not group.wait(PLACEMENT_SECONDS):
            raise UnreachableError(
                f"ps_train: Ray gave no {wanted} cores for {plan.workers} workers and {plan.shards} shards "
                f"within {PLACEMENT_SECONDS} s; it has {ray.cluster_resources().get('CPU', 0):g}; what would "
                "do: fewer workers and shards, or a larger cluster"
            )
        yield group
    finally:
        remove_placement_group(group)


class Crew:
    """The actors that train together. The loss of one stops all, until :meth:`restore`."""

    def __init__(self, plan: Plan, place: PlacementGroup, checkpoints: Checkpoints) -> None:
        self._plan, self._place, self._checkpoints = plan, place, checkpoints
        self._partition = Partition(plan.columns.layout.dimension, plan.shards)
        self._incarnation = 0
        self._running: list[Any] = []
        self._shards = [self._new_shard(shard) for shard in range(plan.shards)]
        self._workers = [self._new_worker(rank) for rank in range(plan.workers)]

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """Bring all actors to a checkpoint, or to the beginning; new ones take the place of lost ones."""
        self._incarnation += 1
        parts = checkpoint.parts if checkpoint else [None] * self._plan.shards
        step = checkpoint.ledger.step if checkpoint else 0
        states = [(part, step, self._incarnation) for part in parts]
        # The shards first: that releases the workers that wait for a step of the incarnation before.
        self._ask(self._shards, self._new_shard, "restore", states)
        for future in self._running:
            with suppress(RayError):
                ray.get(future)
        self._running.clear()
        joined = (self._shards, self._incarnation)
        self._ask(self._workers, self._new_worker, "join", [joined] * self._plan.workers)

    def _ask(
        self, actors: list[Any], new: Callable[[int], Any], method: str, arguments: Sequence[tuple[Any, ...]]
    ) -> None:
        """Call a method of every actor; a lost one is replaced and called again."""

        def ask(at: int) -> Any:
            return getattr(actors[at], method).remote(*arguments[at])

        again = []
        for at, call in enumerate([ask(at) for at in range(len(actors))]):
            try:
                ray.get(call)
            except RayActorError:
                ray.kill(actors[at])
                actors[at] = new(at)
                again.append(ask(at))
        ray.get(again)

    def _new_shard(self, shard: int) -> Any:
        plan = self._plan
        return self._actor(Shard, shard).remote(
            self._partition.size(shard), plan.optimizer, plan.workers, self._checkpoints
        )

    def _new_worker(self, rank: int) -> Any:
        plan = self._plan
        return self._actor(Worker, plan.shards + rank).remote(
            rank,
            RowReader(plan.store, plan.columns, plan.groups),
            plan.groups,
            seed=plan.seed,
            batch_rows=plan.worker_rows,
            loss=kernel.LOGISTIC if plan.loss == "logistic" else kernel.SQUARED,
            partition=self._partition,
        )

    def _actor(self, kind: type, bundle: int) -> Any:
        where = PlacementGroupSchedulingStrategy(self._place, placement_group_bundle_index=bundle)
        return ray.remote(kind).options(num_cpus=1, max_restarts=0, scheduling_strategy=where)

    def begin(self, units: Round, *, epoch: int, step: int, steps: int) -> list[Any]:
        """Give each worker its unit of a round; return the futures for :meth:`end`."""
        padded = [*units, *[None] * (len(self._workers) - len(units))]
        futures = [
            worker.run.remote(Work(unit, epoch, step, steps))
            for worker, unit in zip(self._workers, padded, strict=True)
        ]
        self._running += futures
        return futures

    def end(self, futures: list[Any]) -> float:
        """Wait for a round; return its mean loss."""
        done: list[Done] = ray.get(futures)
        del self._running[: len(futures)]
        weight = sum(entry.weight for entry in done)
        return sum(entry.loss for entry in done) / weight if weight else 0.0

    def save(self) -> list[Part]:
        """Write every shard's part of a checkpoint."""
        parts: list[Part] = ray.get([shard.save.remote(at) for at, shard in enumerate(self._shards)])
        return parts

    def weights(self) -> np.ndarray:
        """Return the model, float32, one a feature."""
        return self._partition.join(ray.get([shard.weights.remote() for shard in self._shards]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for actor in [*self._workers, *self._shards]:
            ray.kill(actor)

"""The shards and workers of one run: their actors on Ray."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import ray
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
    """Actors that train together, and fail together: the loss of one ends all of them."""

    def __init__(self, plan: Plan, place: PlacementGroup, checkpoints: Checkpoints) -> None:
        self._plan = plan
        self._partition = Partition(plan.columns.layout.dimension, plan.shards)
        self._shards: list[Any] = []
        self._workers: list[Any] = []

        def actor(kind: type, bundle: int) -> Any:
            where = PlacementGroupSchedulingStrategy(place, placement_group_bundle_index=bundle)
            return ray.remote(kind).options(num_cpus=1, max_restarts=0, scheduling_strategy=where)

        for shard in range(plan.shards):
            self._shards.append(
                actor(Shard, shard).remote(
                    self._partition.size(shard),
                    plan.optimizer,
                    plan.workers,
                    checkpoints,
                )
            )
        for rank in range(plan.workers):
            self._workers.append(
                actor(Worker, plan.shards + rank).remote(
                    rank,
                    RowReader(plan.store, plan.columns, plan.groups),
                    plan.groups,
                    seed=plan.seed,
                    batch_rows=plan.worker_rows,
                    loss=kernel.LOGISTIC if plan.loss == "logistic" else kernel.SQUARED,
                    partition=self._partition,
                    shards=self._shards,
                )
            )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Set every shard back to its part of a checkpoint."""
        ray.get(
            [
                shard.restore.remote(part, checkpoint.ledger.step)
                for shard, part in zip(self._shards, checkpoint.parts, strict=True)
            ]
        )

    def begin(self, units: Round, *, epoch: int, step: int, steps: int) -> list[Any]:
        """Give each worker its unit of a round; return the futures for :meth:`end`."""
        padded = [*units, *[None] * (len(self._workers) - len(units))]
        return [
            worker.run.remote(Work(unit, epoch, step, steps))
            for worker, unit in zip(self._workers, padded, strict=True)
        ]

    def end(self, futures: list[Any]) -> float:
        """Wait for a round; return its mean loss."""
        done: list[Done] = ray.get(futures)
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

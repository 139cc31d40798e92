"""How training's cost grows: with dimensions, with rows, with checkpoints; and what its state takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
import psutil
from cost import Cost
from ps_quality import Quality
from ps_world import IN_PLACE, World, logistic

from stagecraft.parameter_server.share import Share

START_ROWS = 20_000
"""A run of so few costs what starting costs."""


class Growth(NamedTuple):
    """One size's run.

    :param keys: features with a weight
    :param cpu: CPU seconds of the run beyond those of starting
    :param kernel: CPU seconds of the kernel alone; 0 where not measured
    """

    rows: int
    bits: int
    keys: int
    cost: Cost
    cpu: float
    kernel: float
    quality: Quality

    @property
    def micros(self) -> float:
        """CPU microseconds a row, starting aside."""
        return self.cpu / self.rows * 1e6


def measured(world: World, rows: int, bits: int, start: Cost, *, kernel: bool = False) -> Growth:
    """Train in place on rows of one size.

    :param start: the cost of a run over :data:`START_ROWS` in the same feature space
    """
    dataset = world.rows(rows, bits)
    run = world.train(dataset, **IN_PLACE)
    return Growth(
        rows,
        bits,
        int((run.weights != 0).sum()),
        run.cost,
        run.cost.cpu - start.cpu,
        world.kernel(dataset)[0] if kernel else 0.0,
        world.quality_of(bits, run.weights),
    )


def start_of(world: World, bits: int, **settings: Any) -> Cost:
    """Return what a run costs that has next to nothing to learn; in place unless told otherwise."""
    return world.train(world.rows(START_ROWS, bits), **(settings or IN_PLACE)).cost


def dimensions_a_gib(bits: int) -> float:
    """Return how many dimensions of a shard's state a GiB of resident memory holds, all of them touched."""
    nothing = np.empty(0, np.int64), np.empty((0, 1, 2), np.float32)
    plan = SimpleNamespace(
        objective=logistic(), dimension=1 << bits, shards=1, grows=False, warm_start=None, start=nothing
    )
    share = Share(cast(Any, plan), 0, cast(Any, None))
    before = psutil.Process().memory_info().rss
    share.restore(None)
    share._state[:] = 1
    grown = psutil.Process().memory_info().rss - before
    return float((1 << bits) / (grown / 2**30))


def checkpoint_share(world: World, rows: int, bits: int, every: float, rounds: int) -> dict[str, float]:
    """Return what a checkpoint costs, as a share of the CPU of ten seconds of training.

    Checkpoints come more often than by default, so that there are enough of them to tell their cost.

    :param every: seconds between them
    """
    dataset = world.rows(rows, bits)
    costs: dict[float, list[Cost]] = {every: [], 3600.0: []}
    for _ in range(rounds):
        for seconds, found in costs.items():
            found.append(world.train(dataset, **IN_PLACE, checkpoint_seconds=seconds).cost)
    often, never = (sorted(found)[len(found) // 2] for found in costs.values())
    checkpoints = max(1.0, often.wall // every)
    one = max(0.0, often.cpu - never.cpu) / checkpoints
    return {
        "cpu_with": often.cpu,
        "cpu_without": never.cpu,
        "checkpoints": checkpoints,
        "cpu_a_checkpoint": one,
        "share": one / (10 * never.cpu / never.wall),
    }

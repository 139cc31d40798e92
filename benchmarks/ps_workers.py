"""Log loss of one pass by more and more workers, at the same rows in flight."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from ps_quality import Quality
from ps_simulation import Outcome, simulate
from ps_world import World, dimension_of, in_memory, logistic

from stagecraft.parameter_server.consistency import BSP, Async
from stagecraft.parameter_server.plan import default_batch_rows


class Trained(NamedTuple):
    workers: int
    consistency: str
    outcome: Outcome
    quality: Quality


def by_workers(world: World, rows: int, bits: int, workers: list[int]) -> list[Trained]:
    """Simulate each number of workers, bulk synchronous (the default) and asynchronous."""
    dataset = world.rows(rows, bits)
    data, dimension, objective = in_memory(dataset), dimension_of(dataset), logistic()
    found = []
    for consistency in (BSP(), Async()):
        for count in workers:
            outcome = simulate(
                data,
                objective,
                dimension,
                workers=count,
                batch_rows=default_batch_rows(rows),
                consistency=consistency,
            )
            weights = objective.weights(outcome.state, np.arange(dimension))[:, 0]
            outcome = outcome._replace(state=outcome.state[:0])
            found.append(Trained(count, consistency.type, outcome, world.quality_of(bits, weights)))
    return found


def worst_gap(found: list[Trained], consistency: str) -> float:
    """Return by how much the log loss exceeds that of one worker, at most."""
    losses = {each.workers: each.quality.log_loss for each in found if each.consistency == consistency}
    return max(loss - losses[1] for loss in losses.values())

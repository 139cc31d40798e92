"""What a step costs workers, shards and the network; and where the bottleneck of a cluster is."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from stagecraft.parameter_server.kernels.localize import localize
from stagecraft.parameter_server.kernels.objective import Objective
from stagecraft.parameter_server.rows import Rows

SLOT = WEIGHT = GRADIENT = 4
"""Bytes of each key on the wire: its number in the shard, its weight, and its gradient."""
STATE = 8
"""Bytes of a dimension: float32 (z, √n)."""


class Step(NamedTuple):
    """A worker's step, as measured.

    :param keys: mean distinct keys of its rows
    :param worker: the worker's CPU seconds a row: finding its keys, and its gradients
    :param shard: the shards' CPU seconds a key: reading its weight, and updating it
    """

    rows: int
    keys: float
    worker: float
    shard: float

    @property
    def keys_a_row(self) -> float:
        return self.keys / self.rows

    @property
    def bytes_up(self) -> float:
        """Bytes a row that go from workers to shards."""
        return (SLOT + GRADIENT) * self.keys_a_row

    @property
    def bytes_down(self) -> float:
        """Bytes a row that come back."""
        return WEIGHT * self.keys_a_row


class Node(NamedTuple):
    """A machine of the cluster; each core of it runs one worker or one shard.

    :param gigabits: a second, each way, which the cores share
    :param memory: GiB
    :param round_trip: seconds
    """

    cores: int
    gigabits: float
    memory: float
    round_trip: float = 2e-4


class Load(NamedTuple):
    """What a cluster comes to.

    :param in_step: rows a second where all wait for each other: the parts of a step one after another
    :param apart: rows a second where none waits, and the largest part alone counts
    :param limit: the largest part
    :param node_memory: GiB of state a node of shards
    """

    worker_rows: int
    bytes_a_row: float
    in_step: float
    apart: float
    limit: str
    node_memory: float


def measured(rows: Rows, objective: Objective, dimension: int, sizes: list[int], seed: int = 0) -> list[Step]:
    """Measure steps of each size on rows drawn at random, over a state that is as large as the dimension."""
    state = np.full((dimension, objective.width, 2), 0, np.float32)  # Every page is there before it counts.
    return [_step(rows, objective, state, size, seed) for size in sizes]


def _step(rows: Rows, objective: Objective, state: np.ndarray, size: int, seed: int) -> Step:
    order = np.random.default_rng(seed).permutation(len(rows.label))
    count = min(len(order) // size, max(3, 32768 // size))
    worker = shard = keys = 0.0
    for number in range(-1, count):
        began = time.process_time()
        batch = order[max(number, 0) * size :][:size]
        found, local = localize(rows.csr, batch)
        asked = time.process_time()
        weights = objective.pull(state, found, found)
        answered = time.process_time()
        gradient = np.zeros_like(weights)
        objective.gradients(rows, batch, local, weights, gradient)
        pushed = time.process_time()
        objective.push(state, found, found, gradient)
        ended = time.process_time()
        if number >= 0:  # The first one compiles.
            worker += asked - began + pushed - answered
            shard += answered - asked + ended - pushed
            keys += len(found)
    return Step(size, keys / count, worker / (count * size), shard / keys)


def load(
    step: Step, *, workers: int, shards: int, dimension: int, node: Node, reading: float, wire: float
) -> Load:
    """Return what a cluster does in a second, and what limits it.

    :param step: of as many rows as are in flight for each of the workers
    :param reading: CPU seconds to read a row from Parquet
    :param wire: CPU seconds to send or to receive a byte
    """
    rows, sent = step.rows, step.bytes_up + step.bytes_down
    crowd = workers / shards  # Workers that a shard has for each of its own.
    link = node.gigabits * 1e9 / 8 / node.cores
    parts = {
        "workers' CPU": rows * (step.worker + reading + wire * sent),
        "shards' CPU": rows * crowd * (step.shard * step.keys_a_row + wire * sent),
        "network": rows * max(1.0, crowd) * max(step.bytes_up, step.bytes_down) / link,
        "round trip": node.round_trip,
    }
    limit = max(parts, key=lambda name: parts[name])
    memory = STATE * dimension / shards * min(shards, node.cores) / 2**30
    return Load(
        rows,
        sent,
        workers * rows / sum(parts.values()),
        workers * rows / parts[limit],
        limit if memory <= node.memory else "memory",
        memory,
    )

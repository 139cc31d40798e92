"""Past one machine: staleness and traffic of up to 256 workers, by simulation.

The first table trains on real rows (New York's flights) with the real kernels, as many workers would. The
second measures what a step costs on rows like Criteo's, and the third puts these figures together for
clusters. ``QUICK=1`` takes fewer workers and rows. docs/parameter_server.md explains the tables.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

import numpy as np
from criteo_rows import make
from flight_rows import flight_rows
from ps_quality import Quality, linear_margins
from ps_simulation import simulate
from ps_traffic import Node, Step, load, measured
from ps_world import dimension_of, in_memory, logistic
from report import Report

from stagecraft.artifacts.store import Store
from stagecraft.parameter_server.consistency import BSP, SSP, Async
from stagecraft.parameter_server.plan import default_batch_rows
from stagecraft.parameter_server.rows import Rows

QUICK = bool(os.environ.get("QUICK"))
FLIGHTS, WORKERS = (50_000, [1, 16, 256]) if QUICK else (None, [1, 4, 16, 64, 256])
IN_FLIGHT = 16384
STEP_ROWS = [IN_FLIGHT // workers for workers in (256, 64, 16, 4, 1)]
BITS, ROWS = (24, 50_000) if QUICK else (26, 300_000)
PLANNED_ROWS = PLANNED_DIMENSION = 10**9
CLUSTERS = [(4, 2), (16, 8), (64, 32), (256, 128)]
"""Workers and shards, a core each."""
NODES = [Node(16, gigabits, 64) for gigabits in (10, 25, 100)]
READING = 1 / 3.4e6
"""CPU seconds to read a row of 39 features from Parquet."""
WIRE = 1 / 1.5e9
"""CPU seconds to send or receive a byte by TCP on the loopback interface, half of what both ends take."""


def main() -> None:
    found: dict[str, Any] = {"staleness": staleness()}
    steps = step_costs()
    found["steps"] = [step._asdict() for step in steps]
    found["clusters"] = clusters(steps)
    print(json.dumps(found))


def staleness() -> list[dict[str, Any]]:
    """Train on the flights by more and more workers; the rows in flight stay the same."""
    rows, tested, dimension = flight_rows(FLIGHTS)
    batch_rows = default_batch_rows(len(rows.label))
    found = []
    for workers in WORKERS:
        for consistency in (BSP(), SSP(bound=4), Async()):
            found.append(_simulated(rows, tested, dimension, workers, batch_rows, consistency))
    one = found[0]["log_loss"]
    heads = ("workers", "consistency", "rows a step", "rows behind", "at most", "busy %", "log loss", "more")
    Report.table(
        f"{len(rows.label):,} flights, {batch_rows} rows in flight, one pass",
        heads,
        [
            (*list(each.values())[:-1], f"{each['log_loss']:.4f}", f"{each['log_loss'] - one:+.4f}")
            for each in found
        ],
    )
    return found


def _simulated(
    rows: Rows, tested: Rows, dimension: int, workers: int, batch_rows: int, consistency: BSP | SSP | Async
) -> dict[str, Any]:
    objective = logistic()
    run = simulate(
        rows, objective, dimension, workers=workers, batch_rows=batch_rows, consistency=consistency
    )
    weights = objective.weights(run.state, np.arange(dimension))[:, 0]
    return {
        "workers": workers,
        "consistency": consistency.type,
        "rows_a_step": run.worker_rows,
        "behind": round(run.behind),
        "furthest": run.furthest,
        "busy_percent": round(100 * run.busy),
        "log_loss": Quality.of(tested, linear_margins(tested, weights)).log_loss,
    }


def step_costs() -> list[Step]:
    """Measure steps of fewer and fewer rows, in a feature space with a heavy tail."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        dataset = make(Store(folder), ROWS, BITS)
        rows, dimension = in_memory(dataset), dimension_of(dataset)
    steps = measured(rows, logistic(), dimension, STEP_ROWS)
    Report.table(
        f"A worker's step, {dimension:,} dimensions",
        ("rows", "keys", "keys a row", "bytes a row up", "down", "worker µs a row", "shard ns a key"),
        [
            (
                step.rows,
                round(step.keys),
                step.keys_a_row,
                round(step.bytes_up),
                round(step.bytes_down),
                step.worker * 1e6,
                step.shard * 1e9,
            )
            for step in steps
        ],
    )
    return steps


def clusters(steps: list[Step]) -> list[dict[str, Any]]:
    """Put the costs together for a billion rows and dimensions."""
    found = []
    for node in NODES:
        for workers, shards in CLUSTERS:
            step = min(steps, key=lambda step: abs(step.rows - IN_FLIGHT // workers))
            came = load(
                step,
                workers=workers,
                shards=shards,
                dimension=PLANNED_DIMENSION,
                node=node,
                reading=READING,
                wire=WIRE,
            )
            given = {"gigabits": node.gigabits, "workers": workers, "shards": shards}
            found.append(given | came._asdict() | {"minutes": PLANNED_ROWS / came.in_step / 60})
    heads = (
        "Gbit/s",
        "workers",
        "shards",
        "rows a step",
        "bytes a row",
        "M rows/s BSP",
        "async",
        "limit",
        "GiB a node",
    )
    Report.table(
        f"{PLANNED_ROWS:,} rows and {PLANNED_DIMENSION:,} dimensions, nodes of {NODES[0].cores} cores",
        (*heads, "min a pass"),
        [
            (
                each["gigabits"],
                each["workers"],
                each["shards"],
                each["worker_rows"],
                round(each["bytes_a_row"]),
                each["in_step"] / 1e6,
                each["apart"] / 1e6,
                each["limit"],
                each["node_memory"],
                each["minutes"],
            )
            for each in found
        ],
    )
    return found


if __name__ == "__main__":
    main()

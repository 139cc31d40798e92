"""What replicas of hot keys would gain: how evenly shards are loaded, and the bytes that could be saved.

Rows are like Criteo's, whose keys follow Zipf's law. A worker pulls each key of its step once and pushes it
once, however many of its rows hold it. The first table counts what that comes to for the busiest shard. The
second takes the keys that most steps hold as hot, and counts what workers would send less with copies of
them: BSP could leave out their numbers alone, for their weights change with each step; with copies that may
be some steps old, weights and gradients would travel once in so many steps. Steps of as many times the rows
are the alternative, whose weights are as old. ``QUICK=1`` takes fewer rows.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import NamedTuple

import numpy as np
from criteo_rows import make
from ps_traffic import GRADIENT, SLOT, WEIGHT
from ps_world import in_memory
from report import Report

from stagecraft.artifacts.store import Store
from stagecraft.parameter_server.kernels.localize import localize
from stagecraft.parameter_server.rows import Rows

QUICK = bool(os.environ.get("QUICK"))
BITS, ROWS = (22, 50_000) if QUICK else (26, 300_000)
WORKERS = 16
STEP_ROWS = [64, 256, 1024]
SHARDS = [2, 8, 32, 128]
HOT = 0.5
"""The share of steps that hold a hot key."""
OLD = 4
"""Steps that a copy of a hot key may be old."""
MOST_STEPS = 256


class Evenness(NamedTuple):
    """The busiest shard's keys over the mean, all rows together and in the mean step of all workers."""

    rows: int
    shards: int
    busiest: float
    busiest_in_a_step: float
    without_hot: float


class Saving(NamedTuple):
    """What copies of hot keys save.

    :param hot: hot keys
    :param share: their share of the keys that travel
    :param bsp: the share of all bytes that their numbers are
    :param old: the share of all bytes that copies save which are up to :data:`OLD` steps old
    :param larger: the share of all bytes that steps of :data:`OLD` times the rows save
    """

    rows: int
    keys: float
    hot: int
    share: float
    bsp: float
    old: float
    larger: float


def steps_of(rows: Rows, size: int) -> list[np.ndarray]:
    """Return the distinct keys of steps of ``size`` rows each, drawn at random."""
    order = np.random.default_rng(0).permutation(len(rows.label))
    count = min(len(order) // size, MOST_STEPS)
    return [localize(rows.csr, order[at * size :][:size])[0] for at in range(count)]


def hot_of(steps: list[np.ndarray]) -> np.ndarray:
    """Return the keys that most steps hold."""
    keys, counts = np.unique(np.concatenate(steps), return_counts=True)
    return keys[counts >= HOT * len(steps)]


def evenness(steps: list[np.ndarray], rows: int, shards: int) -> Evenness:
    """Count the keys of each shard."""
    steps = steps[: len(steps) // WORKERS * WORKERS]
    loads = np.array([np.bincount(keys % shards, minlength=shards) for keys in steps])
    together = loads.reshape(-1, WORKERS, shards).sum(axis=1)
    hot = hot_of(steps)
    cold = [keys[~np.isin(keys, hot)] for keys in steps]
    rest = sum(np.bincount(keys % shards, minlength=shards) for keys in cold)
    return Evenness(
        rows,
        shards,
        loads.sum(axis=0).max() / loads.sum(axis=0).mean(),
        float((together.max(axis=1) / together.mean(axis=1)).mean()),
        rest.max() / rest.mean(),
    )


def saving(steps: list[np.ndarray], larger: list[np.ndarray], rows: int) -> Saving:
    """Count what hot keys are of all that travels."""
    hot, sizes = hot_of(steps), np.array([len(keys) for keys in steps])
    share = sum(np.isin(keys, hot).sum() for keys in steps) / sizes.sum()
    grown = np.mean([len(keys) for keys in larger]) / OLD
    return Saving(
        rows,
        float(sizes.mean()),
        len(hot),
        float(share),
        float(share * SLOT / (SLOT + WEIGHT + GRADIENT)),
        float(share * (1 - 1 / OLD)),
        float(1 - grown / sizes.mean()),
    )


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        rows = in_memory(make(Store(folder), ROWS, BITS))
    steps = {size: steps_of(rows, size) for size in {*STEP_ROWS, *(OLD * size for size in STEP_ROWS)}}
    even = [evenness(steps[size], size, shards) for size in STEP_ROWS for shards in SHARDS]
    saved = [saving(steps[size], steps[OLD * size], size) for size in STEP_ROWS]
    Report.table(
        f"Keys of the busiest shard over the mean, {WORKERS} workers",
        ("rows a step", "shards", "all rows", "a step", "all rows, without hot keys"),
        even,
    )
    Report.table(
        f"Bytes that copies of hot keys (of {HOT:.0%} of all steps) save",
        ("rows a step", "keys", "hot", "of keys", "BSP", f"{OLD} steps old", f"{OLD} × the rows a step"),
        saved,
    )
    print(
        json.dumps({"even": [each._asdict() for each in even], "saved": [each._asdict() for each in saved]})
    )


if __name__ == "__main__":
    main()

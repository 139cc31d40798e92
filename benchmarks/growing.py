"""What a growing dimension costs: CPU a row and memory a key, beside a fixed one.

Rows are like Criteo's. Each pass is that of one thread in place: finding the slots of the rows' features,
where the dimension grows, and the kernel. ``QUICK=1`` takes fewer rows.
"""

from __future__ import annotations

import json
import os
import tempfile
import time

import numpy as np
from criteo_rows import make
from ps_world import dimension_of, in_memory, logistic
from report import Report

from stagecraft.artifacts.store import Store
from stagecraft.parameter_server.kernels.dictionary import Dictionary

QUICK = bool(os.environ.get("QUICK"))
BITS, ROWS = (22, 100_000) if QUICK else (26, 500_000)
PASSES = 3


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        dataset = make(Store(folder), ROWS, BITS)
        rows, dimension = in_memory(dataset), dimension_of(dataset)
    objective, dictionary = logistic(), Dictionary()
    order = np.random.default_rng(0).permutation(len(rows.label))
    dictionary.slots(rows.csr.indices[:100])  # Compiles.
    fixed = np.full((dimension, 1, 2), 0, np.float32)
    objective.train(rows, order[:10], fixed)
    growing = np.full_like(fixed[: len(rows.csr.indices)], 0)
    found = []
    for number in range(PASSES):
        began = time.process_time()
        slots = dictionary.slots(rows.csr.indices).astype(np.int32)
        placed = time.process_time()
        objective.train(rows, order, growing, slots)
        grown = time.process_time()
        objective.train(rows, order, fixed)
        ended = time.process_time()
        times = (placed - began, grown - placed, ended - grown)
        found.append((number + 1, *(each / len(order) * 1e6 for each in times)))
    Report.table(
        f"µs a row, {ROWS:,} rows, {len(dictionary):,} of {dimension:,} features",
        ("pass", "slots", "training, growing", "training, fixed"),
        found,
    )
    sizes = {
        "growing": dictionary.nbytes / len(dictionary) + 8,
        "fixed": 8 * dimension / len(dictionary),
    }
    Report.table("Bytes for each feature that rows hold", tuple(sizes), [tuple(sizes.values())])
    print(json.dumps({"passes": found, "bytes": sizes}))


if __name__ == "__main__":
    main()

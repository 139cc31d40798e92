"""The rows that training is measured on, and our runs over them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cost import Cost, cost_of
from criteo_rows import LABEL, make
from criteo_text import write_vw
from ps_quality import Quality, linear_margins

from stagecraft.artifacts.artifact import Artifact
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.jobs.process import DEFAULTS
from stagecraft.parameter_server.kernels.objective import Objective, objective_of
from stagecraft.parameter_server.models import LogisticRegression
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.parameter_server.rows import Rows
from stagecraft.parameter_server.sparse import COLUMNS, csr_of
from stagecraft.parameter_server.units import Orders, RowGroup, Unit
from stagecraft.transforms.layout import Layout
from stagecraft.transforms.linear import Linear

OURS = Path(__file__).parent / "ps_ours.py"
HELD_OUT = 10**9
"""The number of the first row to test on; no run trains on as many."""
IN_PLACE = {"workers": 1, "shards": 0}
HOGWILD = {"workers": 2, "shards": 0, "consistency": {"type": "async"}}
HOGWILD_ON_RAY = {**HOGWILD, "on_ray": True}
OVER_RPC = {"workers": 2, "shards": 2}


class Run(NamedTuple):
    """A training: what it cost, and the weights, float32, one a feature."""

    cost: Cost
    weights: np.ndarray


class World:
    """Rows and runs below one folder.

    :param test_rows: rows to test on
    """

    def __init__(self, folder: Path, test_rows: int) -> None:
        self.folder, self.store = folder, Store(str(folder / "store"))
        self.held_out = cache(lambda bits: in_memory(self.rows(test_rows, bits, HELD_OUT)))
        self._test_rows = test_rows

    def rows(self, rows: int, bits: int, start: int = 0) -> Dataset:
        """Return rows in a feature space of less than 2^``bits`` dimensions."""
        return make(self.store, rows, bits, start=start)

    def text(self, rows: int, bits: int, start: int = 0) -> Path:
        """Return the same rows as Vowpal Wabbit reads them."""
        path = self.folder / f"{rows}-{bits}-{start}.vw"
        if not path.exists():
            write_vw(self.rows(rows, bits, start), path)
        return path

    def test_text(self, bits: int) -> Path:
        return self.text(self._test_rows, bits, HELD_OUT)

    def quality(self, bits: int, margin: np.ndarray) -> Quality:
        """Return the quality of margins of the held-out rows."""
        return Quality.of(self.held_out(bits), margin)

    def quality_of(self, bits: int, weights: np.ndarray) -> Quality:
        """Return the quality of a linear model on the held-out rows."""
        return self.quality(bits, linear_margins(self.held_out(bits), weights))

    def train(self, dataset: Dataset, **settings: Any) -> Run:
        """Train in a process of its own, as a task's job is one; one epoch unless told otherwise."""
        result = self.folder / "trained"
        given = json.dumps({"label": LABEL, "epochs": 1, **settings})
        cost = cost_of([sys.executable, str(OURS), dataset.uri, str(result), given], DEFAULTS)
        model = Artifact.load(result.read_text())
        assert isinstance(model, Model)
        predictor = model.chain.transforms[-1]
        assert isinstance(predictor, Linear)
        return Run(cost, predictor.weights)

    def kernel(self, dataset: Dataset) -> tuple[float, np.ndarray]:
        """Train by the kernel alone, on rows in memory; return its CPU seconds, and the weights."""
        objective, dimension = logistic(), dimension_of(dataset)
        state = np.zeros((dimension, 1, 2), np.float32)
        groups = row_groups(dataset)
        objective.train(next(groups), np.arange(10), np.zeros_like(state))  # Compiles.
        cpu = 0.0
        for number, rows in enumerate(row_groups(dataset)):
            size = len(rows.label)
            order = Orders([RowGroup("", 0, size)], number).of(Unit(0, 0, size), epoch=0)
            began = time.process_time()
            objective.train(rows, order, state)
            cpu += time.process_time() - began
        return cpu, objective.weights(state, np.arange(dimension))[:, 0]


def logistic() -> Objective:
    """Return what trains logistic regression by FTRL with its defaults."""
    return objective_of(LogisticRegression(), FTRL())


def dimension_of(dataset: Dataset) -> int:
    return layout_of(dataset).dimension


def layout_of(dataset: Dataset) -> Layout:
    assert dataset.model is not None
    encoder = dataset.store.open(dataset.model)
    assert isinstance(encoder, Model)
    return encoder.chain.layout


def row_groups(dataset: Dataset) -> Iterator[Rows]:
    """Yield a dataset's rows, a row group at a time."""
    columns = [name for name in (LABEL, *COLUMNS) if name in dataset.columns]
    layout = layout_of(dataset)
    for uri in dataset.files:
        file = pq.ParquetFile(dataset.store.strip(uri), filesystem=dataset.store.arrow_filesystem)
        for number in range(file.num_row_groups):
            yield _rows(file.read_row_group(number, columns=columns), layout)


def in_memory(dataset: Dataset) -> Rows:
    """Return all of a dataset's rows."""
    columns = [name for name in (LABEL, *COLUMNS) if name in dataset.columns]
    return _rows(dataset.table(columns), layout_of(dataset))


def _rows(table: pa.Table, layout: Layout) -> Rows:
    label = table[LABEL].to_numpy().astype(np.float32)
    return Rows(csr_of(table, layout), label, np.ones(len(label), np.float32))

"""Leaf encoding against XGBoost's own ``predict(pred_leaf=True)``, on one core and inside Spark."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import xgboost
from cost import Cost, in_process
from wide_rows import commit_rows

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.contract import Engine
from stagecraft.stages.trees import tree_table
from stagecraft.transforms.leaf_encode import LeafEncode

COLUMNS = [f"n{number:02}" for number in range(40)]
TREES, DEPTH = 100, 6
ROUNDS = 3


def features(rows: int, *, seed: int = 0) -> np.ndarray:
    """Return float32 rows × 40, of which 2 % are missing."""
    rng = np.random.default_rng(seed)
    made = rng.standard_normal((rows, len(COLUMNS)), dtype=np.float32)
    made[rng.random(made.shape, dtype=np.float32) < 0.02] = np.nan
    return made


def forest(matrix: np.ndarray) -> xgboost.Booster:
    """Grow 100 trees of depth 6."""
    sums = np.nan_to_num(matrix[:, :8]).sum(axis=1) + np.nan_to_num(matrix[:, 8] * matrix[:, 9])
    noise = np.random.default_rng(1).standard_normal(len(matrix))
    label = (sums + noise > 0).astype(np.float32)
    parameters = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": DEPTH, "nthread": 2}
    return xgboost.train(parameters, xgboost.DMatrix(matrix, label=label), TREES)


def encoder(booster: xgboost.Booster) -> LeafEncode:
    return LeafEncode.of(tree_table(booster), COLUMNS)


def leaf_numbers(booster: xgboost.Booster, nodes: np.ndarray) -> np.ndarray:
    """XGBoost's node ids as numbers of leaves over the forest."""
    table = tree_table(booster).to_pandas()
    made = np.empty(nodes.shape, dtype=np.int32)
    for tree, rows in table.groupby("tree"):
        numbers = np.full(int(rows["node"].max()) + 1, -1, dtype=np.int32)
        leaves = rows[rows["leaf"].notna()]
        numbers[leaves["node"].to_numpy()] = leaves["leaf"].to_numpy()
        made[:, tree] = numbers[nodes[:, tree].astype(np.int64)]
    return made


def on_one_core(rows: int) -> tuple[float, float, int]:
    """Return rows per CPU second, ours and XGBoost's, and how many of the leaves differ."""
    matrix = features(rows)
    booster = forest(matrix[:100_000])
    booster.set_param({"nthread": 1})
    ours = encoder(booster)
    ours.forest.leaves(matrix[:1000])  # Compiles.
    spent: dict[str, list[float]] = {"ours": [], "theirs": []}
    differing = 0
    for _ in range(ROUNDS):
        spent["ours"].append(_spent(lambda: ours.forest.leaves(matrix)))
        spent["theirs"].append(
            _spent(lambda: booster.predict(xgboost.DMatrix(matrix, nthread=1), pred_leaf=True))
        )
    part = 1 << 17
    for start in range(0, rows, part):
        block = matrix[start : start + part]
        nodes = booster.predict(xgboost.DMatrix(block), pred_leaf=True)
        differing += int((ours.forest.leaves(block) != leaf_numbers(booster, nodes)).sum())
    return *(rows / statistics.median(spent[name]) for name in ("ours", "theirs")), differing


def _spent(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def inside_spark(engine: Any, rows: int) -> tuple[list[Cost], list[Cost], int]:
    """Encode a dataset into a committed one, and the same with ``mapInArrow`` and XGBoost into Parquet.

    :returns: the costs of each, in interleaved rounds, and how many of the leaves differ
    """
    matrix = features(rows)
    booster = forest(matrix[:100_000])
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        columns = {"id": pa.array(np.arange(rows))} | {
            name: pa.array(matrix[:, at], from_pandas=True) for at, name in enumerate(COLUMNS)
        }
        source = commit_rows(store, "source", pa.table(columns))
        _ours(engine, store, source, encoder(booster), "warm-up")
        _theirs(engine, source, booster, f"{folder}/warm-up")
        ours, theirs = [], []
        for number in range(ROUNDS):
            name = f"ours-{number}"
            ours.append(in_process(lambda name=name: _ours(engine, store, source, encoder(booster), name)))
            target = f"{folder}/theirs-{number}"
            theirs.append(in_process(lambda target=target: _theirs(engine, source, booster, target)))
        made = store.open("ours-0".ljust(32, "0")).table().sort_by("id")
        expected = engine._session.read.parquet(f"{folder}/theirs-0").orderBy("id").toArrow()
        nodes = np.asarray(expected["leaves"].combine_chunks().flatten()).reshape(-1, TREES)
        found = np.asarray(made["leaves"].combine_chunks().flatten()).reshape(-1, TREES)
        return ours, theirs, int((found != leaf_numbers(booster, nodes)).sum())


def _ours(engine: Engine, store: Store, source: Dataset, leaves: LeafEncode, name: str) -> None:
    draft = store.draft(Kind.DATASET, name.ljust(32, "0"), lineage={"stage": "benchmark"})
    engine.write(engine.map_batches(engine.scan(source), leaves), draft)
    draft.commit()


def _theirs(engine: Any, source: Dataset, booster: xgboost.Booster, target: str) -> None:
    """What one writes by hand: every batch through XGBoost, the leaves as a list column."""
    raw = bytes(booster.save_raw("ubj"))

    def encode(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        os.environ["OMP_NUM_THREADS"] = "1"
        loaded = xgboost.Booster({"nthread": 1})
        loaded.load_model(bytearray(raw))
        for batch in batches:
            matrix = np.column_stack([batch.column(name).to_numpy(zero_copy_only=False) for name in COLUMNS])
            nodes = loaded.predict(xgboost.DMatrix(matrix, nthread=1), pred_leaf=True).astype(np.int32)
            offsets = pa.array(np.arange(0, nodes.size + 1, TREES, dtype=np.int32))
            lists = pa.ListArray.from_arrays(offsets, pa.array(nodes.reshape(-1)))
            yield pa.RecordBatch.from_arrays([*batch.columns, lists], names=[*batch.schema.names, "leaves"])

    frame = engine._session.read.parquet(*source.files)
    schema = ", ".join(["id LONG", *(f"{name} FLOAT" for name in COLUMNS), "leaves ARRAY<INT>"])
    frame.mapInArrow(encode, schema).write.option("compression", "zstd").parquet(target)

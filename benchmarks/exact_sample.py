"""An exact stratified sample on Spark, against the window that one writes by hand."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
import pyarrow as pa
from cost import Cost, in_process
from leaves import ROUNDS
from pyspark.sql import Window
from pyspark.sql import functions as F
from wide_rows import commit_rows

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.stages.base import Workbench
from stagecraft.stages.sample import StratifiedSample
from stagecraft.tracking.writer import Tracker

FRACTION = 0.1


def rows_of_three_strata(rows: int) -> pa.Table:
    rng = np.random.default_rng(0)
    strata = np.array(["a", "b", "c"])[rng.choice(3, rows, p=[0.7, 0.25, 0.05])]
    numbers = {f"x{number}": rng.standard_normal(rows) for number in range(4)}
    return pa.table({"id": np.arange(rows), "stratum": pa.array(strata), **numbers})


def inside_spark(engine: Any, rows: int) -> tuple[list[Cost], list[Cost], int]:
    """Sample a dataset both ways, in interleaved rounds.

    :returns: the costs of each, and by how many rows they differ in size
    """
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        source = commit_rows(store, "source", rows_of_three_strata(rows))
        _theirs(engine, source, f"{folder}/warm-up")
        _ours(engine, store, source, seed=99)
        ours, theirs = [], []
        for number in range(ROUNDS):
            target = f"{folder}/theirs-{number}"
            ours.append(in_process(lambda number=number: _ours(engine, store, source, seed=number)))
            theirs.append(in_process(lambda target=target: _theirs(engine, source, target)))
        taken = _ours(engine, store, source, seed=0).rows
        return ours, theirs, abs(taken - engine._session.read.parquet(f"{folder}/theirs-0").count())


def _ours(engine: Any, store: Store, source: Dataset, *, seed: int) -> Dataset:
    stage = StratifiedSample(strata="stratum", key="id", fraction=FRACTION, seed=seed)
    made = stage.run(Workbench(engine, store, Tracker.nowhere()), dataset=source)["dataset"]
    assert isinstance(made, Dataset)
    return made


def _theirs(engine: Any, source: Dataset, target: str) -> None:
    stratum = Window.partitionBy("stratum")
    rows = engine._session.read.parquet(*source.files)
    ranked = rows.withColumn("r", F.row_number().over(stratum.orderBy(F.xxhash64("id")))).withColumn(
        "n", F.count("*").over(stratum)
    )
    taken = F.floor(F.col("n") * FRACTION + 0.5)
    sample = ranked.where(F.col("r") <= taken).withColumn("weight", F.col("n") / taken).drop("r", "n")
    sample.write.option("compression", "zstd").parquet(target)

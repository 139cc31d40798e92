"""Training on the KDD cup's connections: real rows, whose test file has attacks that training has not."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from cost import in_process
from same_on_both import kdd99
from wide_rows import commit_rows

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.engines.choose import open_engine
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Index, Standardize
from stagecraft.stages.metrics import ranking
from stagecraft.stages.ps_train import PSTrain
from stagecraft.tracking.writer import Tracker

EPOCHS = 3


def trained_on(folder: Path) -> dict[str, float]:
    """Encode the cup's training rows, train in place, and score its test rows.

    :returns: ``rows``, ``cpu`` seconds of the training, ``auc`` and ``log_loss`` on the test rows
    """
    rows, numeric, categorical, label = kdd99(folder)
    with tempfile.TemporaryDirectory() as name:
        store = Store(name)
        source = commit_rows(store, "kdd99", rows)
        encode = EncodeColumns(
            columns={tuple(numeric): Fill("median") | Standardize(), tuple(categorical): Index()}
        )
        with open_engine("duckdb") as engine:
            bench = Workbench(engine, store, Tracker.nowhere())
            dataset = encode.run(bench, dataset=source)["dataset"]
        assert isinstance(dataset, Dataset)
        stage = PSTrain(label=label, epochs=EPOCHS, workers=1, shards=0)
        bench = Workbench(cast(Any, SimpleNamespace(name="none")), store, Tracker.nowhere())
        models: list[Model] = []
        cost = in_process(lambda: models.append(cast(Model, stage.run(bench, dataset=dataset)["model"])))
        test = pq.read_table(folder / "test.parquet")
        score = models[0].chain.apply(test.drop_columns(["label"]).combine_chunks().to_batches()[0])["score"]
    attack = pc.not_equal(test["label"], "normal").to_numpy()
    found = ranking(attack, pa.array(score).to_numpy(zero_copy_only=False))
    return {
        "rows": rows.num_rows,
        "cpu": cost.cpu,
        "auc": found["auc"],
        "log_loss": found["log_loss"],
    }


if __name__ == "__main__":
    print(trained_on(Path(sys.argv[1])))

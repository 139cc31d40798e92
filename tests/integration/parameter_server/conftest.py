"""Encoded rows, made without an engine."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import fill_model
from stagecraft.artifacts.store import Store
from stagecraft.stages.base import Workbench
from stagecraft.tracking.writer import Tracker
from stagecraft.transforms.categorical import FittedHash, FittedIndex
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding, SlotEncoding
from stagecraft.transforms.numeric import FittedFill

ENCODE = Encode(
    encodings=[
        *(NumericEncoding(column=name, maps=[FittedFill(value=0.0)]) for name in ("wind", "heat")),
        SlotEncoding(columns=["origin"], output="origin", map=FittedIndex(vocabulary=["a", "b", "c"])),
        SlotEncoding(columns=["tail"], output="tail", map=FittedHash(bits=10, salt="tail")),
    ],
)

DRIVER = """
import sys
from types import SimpleNamespace
from stagecraft.artifacts.store import Store
from stagecraft.stages.base import Workbench
from stagecraft.stages.ps_train import PSTrain
from stagecraft.tracking.writer import Tracker
root, dataset, parameters = sys.argv[1:]
bench = Workbench(SimpleNamespace(name="none"), Store(root), Tracker.nowhere())
source, _, name = dataset.rpartition("/artifacts/")
PSTrain.model_validate_json(parameters).run(bench, dataset=Store(source).open(name))
"""


def raw_rows(rows: int, seed: int = 0) -> pa.Table:
    """Rows whose label really follows a logistic regression."""
    rng = np.random.default_rng(seed)
    wind, heat = rng.normal(size=(2, rows))
    origin, tail = rng.integers(0, 4, rows), rng.zipf(1.5, rows) % 500
    effect = np.random.default_rng(99).normal(size=500)
    margin = 0.8 * wind - 0.5 * heat + np.array([0.5, -0.5, 0.2, 0.0])[origin] + 0.7 * effect[tail] - 0.5
    return pa.table(
        {
            "wind": wind,
            "heat": heat,
            "origin": pa.array(np.array(["a", "b", "c", "new"])[origin]),
            "tail": pa.array([f"N{value}" for value in tail]),
            "late": pa.array(np.where(rng.random(rows) < 1 / (1 + np.exp(-margin)), "yes", "no")),
            "delay": 10 * margin + rng.normal(size=rows),
            "w": rng.choice([0.5, 1.0, 2.0], rows),
        }
    )


def put_dataset(store, name, table, *, model=None, files=1, group_rows=None, **meta):
    """Commit a table as a Dataset."""
    draft = store.draft(Kind.DATASET, name * 32, lineage={"stage": "test"})
    cuts = [table.num_rows * part // files for part in range(files + 1)]
    for part in range(files):
        sink = io.BytesIO()
        pq.write_table(table.slice(cuts[part], cuts[part + 1] - cuts[part]), sink, row_group_size=group_rows)
        draft.write(f"part-{part:05d}.parquet", sink.getvalue())
    columns = {field.name: str(field.type) for field in table.schema}
    draft.meta.update(meta, columns=columns, rows=table.num_rows)
    if model is not None:
        draft.meta["model"] = model.reference.model_dump(mode="json")
    return draft.commit()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A store with an encoder, encoded training rows, raw validation rows, and a way to commit more."""
    store = Store(str(tmp_path_factory.mktemp("store")))
    raw, held_out = raw_rows(12_000), raw_rows(4_000, seed=1)
    draft = store.draft(Kind.MODEL, "1" * 32, lineage={"stage": "test"})
    fill_model(draft, Chain((ENCODE,)), raw.slice(0, 20))
    encoder = draft.commit()

    def encoded(name, table=raw, **layout):
        batch = ENCODE.apply(table.combine_chunks().to_batches()[0])
        return put_dataset(store, name, pa.Table.from_batches([batch]), model=encoder, **layout)

    def bench(tracker=None):
        """A workbench with a store of its own, where nothing is committed yet."""
        place = Store(str(tmp_path_factory.mktemp("run")))
        return Workbench(SimpleNamespace(name="none"), place, tracker or Tracker.nowhere())

    def killed_at_checkpoint(bench, stage):
        """Train in another process; SIGKILL it after its first checkpoint; return the processes it had."""
        command = [sys.executable, "-c", DRIVER, bench.store.root, train.uri, stage.model_dump_json()]
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        family = []
        try:
            while not bench.store.filesystem.glob(f"{bench.store.root}/checkpoints/*/checkpoint.json"):
                assert driver.poll() is None, "the driver ended before its first checkpoint"
                time.sleep(0.02)
        finally:
            if driver.poll() is None:
                family = psutil.Process(driver.pid).children(recursive=True)
            driver.kill()
            driver.wait()
        return family

    train = encoded("2", files=2, group_rows=5_000)
    return SimpleNamespace(
        store=store,
        raw=raw,
        held_out=held_out,
        encoder=encoder,
        encoded=encoded,
        train=train,
        validation=put_dataset(store, "3", held_out),
        raw_dataset=put_dataset(store, "4", raw),
        bench=bench,
        put=put_dataset,
        killed_at_checkpoint=killed_at_checkpoint,
    )

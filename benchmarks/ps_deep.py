"""Log loss, AUC and CPU of linear and factorized models and of DeepFM, on rows like Criteo's.

Each trains one pass through ``PSTrain`` in a process of its own, from Parquet to the committed model; DeepFM
by steps of its rows, in place or with two workers and shards. docs/parameter_server.md has the figures.
``QUICK=1`` takes fewer rows. DeepFM needs the package torch.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
from cost import cost_of
from criteo_rows import LABEL, ceiling, make
from ps_quality import Quality
from ps_world import HELD_OUT, IN_PLACE, OURS, OVER_RPC, in_memory
from scipy.special import logit

from stagecraft.artifacts.artifact import Artifact
from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.parameter_server.rows import Rows
from stagecraft.transforms.predictor import SparsePredictor

ROWS, TEST_ROWS, BITS = (30_000, 10_000, 18) if os.environ.get("QUICK") else (1_000_000, 100_000, 18)
MODELS: dict[str, dict[str, Any]] = {
    "LogisticRegression()": {"model": {"type": "logistic"}, **IN_PLACE},
    "FactorizationMachine()": {"model": {"type": "fm"}, **IN_PLACE},
    "FactorizationMachine() with larger steps": {
        "model": {"type": "fm", "init": 0.05, "factor_optimizer": FTRL().model_dump()},
        **IN_PLACE,
    },
    "DeepFM()": {"model": {"type": "deepfm"}, **IN_PLACE},
    "DeepFM(), 2 workers and 2 shards": {"model": {"type": "deepfm"}, **OVER_RPC},
}


def main() -> None:
    chosen = sys.argv[1:] or list(MODELS)
    with tempfile.TemporaryDirectory() as name:
        store = Store(f"{name}/store")
        dataset, test = make(store, ROWS, BITS), make(store, TEST_ROWS, BITS, start=HELD_OUT)
        held_out = in_memory(test)
        print(f"{ROWS} rows, ceiling: {json.dumps(ceiling(test))}")
        for title in chosen:
            result = Path(name) / "trained"
            settings = json.dumps({"label": LABEL, "epochs": 1, **MODELS[title]})
            cost = cost_of([sys.executable, str(OURS), dataset.uri, str(result), settings])
            model = Artifact.load(result.read_text())
            assert isinstance(model, Model)
            predictor = cast(SparsePredictor, model.chain.transforms[-1])
            quality = Quality.of(held_out, logit(scores(predictor, held_out)))
            print(f"{title}: {json.dumps({'cpu': round(cost.cpu, 1), **quality._asdict()})}", flush=True)


def scores(predictor: SparsePredictor, rows: Rows) -> np.ndarray:
    """Return the probabilities of rows that have a feature of every column."""
    shape = (len(rows.label), predictor.layout.width)
    return predictor.scored(predictor.table, rows.csr.indices.reshape(shape), rows.csr.values.reshape(shape))


if __name__ == "__main__":
    main()

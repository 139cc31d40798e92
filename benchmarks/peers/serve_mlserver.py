"""The booster behind MLServer; it runs in a Python of its own, which ``MLSERVER_PYTHON`` names."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np

PYTHON = os.environ.get("MLSERVER_PYTHON")


def prepare(folder: Path, booster: Path, port: int) -> list[str]:
    """Write MLServer's settings below ``folder``; return its command."""
    folder.mkdir()
    shutil.copy(booster, folder / "model.ubj")
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": 0,
        "metrics_port": 0,
        "parallel_workers": 0,
    }
    model = {
        "name": "gbdt",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": "model.ubj"},
    }
    (folder / "settings.json").write_text(json.dumps({**settings, "metrics_endpoint": None}))
    (folder / "model-settings.json").write_text(json.dumps(model))
    return ["-c", "from mlserver.cli import main; main()", "start", str(folder)]


def body(row: np.ndarray) -> bytes:
    """A request of the Open Inference Protocol."""
    data = {"name": "x", "shape": [1, len(row)], "datatype": "FP32", "data": row.tolist()}
    return json.dumps({"inputs": [data]}).encode()

"""The booster behind Ray Serve, as its documentation has it: ``python serve_ray.py PORT BOOSTER``."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import ray
import xgboost
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1)
class Trees:
    """Answers predictions."""

    def __init__(self, file: str) -> None:
        self.booster = xgboost.Booster({"nthread": 1}, model_file=file)

    async def __call__(self, request: Request) -> dict[str, Any]:
        rows = (await request.json())["rows"]
        matrix = np.array([list(row.values()) for row in rows], dtype=np.float32)
        return {"scores": self.booster.inplace_predict(matrix).tolist()}


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Trees.bind(sys.argv[2]), route_prefix="/predict")
    while True:
        time.sleep(1)

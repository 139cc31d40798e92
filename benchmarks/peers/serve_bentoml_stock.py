"""BentoML as its documentation has it, over our own engine: ``bentoml serve serve_bentoml_stock:Stock``.

The model's artifact is named by ``MODEL``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import bentoml
import numpy as np
from bentoml.validators import DType

from stagecraft.serving.predictor import Predictor, warm_up


@bentoml.service(workers=1)
class Stock:
    """Answers predictions."""

    def __init__(self) -> None:
        warm_up()
        self.predictor = Predictor.load(os.environ["MODEL"])

    @bentoml.api
    async def predict(self, rows: list[dict[str, float | None]]) -> dict[str, Any]:
        return {"scores": self.predictor.predict(rows).scores}

    @bentoml.api
    async def predict_array(self, rows: Annotated[np.ndarray, DType("float32")]) -> list[float]:
        return self.predictor.float_scores(rows).tolist()

    @bentoml.api
    async def predict_file(self, rows: Path) -> list[float]:
        matrix = np.fromfile(rows, dtype="<f4").reshape(-1, len(self.predictor.columns))
        return self.predictor.float_scores(matrix).tolist()

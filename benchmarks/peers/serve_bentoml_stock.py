"""BentoML as its documentation has it, over our own engine: ``bentoml serve serve_bentoml_stock:Stock``.

The model's artifact is named by ``MODEL``.
"""

from __future__ import annotations

import os
from typing import Any

import bentoml

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

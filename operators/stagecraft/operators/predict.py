"""Batch prediction: the score and the label of every row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class PredictOperator(StageOperator):
    """Scores raw rows with a model; the output holds the key, ``score`` and ``prediction``.

    :param model: a trained model
    :param dataset: raw rows
    :param key: the columns to keep beside the score, so that rows can be told apart
    :param threshold: a score at or above it is predicted positive, 0 … 1; where None, the model's own, or 0.5
    """

    stage_address = "stagecraft.stages.predict:Predict"

    def __init__(
        self,
        *,
        model: Input,
        dataset: Input,
        key: Sequence[str],
        threshold: float | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"model": model, "dataset": dataset},
            parameters={"key": [key] if isinstance(key, str) else list(key), "threshold": threshold},
            **kwargs,
        )

    @property
    def dataset(self) -> Output:
        """The predictions."""
        return self.artifact("dataset")

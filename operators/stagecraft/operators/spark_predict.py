"""Batch prediction with models of Spark ML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class SparkPredictOperator(StageOperator):
    """Applies a model of SparkTrain, SparkCluster or SparkALS to other rows.

    Runs on Spark alone: name it by ``spark_conn_id``.

    :param model: the model
    :param dataset: raw rows, which the model's encoding maps first, or rows that the same encoding made
    :param key: the columns to keep beside the prediction
    :param threshold: of two labels, a score at or above it predicts the second, 0 … 1
    """

    stage_address = "stagecraft.stages.spark_predict:SparkPredict"

    def __init__(
        self,
        *,
        model: Input,
        dataset: Input,
        key: Sequence[str],
        threshold: float | str = 0.5,
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

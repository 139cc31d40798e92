"""Training by Spark ML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output
from stagecraft.stages.spark_algorithms import Supervised


class SparkTrainOperator(StageOperator):
    """Trains a model of Spark ML on encoded or plain numeric columns.

    Runs on Spark alone: name it by ``spark_conn_id``.

    :param dataset: encoded rows, or raw ones where ``features`` names numeric columns
    :param label: the label's column
    :param algorithm: ``SparkLogisticRegression()``, ``SparkLinearRegression()``, ``SparkGBT()``,
        ``SparkRandomForest()`` or ``SparkFM()``; or a mapping with its ``type`` and parameters, which may be
        templates
    :param features: the columns to learn from; all encoded ones where None
    :param weight: the column of the rows' weights, or None
    :param key: columns to keep beside the predictions
    :param partitions: of the rows for the fit; where None, one for 250,000 rows
    """

    stage_address = "stagecraft.stages.spark_train:SparkTrain"

    def __init__(
        self,
        *,
        dataset: Input,
        label: str,
        algorithm: Supervised | Mapping[str, Any],
        features: Sequence[str] | None = None,
        weight: str | None = None,
        key: Sequence[str] = (),
        partitions: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={
                "label": label,
                "algorithm": algorithm,
                "features": [features] if isinstance(features, str) else features and list(features),
                "weight": weight,
                "key": [key] if isinstance(key, str) else list(key),
                "partitions": partitions,
            },
            **kwargs,
        )

    @property
    def model(self) -> Output:
        """The trained model, for a SparkPredictOperator."""
        return self.artifact("model")

    @property
    def dataset(self) -> Output:
        """The predictions for the rows that it learned from."""
        return self.artifact("dataset")

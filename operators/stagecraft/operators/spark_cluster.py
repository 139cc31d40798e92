"""Clustering by Spark ML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output
from stagecraft.stages.spark_clusterings import Clustering


class SparkClusterOperator(StageOperator):
    """Finds clusters in encoded or plain numeric columns with Spark ML.

    Runs on Spark alone: name it by ``spark_conn_id``.

    :param dataset: encoded rows, or raw ones where ``features`` names numeric columns
    :param algorithm: ``SparkKMeans(clusters=…)``, ``SparkBisectingKMeans(clusters=…)`` or
        ``SparkGaussianMixture(clusters=…)``; or a mapping with its ``type`` and parameters, which may be
        templates
    :param features: the columns to cluster by; all encoded ones where None
    :param key: columns to keep beside the cluster
    :param partitions: of the rows for the fit; where None, one for 250,000 rows
    """

    stage_address = "stagecraft.stages.spark_cluster:SparkCluster"

    def __init__(
        self,
        *,
        dataset: Input,
        algorithm: Clustering | Mapping[str, Any],
        features: Sequence[str] | None = None,
        key: Sequence[str] = (),
        partitions: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={
                "algorithm": algorithm,
                "features": [features] if isinstance(features, str) else features and list(features),
                "key": [key] if isinstance(key, str) else list(key),
                "partitions": partitions,
            },
            **kwargs,
        )

    @property
    def model(self) -> Output:
        """The clusters, for a SparkPredictOperator."""
        return self.artifact("model")

    @property
    def dataset(self) -> Output:
        """The cluster of each row."""
        return self.artifact("dataset")

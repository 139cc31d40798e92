"""Clustering by Spark ML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.spark_clusterings import AnyClustering
from stagecraft.stages.spark_features import Features
from stagecraft.stages.spark_model import (
    CLUSTER,
    PROBABILITY,
    SparkModel,
    check_key,
    encoder_of,
    fields,
    partitions_of,
    spark_engine,
    training_frame,
)
from stagecraft.stages.spark_portable import fill_spark_model

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft


class SparkCluster(Stage):
    """Finds clusters in encoded columns, or in plain numeric ones, and says which one each row is in.

    Spark only. What :class:`~stagecraft.stages.spark_train.SparkTrain` says of the rows' order holds here.
    Distances are between the features as they are: standardize numbers in the encode stage.

    :param algorithm: how clusters are found, as ``SparkKMeans(clusters=8)``
    :param features: the columns to cluster by; all encoded ones where None
    :param key: columns to keep beside the cluster
    :param partitions: of the rows for the fit; where None, one for 250,000 rows

    >>> from stagecraft.stages.spark_clusterings import SparkKMeans
    >>> SparkCluster(algorithm=SparkKMeans(clusters=8), key=["id"]).algorithm.clusters
    8
    """

    name: ClassVar[str] = "spark_cluster"
    version: ClassVar[int] = 2
    inputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"model": Kind.MODEL, "dataset": Kind.DATASET}
    engines: ClassVar[tuple[str, ...]] = ("spark",)

    algorithm: AnyClustering
    features: list[str] | None = Field(default=None, min_length=1)
    key: list[str] = Field(default_factory=list)
    partitions: int | None = Field(default=None, ge=1, le=100_000)

    @field_validator("key")
    @classmethod
    def _key(cls, key: list[str]) -> list[str]:
        return check_key(key, (CLUSTER, PROBABILITY))

    @field_validator("features")
    @classmethod
    def _features(cls, features: list[str] | None) -> list[str] | None:
        return check_key(features, ()) if features else features

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        import pyspark

        engine, dataset = spark_engine(self.name, bench), inputs["dataset"]
        dataset.require(f"{self.name}.key", *self.key)
        if dataset.rows < self.algorithm.clusters:
            raise InvalidInputError(
                f"{self.name}.algorithm.clusters",
                f"{self.algorithm.clusters} clusters of {dataset.rows} rows",
                f"at most {dataset.rows}" if dataset.rows > 1 else "a dataset with rows",
            )
        encoder = encoder_of(bench.store, dataset)
        layout = encoder.chain.layout if encoder else None
        features = Features.of(f"{self.name}.features", dataset, layout, self.features)
        rows = engine.scan(dataset)
        features.check(self.name, engine, rows)
        model = SparkModel(
            version=pyspark.__version__,
            algorithm=self.algorithm,
            features=features,
            encoder=encoder.reference if encoder else None,
        )
        partitions = self.partitions or partitions_of(dataset.rows)
        frame = training_frame(engine, rows, features, {}, self.key, partitions).persist()
        try:
            fitted = self.algorithm.estimator().fit(frame)
            metrics = _metrics(fitted.summary)
            bench.tracker.log(int(metrics["iterations"]), progress=1, **metrics)
            engine.write(model.predictions(engine, fitted, frame, fields(rows, self.key)), drafts["dataset"])
        finally:
            frame.unpersist()
        sizes = list(fitted.summary.clusterSizes)
        fill_spark_model(
            drafts["model"],
            engine,
            fitted,
            frame.sparkSession,
            model,
            dataset,
            metrics=metrics,
            cluster_sizes=sizes,
        )


def _metrics(summary: Any) -> dict[str, float]:
    """``cost``, the sum of squared distances to the centres, or a mixture's ``log_likelihood``."""
    mixture = hasattr(summary, "logLikelihood")
    quality = {"log_likelihood": summary.logLikelihood} if mixture else {"cost": summary.trainingCost}
    return {"iterations": float(summary.numIter), "clusters": float(len(summary.clusterSizes)), **quality}

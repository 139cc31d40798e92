"""The clusterings of Spark ML, as typed parameters."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from stagecraft.stages.spark_algorithms import Seed, SparkAlgorithm


class Clustering(SparkAlgorithm):
    """An algorithm that gives each row a cluster, 0 … ``clusters`` - 1."""

    clusters: int = Field(ge=2, le=100_000)
    max_iterations: int = Field(default=20, ge=1, le=100_000)
    seed: Seed = 0


class SparkKMeans(Clustering):
    """k-means, started by k-means|| (Bahmani et al., VLDB 2012).

    :param clusters: number of clusters
    :param max_iterations: iterations at most
    :param tolerance: the move of the centres below which it stops
    :param distance: ``"euclidean"`` or ``"cosine"``
    :param seed: decides where it starts

    >>> SparkKMeans(clusters=8).distance
    'euclidean'
    """

    type: Literal["kmeans"] = "kmeans"
    tolerance: float = Field(default=1e-4, ge=0, allow_inf_nan=False)
    distance: Literal["euclidean", "cosine"] = "euclidean"

    def estimator(self) -> Any:
        from pyspark.ml.clustering import KMeans

        return KMeans(
            k=self.clusters,
            maxIter=self.max_iterations,
            tol=self.tolerance,
            distanceMeasure=self.distance,
            seed=self.seed,
        )

    def model_class(self) -> Any:
        from pyspark.ml.clustering import KMeansModel

        return KMeansModel


class SparkBisectingKMeans(Clustering):
    """Bisecting k-means (Steinbach et al., KDD 2000): the largest clusters are split in two, level by level.

    :param clusters: number of clusters; fewer where none can be split any more
    :param max_iterations: iterations a split at most
    :param min_cluster: a cluster of fewer rows is not split; below 1, this part of the rows
    :param distance: ``"euclidean"`` or ``"cosine"``
    :param seed: decides where splits start

    >>> SparkBisectingKMeans(clusters=4, min_cluster=100).max_iterations
    20
    """

    type: Literal["bisecting_kmeans"] = "bisecting_kmeans"
    min_cluster: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    distance: Literal["euclidean", "cosine"] = "euclidean"

    def estimator(self) -> Any:
        from pyspark.ml.clustering import BisectingKMeans

        return BisectingKMeans(
            k=self.clusters,
            maxIter=self.max_iterations,
            minDivisibleClusterSize=self.min_cluster,
            distanceMeasure=self.distance,
            seed=self.seed,
        )

    def model_class(self) -> Any:
        from pyspark.ml.clustering import BisectingKMeansModel

        return BisectingKMeansModel


class SparkGaussianMixture(Clustering):
    """A mixture of Gaussians of full covariance, by expectation maximization. For tens of features at most.

    :param clusters: number of Gaussians
    :param max_iterations: iterations at most
    :param tolerance: the gain in log likelihood below which it stops
    :param seed: decides where it starts

    >>> SparkGaussianMixture(clusters=3).max_iterations
    100
    """

    type: Literal["gaussian_mixture"] = "gaussian_mixture"
    max_iterations: int = Field(default=100, ge=1, le=100_000)
    tolerance: float = Field(default=0.01, ge=0, allow_inf_nan=False)

    def estimator(self) -> Any:
        from pyspark.ml.clustering import GaussianMixture

        return GaussianMixture(
            k=self.clusters, maxIter=self.max_iterations, tol=self.tolerance, seed=self.seed
        )

    def model_class(self) -> Any:
        from pyspark.ml.clustering import GaussianMixtureModel

        return GaussianMixtureModel


AnyClustering = Annotated[
    SparkKMeans | SparkBisectingKMeans | SparkGaussianMixture, Field(discriminator="type")
]

"""Collaborative filtering by Spark ML."""

from __future__ import annotations

from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class SparkALSOperator(StageOperator):
    """Learns users' and items' factors from ratings and recommends items, with Spark ML's ALS.

    Runs on Spark alone: name it by ``spark_conn_id``.

    :param dataset: a row a rating
    :param user: the users' column: integers, strings or dates
    :param item: the items' column
    :param rating: the ratings' column; where None, the number of the pair's rows (implicit only)
    :param implicit: whether ratings are strengths of a preference, not marks
    :param factors: length of a factor vector
    :param regularization: weight of the L2 penalty
    :param max_iterations: rounds of users and items
    :param alpha: confidence that a unit of implicit rating adds
    :param nonnegative: whether factors must be 0 or more
    :param recommendations: items to recommend to each user
    :param seed: decides where it starts
    :param partitions: of users and of items; where None, one for 250,000 rated pairs
    """

    stage_address = "stagecraft.stages.spark_als:SparkALS"

    def __init__(
        self,
        *,
        dataset: Input,
        user: str,
        item: str,
        rating: str | None = None,
        implicit: bool | str = False,
        factors: int | str = 10,
        regularization: float | str = 0.1,
        max_iterations: int | str = 10,
        alpha: float | str = 1.0,
        nonnegative: bool | str = False,
        recommendations: int | str = 10,
        seed: int | str = 0,
        partitions: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={
                "user": user,
                "item": item,
                "rating": rating,
                "implicit": implicit,
                "factors": factors,
                "regularization": regularization,
                "max_iterations": max_iterations,
                "alpha": alpha,
                "nonnegative": nonnegative,
                "recommendations": recommendations,
                "seed": seed,
                "partitions": partitions,
            },
            **kwargs,
        )

    @property
    def model(self) -> Output:
        """The factors, for a SparkPredictOperator."""
        return self.artifact("model")

    @property
    def dataset(self) -> Output:
        """The best items of each user, ranked."""
        return self.artifact("dataset")

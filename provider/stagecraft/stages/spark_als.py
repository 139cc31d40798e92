"""Collaborative filtering by Spark ML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.quoting import quoted
from stagecraft.stages.spark_algorithms import Seed
from stagecraft.stages.spark_features import LARGEST, check_none
from stagecraft.stages.spark_model import SCORE, load, partitions_of, renamed, save, spark_engine
from stagecraft.transforms.types import CATEGORICAL, check_numeric

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.model import Model
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.spark import Rows, SparkEngine

RANK = "rank"
USERS, ITEMS = "users", "items"
UNKNOWN = -1
"""No user's and no item's number: Spark takes no NULL for one."""


class SparkALS(Stage):
    """Learns factors of users and items from ratings, and recommends items. Spark only.

    Alternating least squares with weighted regularization (Zhou et al., AAIM 2008); ``implicit``: Hu et al.,
    ICDM 2008, where a rating is a strength of preference. A pair that is rated more than once counts once:
    with the mean of its ratings, or their sum where implicit. The factors are the same to the bit for up to
    250,000 rated pairs, or with ``partitions=1``; beyond, their last digits may differ from run to run.

    The output holds ``user``, ``item``, ``rank`` (from 1) and ``score``; ``spark_predict`` scores any pair.

    :param user: the users' column: integers, strings or dates
    :param item: the items' column
    :param rating: the ratings' column; where None, the number of the pair's rows (implicit only)
    :param implicit: whether ratings are strengths of a preference, not marks
    :param factors: length of a factor vector
    :param regularization: weight of the L2 penalty
    :param max_iterations: rounds of users and items
    :param alpha: confidence that a unit of implicit rating adds
    :param nonnegative: whether factors must be 0 or more
    :param recommendations: items to recommend to each user; those that the user rated are among them
    :param seed: decides where it starts
    :param partitions: of users and of items; where None, one for 250,000 rated pairs

    >>> SparkALS(user="customer", item="film", rating="stars", factors=8).recommendations
    10
    """

    name: ClassVar[str] = "spark_als"
    inputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"model": Kind.MODEL, "dataset": Kind.DATASET}
    engines: ClassVar[tuple[str, ...]] = ("spark",)

    user: str = Field(min_length=1)
    item: str = Field(min_length=1)
    rating: str | None = None
    implicit: bool = False
    factors: int = Field(default=10, ge=1, le=1024)
    regularization: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    max_iterations: int = Field(default=10, ge=1, le=100)
    alpha: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    nonnegative: bool = False
    recommendations: int = Field(default=10, ge=1, le=10_000)
    seed: Seed = 0
    partitions: int | None = Field(default=None, ge=1, le=10_000)

    @model_validator(mode="after")
    def _columns(self) -> Self:
        columns = [column.lower() for column in (self.user, self.item, self.rating) if column is not None]
        if len(set(columns)) < len(columns):
            raise ValueError(f"a column is named twice in {columns}; user, item and rating are columns each")
        if {RANK, SCORE} & set(columns[:2]):
            raise ValueError(f"a column {RANK!r} or {SCORE!r} collides with the output's; rename it first")
        if self.rating is None and not self.implicit:
            raise ValueError("rating names no column; name one, or take implicit=True to count rows")
        return self

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        import pyspark

        engine, dataset = spark_engine(self.name, bench), inputs["dataset"]
        self._check(dataset)
        pairs = self._pairs(engine, engine.scan(dataset))
        users, items = _numbers(engine, pairs, "u"), _numbers(engine, pairs, "i")
        ratings = engine.materialize(
            engine.sql(
                "SELECT users.number AS u, items.number AS i, CAST(r AS FLOAT) AS r FROM pairs "
                "JOIN users ON pairs.u = users.id JOIN items ON pairs.i = items.id",
                pairs=pairs,
                users=users,
                items=items,
            )
        ).frame
        blocks = self.partitions or partitions_of(ratings.count())
        ratings = ratings.repartition(blocks, "u").sortWithinPartitions("u", "i")
        fitted = self._estimator(blocks).fit(ratings)
        metrics = {} if self.implicit else {"rmse": _rmse(fitted.transform(ratings))}
        bench.tracker.log(self.max_iterations, progress=1, **metrics)
        engine.write(self._recommended(engine, fitted, users, items), drafts["dataset"])
        draft = drafts["model"]
        save(draft, fitted, ratings.sparkSession)
        _write_ids(draft, users, items)
        draft.meta.update(
            metrics=metrics,
            input={column: dataset.columns[column] for column in (self.user, self.item)},
            spark={"version": pyspark.__version__, "als": {"user": self.user, "item": self.item}},
        )

    def _check(self, dataset: Dataset) -> None:
        """Refuse what the columns' names and types show."""
        for field, column in (("user", self.user), ("item", self.item)):
            dataset.require(f"{self.name}.{field}", column)
            if dataset.columns[column] not in CATEGORICAL:
                raise InvalidInputError(
                    f"{self.name}.{field}.{column}",
                    f"the column is of type {dataset.columns[column]}",
                    "integers, strings or dates",
                )
        if self.rating is not None:
            dataset.require(f"{self.name}.rating", self.rating)
            check_numeric(f"{self.name}.rating", dataset.columns[self.rating])
        if not dataset.rows:
            raise InvalidInputError(f"{self.name}.dataset", "it has no rows", "a dataset with rows")

    def _pairs(self, engine: SparkEngine, rows: Rows) -> Rows:
        """User ``u``, item ``i`` and rating ``r`` of each pair."""
        conditions = {column: f"{quoted(column)} IS NULL" for column in (self.user, self.item)}
        rating = "count(*)"
        if self.rating is not None:
            value = f"CAST({quoted(self.rating)} AS DOUBLE)"
            conditions[self.rating] = f"{value} IS NULL OR isnan({value}) OR abs({value}) > {LARGEST}"
            rating = f"{'sum' if self.implicit else 'avg'}({value})"
        check_none(engine, rows, conditions, self.name, "drop those rows in the query")
        columns = f"{quoted(self.user)} AS u, {quoted(self.item)} AS i"
        query = f"SELECT {columns}, {rating} AS r FROM rows GROUP BY {quoted(self.user)}, {quoted(self.item)}"
        return engine.materialize(engine.sql(query, rows=rows))

    def _estimator(self, blocks: int) -> Any:
        from pyspark.ml.recommendation import ALS

        return ALS(
            userCol="u",
            itemCol="i",
            ratingCol="r",
            rank=self.factors,
            maxIter=self.max_iterations,
            regParam=self.regularization,
            numUserBlocks=blocks,
            numItemBlocks=blocks,
            implicitPrefs=self.implicit,
            alpha=self.alpha,
            nonnegative=self.nonnegative,
            seed=self.seed,
        )

    def _recommended(self, engine: SparkEngine, fitted: Any, users: Rows, items: Rows) -> Rows:
        """The best items of each user, with the ids that the dataset has."""
        import pyarrow as pa
        from pyspark.sql import functions as F

        best = fitted.recommendForAllUsers(self.recommendations)
        listed = best.select("u", F.posexplode("recommendations").alias("place", "best")).select(
            "u",
            F.col("best.i").alias("i"),
            (F.col("place") + 1).alias("place"),
            F.col("best.rating").alias("score"),
        )
        schema = pa.schema(
            [("u", pa.int32()), ("i", pa.int32()), ("place", pa.int32()), ("score", pa.float64())]
        )
        return engine.sql(
            f"SELECT users.id AS {quoted(self.user)}, items.id AS {quoted(self.item)}, best.place AS rank, "
            "best.score AS score FROM best JOIN users ON best.u = users.number "
            "JOIN items ON best.i = items.number",
            best=engine.relation(listed, schema),
            users=users,
            items=items,
        )


def is_als(model: Model) -> bool:
    """Whether :class:`SparkALS` trained the model."""
    return "als" in model.meta.get("spark", {})


def scores(engine: SparkEngine, artifact: Model, rows: Rows, key: list[str]) -> Rows:
    """The key and the ``score`` of each pair: NULL where the training did not see its user or its item."""
    import pyarrow as pa
    from pyspark.ml.recommendation import ALSModel
    from pyspark.sql import functions as F

    names = {f"k{number}": name for number, name in enumerate(key)}
    ids = artifact.meta["spark"]["als"]
    given = renamed(engine, rows, names | {"user_id": ids["user"], "item_id": ids["item"]})
    session = rows.frame.sparkSession
    fitted = load(artifact, ALSModel, session)
    columns = [F.col(name) for name in given.schema.names]
    frame = given.frame
    for column, folder, name in (("user_id", USERS, "u"), ("item_id", ITEMS, "i")):
        known = session.read.parquet(_folder(artifact.file_uri(folder)))
        known = known.select(F.col("id").alias(f"known_{name}"), F.col("number").alias(name))
        frame = frame.join(known, frame[column] == known[f"known_{name}"], "left")
        columns.append(F.coalesce(name, F.lit(UNKNOWN)).alias(name))
    score = F.col("prediction")
    scored = fitted.transform(frame.select(*columns)).select(
        *names, F.when(~F.isnan(score), score).alias(SCORE)
    )
    schema = pa.schema([*(rows.schema.field(name) for name in key), pa.field(SCORE, pa.float64())])
    return engine.relation(scored, schema)


def _numbers(engine: SparkEngine, pairs: Rows, column: str) -> Rows:
    """The distinct ids of a column in their order, and their numbers from 0."""
    query = (
        "SELECT id, CAST(row_number() OVER (ORDER BY id) - 1 AS INTEGER) AS number "
        f"FROM (SELECT DISTINCT {column} AS id FROM pairs)"
    )
    return engine.materialize(engine.sql(query, pairs=pairs))


def _rmse(scored: Any) -> float:
    from pyspark.ml.evaluation import RegressionEvaluator

    return float(RegressionEvaluator(labelCol="r", metricName="rmse").evaluate(scored))


def _write_ids(draft: Draft, users: Rows, items: Rows) -> None:
    """Write which number each user and each item has, beside Spark's own files."""
    for folder, ids in ((USERS, users), (ITEMS, items)):
        ids.frame.write.option("compression", "zstd").parquet(_folder(f"{draft.uri}/{folder}"))


def _folder(uri: str) -> str:
    from stagecraft.engines.spark import hadoop_uri

    return hadoop_uri(uri)

"""Models of Spark ML as artifacts: saved in Spark's own format, read back, and applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from stagecraft.artifacts.artifact import Reference
from stagecraft.artifacts.model import Model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.spark_algorithms import AnySupervised, Supervised
from stagecraft.stages.spark_clusterings import AnyClustering
from stagecraft.stages.spark_features import Features

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft, Store
    from stagecraft.engines.contract import Engine
    from stagecraft.engines.spark import Rows, SparkEngine
    from stagecraft.stages.base import Workbench
    from stagecraft.transforms.scored import Label

FOLDER = "spark"
SCORE, PREDICTION, PROBABILITY, CLUSTER = "score", "prediction", "probability", "cluster"
ROWS_PER_PARTITION = 250_000


class SparkModel(BaseModel):
    """What is to know of a Spark ML model besides its files; ``meta["spark"]`` of its artifact.

    :param version: of the Spark that fitted it
    :param encoder: the Model that encodes raw rows for it, or None where its features are raw columns
    :param labels: the label's values in their order, or None where it predicts no label
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    algorithm: Annotated[AnySupervised | AnyClustering, Field(discriminator="type")]
    features: Features
    encoder: Reference | None = None
    labels: list[bool | int | float | str] | None = None

    @classmethod
    def of(cls, model: Model, where: str) -> Self:
        """What a model's artifact says of itself.

        :raises InvalidInputError: it is no model of Spark ML
        """
        if "spark" not in model.meta:
            raise InvalidInputError(
                where,
                f"the model of stage {model.manifest.lineage.get('stage')!r} is none of Spark ML",
                "the model of spark_train, spark_cluster or spark_als; Predict for any other",
            )
        return cls.model_validate(model.meta["spark"])

    def output_fields(self) -> list[pa.Field]:
        """The columns that :meth:`predictions` adds to the key."""
        import pyarrow as pa

        from stagecraft.transforms.scored import label_type

        probability = pa.field(PROBABILITY, pa.list_(pa.float64()))
        if not isinstance(self.algorithm, Supervised):
            mixture = self.algorithm.type == "gaussian_mixture"
            return [pa.field(CLUSTER, pa.int32()), *([probability] if mixture else [])]
        score = pa.field(SCORE, pa.float64())
        if self.labels is None:
            return [score]
        prediction = pa.field(PREDICTION, label_type((self.labels[0], self.labels[1])))
        return [score, prediction] if len(self.labels) == 2 else [prediction, probability]

    def predictions(
        self, engine: SparkEngine, fitted: Any, frame: Any, key: pa.Schema, threshold: float = 0.5
    ) -> Rows:
        """The key and what the model says of each row.

        :param fitted: the model of Spark ML
        :param frame: its first columns are the key's, ``features`` the vectors
        :param threshold: of two labels, a score at or above it predicts the second
        """
        import pyarrow as pa
        from pyspark.ml.functions import vector_to_array
        from pyspark.sql import functions as F

        made = {SCORE: F.col("prediction"), CLUSTER: F.col("prediction")}
        if self.labels is not None or self.algorithm.type == "gaussian_mixture":
            made[PROBABILITY] = vector_to_array(F.col("probability"))
        if self.labels is not None:
            label = F.col("prediction").cast("int")
            if len(self.labels) == 2:
                made[SCORE] = made[PROBABILITY][1]
                label = F.when(made[SCORE] >= threshold, 1).otherwise(0)
            made[PREDICTION] = F.element_at(F.array(*map(F.lit, self.labels)), label + 1)
        added = self.output_fields()
        columns = [F.col(name) for name in frame.columns[: len(key)]] + [made[field.name] for field in added]
        return engine.relation(fitted.transform(frame).select(*columns), pa.schema([*key, *added]))


def spark_engine(stage: str, bench: Workbench) -> SparkEngine:
    """The bench's engine, which must be Spark.

    :raises InvalidInputError: it is another
    """
    if bench.engine.name != "spark":
        raise InvalidInputError(
            f"{stage}.engine", f"it does not run on {bench.engine.name}", "engine='spark': it runs Spark ML"
        )
    from stagecraft.engines.spark import SparkEngine

    assert isinstance(bench.engine, SparkEngine)
    return bench.engine


def encoder_of(store: Store, dataset: Dataset) -> Model | None:
    """The model that encoded a dataset, or None for raw rows."""
    if dataset.model is None:
        return None
    found = store.open(dataset.model)
    assert isinstance(found, Model)
    return found


def partitions_of(rows: int) -> int:
    """How many partitions rows are fitted in: a matter of the rows, not of the cluster."""
    return max(1, -(-rows // ROWS_PER_PARTITION))


def training_frame(
    engine: SparkEngine,
    rows: Rows,
    features: Features,
    columns: dict[str, str],
    key: list[str],
    partitions: int,
) -> Any:
    """The key (``k0`` …), some columns, and ``features``, in an order that the rows' values alone decide.

    :param columns: name in the frame → the column's name in ``rows``
    """
    from pyspark.sql import functions as F

    inputs = columns | {f"f{number}": name for number, name in enumerate(features.columns)}
    names = {f"k{number}": name for number, name in enumerate(key)} | inputs
    frame = renamed(engine, rows, names).frame
    by_hash = F.xxhash64(*inputs)
    placed = frame.repartition(partitions, by_hash).sortWithinPartitions(by_hash, *inputs)
    return features.vectors(placed, len(key) + len(columns))


def fields(rows: Rows, names: list[str]) -> pa.Schema:
    """The schema of some columns."""
    import pyarrow as pa

    return pa.schema([rows.schema.field(name) for name in names])


def renamed(engine: SparkEngine, rows: Rows, columns: dict[str, str]) -> Rows:
    """Some columns under other names, which may hold anything.

    :param columns: new name → the column's name in ``rows``
    """
    import pyarrow as pa

    schema = pa.schema([rows.schema.field(name).with_name(alias) for alias, name in columns.items()])
    numbered = rows.frame.toDF(*(f"c{number}" for number in range(len(rows.schema))))
    chosen = [f"c{rows.schema.get_field_index(name)}" for name in columns.values()]
    return engine.relation(numbered.select(*chosen), schema)


def save(draft: Draft, fitted: Any, session: Any) -> None:
    """Write a Spark ML model into a draft, as JSON and Parquet files by Spark itself."""
    from stagecraft.engines.spark import hadoop_uri

    draft.store.filesystem.makedirs(draft.store.strip(draft.uri), exist_ok=True)
    fitted.write().session(session).save(hadoop_uri(f"{draft.uri}/{FOLDER}"))


def load(model: Model, kind: Any, session: Any) -> Any:
    """Read a Spark ML model of class ``kind``, its files checked against their checksums.

    :raises CorruptArtifactError: a file is missing or differs
    """
    from stagecraft.engines.spark import hadoop_uri

    model.verify()
    return kind.read().session(session).load(hadoop_uri(model.file_uri(FOLDER)))


def check_key(key: list[str], taken: tuple[str, ...]) -> list[str]:
    """Refuse key columns that are named twice, or like an output column."""
    lowered = [column.lower() for column in key]
    for column in lowered:
        if lowered.count(column) > 1:
            raise ValueError(f"the column {column!r} is named twice; name it once")
        if column in taken:
            raise ValueError(f"the column {column!r} collides with the prediction's; rename it first")
    return key


def read_labels(where: str, engine: Engine, rows: Rows, column: str, *, most: int) -> list[Label]:
    """The distinct values of a label, in their order.

    :param most: how many there may be
    :raises InvalidInputError: a label is missing, or there are fewer than two values or too many
    """
    from stagecraft.stages.quoting import quoted

    query = f"SELECT {quoted(column)} AS value, count(*) AS n FROM rows GROUP BY 1 LIMIT {most + 2}"
    found = engine.collect(engine.sql(query, rows=rows))["value"].to_pylist()
    if any(value is None or value != value for value in found):
        raise InvalidInputError(where, "labels are missing (NULL or NaN)", "drop those rows in the query")
    if not 2 <= len(found) <= most:
        many = "more than " if len(found) > most else ""
        raise InvalidInputError(
            where,
            f"the label has {many}{min(len(found), most)} value(s)",
            f"2 to {most} values for this algorithm" if most > 2 else "two values for this algorithm",
        )
    return sorted(found)

"""Batch prediction with models of Spark ML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model
from stagecraft.errors import InvalidInputError
from stagecraft.stages import spark_als
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.spark_model import (
    CLUSTER,
    PREDICTION,
    PROBABILITY,
    SCORE,
    SparkModel,
    check_key,
    fields,
    load,
    renamed,
    spark_engine,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.spark import Rows, SparkEngine
    from stagecraft.transforms.chain import Chain


class SparkPredict(Stage):
    """Applies a model of Spark ML to rows: the key columns, and what the model says. Spark only.

    Rows are raw, and go through the encoding that the model's training rows went through; or they are already
    encoded by that very model. The output's columns are those of the stage that trained the model.

    :param key: columns of the dataset to keep beside the prediction
    :param threshold: of two labels, a score at or above it predicts the second, 0 … 1

    >>> SparkPredict(key=["id"]).threshold
    0.5
    """

    name: ClassVar[str] = "spark_predict"
    inputs: ClassVar[Mapping[str, Kind]] = {"model": Kind.MODEL, "dataset": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}
    engines: ClassVar[tuple[str, ...]] = ("spark",)

    key: list[str] = Field(default_factory=list)
    threshold: float = Field(default=0.5, ge=0, le=1)

    @field_validator("key")
    @classmethod
    def _key(cls, key: list[str]) -> list[str]:
        return check_key(key, (SCORE, PREDICTION, PROBABILITY, CLUSTER))

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        engine, artifact, dataset = spark_engine(self.name, bench), inputs["model"], inputs["dataset"]
        dataset.require(f"{self.name}.key", *self.key)
        if spark_als.is_als(artifact):
            artifact.check_input(f"{self.name}.dataset", dataset)
            made = spark_als.scores(engine, artifact, engine.scan(dataset), self.key)
        else:
            made = self._predictions(engine, artifact, dataset)
        engine.write(made, drafts["dataset"])

    def _predictions(self, engine: SparkEngine, artifact: Model, dataset: Dataset) -> Rows:
        model = SparkModel.of(artifact, f"{self.name}.model")
        names = {f"k{number}": name for number, name in enumerate(self.key)}
        columns = {f"f{number}": name for number, name in enumerate(model.features.columns)}
        chain = self._chain(artifact, model, dataset)
        rows = engine.scan(dataset)
        key = fields(rows, self.key)
        if chain is None:
            rows = renamed(engine, rows, names | columns)
        else:
            rows = engine.materialize(engine.map_batches(rows, _Encoded(chain, names, columns)))
        model.features.check(self.name, engine, rows, list(columns))
        fitted = load(artifact, model.algorithm.model_class(), rows.frame.sparkSession)
        frame = model.features.vectors(rows.frame, len(key))
        return model.predictions(engine, fitted, frame, key, self.threshold)

    def _chain(self, artifact: Model, model: SparkModel, dataset: Dataset) -> Chain | None:
        """What encodes the rows, or None where they have the columns that the model reads."""
        where = f"{self.name}.dataset"
        if model.encoder is not None and dataset.model is not None:
            if dataset.model.fingerprint != model.encoder.fingerprint:
                raise InvalidInputError(
                    where, "the rows are encoded by another model", "raw rows, or rows that the same encoded"
                )
            dataset.require(where, *model.features.columns)
            return None
        artifact.check_input(where, dataset)
        if model.encoder is None:
            return None
        encoder = artifact.store.open(model.encoder)
        assert isinstance(encoder, Model)
        return encoder.chain


@dataclass(frozen=True)
class _Encoded:
    """Some raw columns and some encoded ones under other names, as a map over batches.

    :param raw: new name → column of the raw rows
    :param encoded: new name → column of the encoded rows
    """

    chain: Chain
    raw: dict[str, str]
    encoded: dict[str, str]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        read = pa.schema([schema.field(name) for name in self._read()])
        made = self.chain.output_schema(read)
        return pa.schema(
            [schema.field(name).with_name(alias) for alias, name in self.raw.items()]
            + [made.field(name).with_name(alias) for alias, name in self.encoded.items()]
        )

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        made = self.chain.apply(batch.select(self._read()))
        arrays = [batch.column(name) for name in self.raw.values()]
        arrays += [made.column(name) for name in self.encoded.values()]
        return pa.RecordBatch.from_arrays(arrays, schema=self.output_schema(batch.schema))

    def _read(self) -> list[str]:
        """The columns that the chain reads, and those that it does not make."""
        made = self.chain.layout.columns
        plain = [name for name in self.encoded.values() if name not in made]
        return list(dict.fromkeys([*self.chain.input_columns(), *plain]))

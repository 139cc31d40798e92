"""Training by Spark ML: linear models, trees and factorization machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.labels import original_labels
from stagecraft.stages.quoting import quoted
from stagecraft.stages.spark_algorithms import AnySupervised
from stagecraft.stages.spark_features import LARGEST, Features, check_none
from stagecraft.stages.spark_model import (
    PREDICTION,
    PROBABILITY,
    SCORE,
    SparkModel,
    check_key,
    encoder_of,
    fields,
    partitions_of,
    read_labels,
    spark_engine,
    training_frame,
)
from stagecraft.stages.spark_portable import fill_spark_model
from stagecraft.transforms.types import INTEGERS, check_numeric

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.spark import Rows, SparkEngine
    from stagecraft.transforms.scored import Label

LABEL, WEIGHT = "label", "weight"
CLASSES = 1000
CLASS_TYPES = INTEGERS | {"bool", "float", "double", "string", "large_string", "string_view"}


class SparkTrain(Stage):
    """Trains a model of Spark ML on encoded columns, or on plain numeric ones. Spark only.

    The rows are sorted by a hash of their values before the fit, so that the model depends on them alone, not
    on files or partitions. With one or two ``partitions`` it is the same to the bit; with more, Spark adds
    float sums in the order in which tasks end, and the last digits may differ.

    The model is kept as Spark saves it, and as a chain of transforms that gives Spark's scores without Spark:
    in batch, by Predict and Evaluate, and in a server.

    :param algorithm: what is trained, as ``SparkGBT(trees=50)``
    :param label: the label's column: for labels, of up to 1000 distinct values that become 0, 1, 2 … as they
        sort, and are given back in the predictions, as are those that the encoding mapped; for a regression,
        of numbers
    :param features: the columns to learn from; all encoded ones where None
    :param weight: the column of the rows' weights, or None
    :param key: columns to keep beside the predictions
    :param partitions: of the rows for the fit; where None, one for 250,000 rows
    :raises InvalidInputError: when run: a missing value, a label that does not fit the algorithm …

    >>> from stagecraft.stages.spark_algorithms import SparkGBT
    >>> SparkTrain(algorithm=SparkGBT(trees=50), label="late", key=["id"]).algorithm.trees
    50
    """

    name: ClassVar[str] = "spark_train"
    version: ClassVar[int] = 2
    inputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"model": Kind.MODEL, "dataset": Kind.DATASET}
    engines: ClassVar[tuple[str, ...]] = ("spark",)

    algorithm: AnySupervised
    label: str = Field(min_length=1)
    features: list[str] | None = Field(default=None, min_length=1)
    weight: str | None = None
    key: list[str] = Field(default_factory=list)
    partitions: int | None = Field(default=None, ge=1, le=100_000)

    @field_validator("key")
    @classmethod
    def _key(cls, key: list[str]) -> list[str]:
        return check_key(key, (SCORE, PREDICTION, PROBABILITY))

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.weight is not None and not self.algorithm.weighted:
            raise ValueError(f"Spark's {self.algorithm.type} takes no weights; weight=None would do")
        features = self.features or []
        for column in features:
            if features.count(column) > 1 or column in (self.label, self.weight):
                raise ValueError(f"the feature {column!r} is named twice, or is the label or the weight")
        return self

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        import pyspark

        engine, dataset = spark_engine(self.name, bench), inputs["dataset"]
        encoder = encoder_of(bench.store, dataset)
        features = self._check(dataset, encoder.chain.layout if encoder else None)
        rows = engine.scan(dataset)
        features.check(self.name, engine, rows)
        codes = self._labels(engine, rows)
        labels = original_labels(f"{self.name}.label", encoder, self.label, codes) if encoder else codes
        model = SparkModel(
            version=pyspark.__version__,
            algorithm=self.algorithm,
            features=features,
            encoder=encoder.reference if encoder else None,
            labels=labels,
        )
        columns = {LABEL: self.label} | ({WEIGHT: self.weight} if self.weight is not None else {})
        partitions = self.partitions or partitions_of(dataset.rows)
        frame = training_frame(engine, rows, features, columns, self.key, partitions)
        frame = self._numbers(frame, codes).persist()
        try:
            fitted = self._fit(frame, features)
            history = self._history(fitted, frame)
            for step, loss in enumerate(history, 1):
                bench.tracker.log(step, loss=loss, progress=step / len(history))
            metrics = self._metrics(fitted.transform(frame), labels)
            bench.tracker.log(len(history), **metrics)
            engine.write(model.predictions(engine, fitted, frame, fields(rows, self.key)), drafts["dataset"])
        finally:
            frame.unpersist()
        fill_spark_model(
            drafts["model"],
            engine,
            fitted,
            frame.sparkSession,
            model,
            dataset,
            metrics=metrics,
            history=[{"step": step, "loss": loss} for step, loss in enumerate(history, 1)],
            **({"labels": labels} if labels else {}),
        )

    def _check(self, dataset: Dataset, encoded: Any) -> Features:
        """Refuse what the columns' names and types show."""
        dataset.require(f"{self.name}.label", self.label)
        dataset.require(f"{self.name}.key", *self.key)
        if not dataset.rows:
            raise InvalidInputError(f"{self.name}.dataset", "it has no rows", "a dataset with rows")
        if self.weight is not None:
            dataset.require(f"{self.name}.weight", self.weight)
            check_numeric(f"{self.name}.weight", dataset.columns[self.weight])
        kind = dataset.columns[self.label]
        if self.algorithm.task == "regression":
            check_numeric(f"{self.name}.label", kind)
        elif kind not in CLASS_TYPES:
            raise InvalidInputError(
                f"{self.name}.label", f"the column is of type {kind}", "a bool, integer, number or string"
            )
        features = Features.of(
            f"{self.name}.features",
            dataset,
            encoded,
            self.features,
            categories=self.algorithm.categories,
        )
        for column in (self.label, self.weight):
            if column in features.columns:
                raise InvalidInputError(
                    f"{self.name}.features", f"{column!r} is the label or the weight", "features without it"
                )
        return features

    def _labels(self, engine: SparkEngine, rows: Rows) -> list[Label] | None:
        """Check label and weight; return the label's values, or None for a number."""
        if self.weight is not None:
            name = quoted(self.weight)
            refused = f"{name} IS NULL OR isnan(CAST({name} AS DOUBLE)) OR {name} < 0 OR {name} > {LARGEST}"
            check_none(engine, rows, {self.weight: refused}, f"{self.name}.weight", "weights of 0 or more")
        if self.algorithm.task == "classification":
            most = CLASSES if self.algorithm.multiclass else 2
            return read_labels(f"{self.name}.label", engine, rows, self.label, most=most)
        name = f"CAST({quoted(self.label)} AS DOUBLE)"
        refused = f"{name} IS NULL OR isnan({name}) OR abs({name}) > {LARGEST}"
        check_none(engine, rows, {self.label: refused}, f"{self.name}.label", "drop those rows in the query")
        return None

    def _numbers(self, frame: Any, codes: list[Label] | None) -> Any:
        """The frame with label and weight as numbers; a label is its place among ``codes``."""
        from pyspark.sql import functions as F

        label = F.col(LABEL)
        if codes is not None:
            kind = frame.schema[LABEL].dataType
            label = F.array_position(F.array(*(F.lit(value).cast(kind) for value in codes)), label) - 1
        frame = frame.withColumn(LABEL, label.cast("double"))
        return frame.withColumn(WEIGHT, F.col(WEIGHT).cast("double")) if self.weight is not None else frame

    def _fit(self, frame: Any, features: Features) -> Any:
        estimator = self.algorithm.estimator()
        if self.weight is not None:
            estimator.setWeightCol(WEIGHT)
        if features.largest_category:
            estimator.setMaxBins(max(estimator.getMaxBins(), features.largest_category))
        return estimator.fit(frame)

    def _history(self, fitted: Any, frame: Any) -> list[float]:
        """The objective after each iteration, where Spark says; of boosting, the loss after each tree."""
        if self.algorithm.type == "gbt":
            loss = () if self.algorithm.task == "classification" else ("squared",)
            return [float(value) for value in fitted.evaluateEachIteration(frame, *loss)]
        summary = fitted.summary if getattr(fitted, "hasSummary", False) else None
        history = [float(value) for value in getattr(summary, "objectiveHistory", [])]
        return history if len(history) > 1 else []

    def _metrics(self, scored: Any, labels: list[Label] | None) -> dict[str, float]:
        """How the model does on the rows that it learned from."""
        from pyspark.ml import evaluation

        weight = {} if self.weight is None else {"weightCol": WEIGHT}
        if labels is None:
            judge = evaluation.RegressionEvaluator(**weight)
            return {name: judge.setMetricName(name).evaluate(scored) for name in ("rmse", "r2")}
        many = evaluation.MulticlassClassificationEvaluator(**weight)
        names = {"log_loss": "logLoss", "accuracy": "accuracy"}
        found = {name: many.setMetricName(spark).evaluate(scored) for name, spark in names.items()}
        if len(labels) == 2:
            two = evaluation.BinaryClassificationEvaluator(
                rawPredictionCol="probability", numBins=0, **weight
            )
            found["auc"] = two.evaluate(scored)
        return found

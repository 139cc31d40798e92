"""Growing trees on Spark's workers, for rows that no one machine holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from stagecraft.stages.quoting import quoted

if TYPE_CHECKING:
    import xgboost

    from stagecraft.engines.contract import Engine, Relation
    from stagecraft.stages.boosting import BoostingParameters
    from stagecraft.stages.gbdt_target import Target


def is_remote(rows: Relation) -> bool:
    """Whether a relation of the Spark engine is one of Spark Connect, which ``xgboost.spark`` cannot use."""
    return type(rows.frame).__module__.startswith("pyspark.sql.connect.")


def train_on_spark(
    engine: Engine, rows: Relation, columns: list[str], target: Target, parameters: BoostingParameters
) -> xgboost.Booster:
    """Grow trees by ``xgboost.spark``, one worker a task that Spark runs at once.

    :param rows: a relation of the Spark engine
    :param columns: the features' columns
    """
    from xgboost.spark import SparkXGBClassifier, SparkXGBRegressor

    frame = _numbers(engine, rows, columns, target).frame
    slots = frame.sparkSession.sparkContext.defaultParallelism
    kind = SparkXGBRegressor if target.classes is None else SparkXGBClassifier
    estimator = kind(
        features_col=[f"f{number}" for number in range(len(columns))],
        label_col="label",
        weight_col="weight" if target.weight else None,
        num_workers=slots,
        n_estimators=parameters.rounds,
        random_state=parameters.seed,
        missing=float("nan"),
        **parameters.xgboost(),
    )
    booster = estimator.fit(frame).get_booster()
    booster.feature_names = booster.feature_types = None  # As those that a host trains on arrays.
    return booster


def _numbers(engine: Engine, rows: Relation, columns: list[str], target: Target) -> Relation:
    """The features as ``f0``, ``f1`` …, ``label`` (a class by its number), and ``weight`` where asked."""
    features = [f"CAST(r.{quoted(name)} AS FLOAT) AS f{number}" for number, name in enumerate(columns)]
    weight = [f"CAST(r.{quoted(target.weight)} AS DOUBLE) AS weight"] if target.weight else []
    label = f"r.{quoted(target.label)}"
    if target.classes is None:
        query = f"SELECT {', '.join([*features, f'CAST({label} AS DOUBLE) AS label', *weight])} FROM r"
        return engine.sql(query, r=rows)
    kind = engine.schema(rows).field(target.label).type
    classes = pa.table(
        {
            "class_value": pa.array(target.classes, kind),
            "class_number": pa.array(range(len(target.classes)), pa.int32()),
        }
    )
    query = (
        f"SELECT {', '.join([*features, 'CAST(c.class_number AS DOUBLE) AS label', *weight])} "
        f"FROM r JOIN c ON {label} = c.class_value"
    )
    return engine.sql(query, r=rows, c=engine.table(classes))

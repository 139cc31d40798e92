"""The chain as three applications of Spark, one a step: ``spark-submit chain_spark.py STEP SOURCE TARGET``.

Sampling is exact, by a window; medians, as most write them, by ``Imputer``, which is approximate.
"""

from __future__ import annotations

import sys

from pyspark.ml.feature import Imputer, StringIndexer
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

NUMERIC = [f"n{number:02}" for number in range(40)]
INDEXED, HASHED = ["c0", "c1", "c2", "c3"], ["c4", "c5", "c6", "c7"]


def sample(rows: DataFrame) -> DataFrame:
    stratum = Window.partitionBy("label")
    ranked = rows.withColumn("r", F.row_number().over(stratum.orderBy(F.xxhash64("id")))).withColumn(
        "n", F.count("*").over(stratum)
    )
    taken = F.floor(F.col("n") * 0.5 + 0.5)
    return ranked.where(F.col("r") <= taken).withColumn("weight", F.col("n") / taken).drop("r", "n")


def scale(rows: DataFrame) -> DataFrame:
    filled = Imputer(strategy="median", inputCols=NUMERIC, outputCols=NUMERIC).fit(rows).transform(rows)
    moments = filled.select(
        *(F.avg(name).alias(f"mean_{name}") for name in NUMERIC),
        *(F.stddev_pop(name).alias(f"deviation_{name}") for name in NUMERIC),
    ).first()
    return filled.withColumns(
        {
            name: ((F.col(name) - moments[f"mean_{name}"]) / moments[f"deviation_{name}"]).cast("float")
            for name in NUMERIC
        }
    )


def index(rows: DataFrame) -> DataFrame:
    slots = [f"{name}_slot" for name in INDEXED]
    indexer = StringIndexer(inputCols=INDEXED, outputCols=slots, handleInvalid="keep")
    indexed = indexer.fit(rows).transform(rows)
    return indexed.withColumns(
        {name: (F.col(slot) + 2).cast("int") for name, slot in zip(INDEXED, slots, strict=True)}
        | {name: (F.pmod(F.xxhash64(name), F.lit(4095)) + 1).cast("int") for name in HASHED}
    ).drop(*slots)


if __name__ == "__main__":
    step, source, target = sys.argv[1:]
    session = SparkSession.builder.getOrCreate()
    made = {"sample": sample, "scale": scale, "index": index}[step](session.read.parquet(source))
    made.write.option("compression", "zstd").parquet(target)
    session.stop()

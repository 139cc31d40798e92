"""Spark sessions as the engine needs them."""

from __future__ import annotations

import os

from pyspark.sql import SparkSession

from stagecraft.engines import spark_install
from stagecraft.engines.parquet import ROW_GROUP

SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(ROW_GROUP),
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.parquet.filterPushdown": "false",  # It goes by statistics, which leave NaN out.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.session.timeZone": "UTC",
}
"""What makes Spark's results equal DuckDB's; they hold for the engine's own session alone."""


def open_session(
    session: SparkSession | None = None, master: str | None = None, settings: dict[str, str] | None = None
) -> tuple[SparkSession, bool]:
    """Return a session of its own settings, and whether its Spark was started here.

    The Spark that is active is taken where there is one. Under spark-submit its master and settings hold.

    :param session: a session whose Spark is taken
    :param master: where a Spark must be started: its master, ``local[2]`` where None
    :param settings: Spark settings for one that is started
    :raises InvalidInputError: the installation is mixed of two versions
    :raises UnreachableError: no Java would do
    """
    spark_install.check()
    active = session or SparkSession.getActiveSession()
    started = active is None
    if active is None:
        builder = SparkSession.builder.appName("stagecraft")
        if "PYSPARK_GATEWAY_PORT" not in os.environ:  # Else spark-submit has set all this.
            os.environ.update(spark_install.environment())
            chosen = master or "local[2]"
            builder = builder.master(chosen)
            for name, value in {**spark_install.static_settings(chosen), **(settings or {})}.items():
                builder = builder.config(name, value)
        active = builder.getOrCreate()
        active.sparkContext.setLogLevel("ERROR")
    own = active.newSession()
    for name, value in SETTINGS.items():
        own.conf.set(name, value)
    return own, started

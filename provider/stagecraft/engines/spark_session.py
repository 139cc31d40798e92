"""Spark sessions as the engine needs them."""

from __future__ import annotations

import json
import os

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession

from stagecraft.engines import spark_install
from stagecraft.engines.parquet import ROW_GROUP
from stagecraft.errors import InvalidInputError, UnreachableError

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

    The Spark that is active is taken where there is one, then the Spark Connect server that the environment
    names. Under spark-submit its master and settings hold.

    :param session: a session whose Spark is taken
    :param master: where a Spark must be started: its master, ``local[2]`` where None
    :param settings: Spark settings for one that is started
    :raises InvalidInputError: the installation is mixed of two versions
    :raises UnreachableError: no Java would do, or the Spark Connect server does not answer
    """
    spark_install.check()
    if session is None and (url := os.environ.get(spark_install.REMOTE)):
        given = json.loads(os.environ.get(spark_install.SETTINGS, "{}"))
        return _remote_session(url, {**given, **(settings or {})}), True
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


def _remote_session(url: str, settings: dict[str, str]) -> SparkSession:
    """Open a session of a Spark Connect server, which goes on when the session ends.

    :param url: the server's address; no error repeats it, since it may hold a token
    """
    server = url.partition("/;")[0]
    try:
        own = SparkSession.builder.remote(url).create()
        for name, value in {**settings, **SETTINGS}.items():
            own.conf.set(name, value)
    except AnalysisException as error:
        raise InvalidInputError(
            "spark.conf", str(error).splitlines()[0], "settings of a session: the server has been started"
        ) from error
    except PySparkException as error:
        raise UnreachableError(
            f"the Spark Connect server {server} does not answer ({str(error).splitlines()[0]}); what would "
            "do: a server of this environment's version that runs, and the token that it asks for"
        ) from None
    return own

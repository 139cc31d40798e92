"""Which runner runs a job: chosen by the engine and its connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.jobs.process import ProcessRunner

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store
    from stagecraft.jobs.runner import Runner


def jobs_folder() -> Path:
    """Return this machine's folder of running jobs: locks, logs and process numbers."""
    from airflow.configuration import AIRFLOW_HOME

    return Path(AIRFLOW_HOME) / "stagecraft-jobs"


def runner_of(store: Store, *, engine: str, spark_conn_id: str | None) -> Runner:
    """Return the runner of a job on ``engine``: a local process, or spark-submit by the Spark connection.

    :raises InvalidInputError: the engine is Spark, and no connection is named
    """
    if engine != "spark":
        return ProcessRunner(store, jobs_folder())
    if spark_conn_id is None:
        raise InvalidInputError(
            "operator.spark_conn_id", "the engine is spark", "the id of a Spark connection"
        )
    from stagecraft.hooks.spark import SparkHook

    hook = SparkHook(spark_conn_id)
    entry = str(Path(__file__).parent.parent / "jobs" / "__main__.py")
    return ProcessRunner(store, jobs_folder(), lambda arguments: hook.submit_command(entry, arguments))

"""Which runner runs a job: chosen by the engine and the connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import BaseHook

from stagecraft.errors import InvalidInputError
from stagecraft.jobs.process import ProcessRunner

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from stagecraft.artifacts.store import Store
    from stagecraft.jobs.runner import Runner

PROCESS, SPARK, RAY = "process", "spark", "ray"


def jobs_folder() -> Path:
    """Return this machine's folder of running jobs: locks, logs and process numbers."""
    from airflow.configuration import AIRFLOW_HOME

    return Path(AIRFLOW_HOME) / "stagecraft-jobs"


def process_runner(store: Store, place: str, spark_conn_id: str | None) -> ProcessRunner:
    """Return the runner of a local process: Python, or spark-submit by the Spark connection.

    :raises InvalidInputError: the engine is Spark, and no connection is named
    """
    if place != SPARK:
        return ProcessRunner(store, jobs_folder())
    if spark_conn_id is None:
        raise InvalidInputError(
            "operator.spark_conn_id", "the engine is spark", "the id of a Spark connection"
        )
    from stagecraft.hooks.spark import SparkHook

    hook = SparkHook(spark_conn_id)
    entry = str(Path(__file__).parent.parent / "jobs" / "__main__.py")
    return ProcessRunner(store, jobs_folder(), lambda arguments: hook.submit_command(entry, arguments))


def runner_of(store: Store, *, place: str, spark_conn_id: str | None, ray_conn_id: str | None) -> Runner:
    """Return the runner of a job.

    :param place: ``process``, ``spark`` or ``ray``
    """
    if place != RAY or ray_conn_id is None:
        return process_runner(store, place, spark_conn_id)
    return ray_runner(store, BaseHook.get_connection(ray_conn_id))


async def arunner_of(
    store: Store, *, place: str, spark_conn_id: str | None, ray_conn_id: str | None
) -> Runner:
    """As :func:`runner_of`, for triggers, whose event loop must not wait."""
    if place != RAY or ray_conn_id is None:
        return process_runner(store, place, spark_conn_id)
    return ray_runner(store, await BaseHook.aget_connection(ray_conn_id))


def ray_runner(store: Store, connection: Connection) -> Runner:
    """Return the runner of a Ray cluster that runs already, or of one that Kubernetes starts for the job."""
    from stagecraft.hooks.kubernetes import is_kubernetes, ray_job_runner
    from stagecraft.hooks.ray import jobs_of
    from stagecraft.jobs.ray_runner import RayRunner

    if is_kubernetes(connection):
        return ray_job_runner(store, connection)
    return RayRunner(store, jobs_of(connection))

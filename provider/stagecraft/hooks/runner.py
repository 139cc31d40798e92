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

PROCESS, SPARK, RAY, POD = "process", "spark", "ray", "pod"


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


def runner_of(
    store: Store,
    *,
    place: str,
    spark_conn_id: str | None,
    ray_conn_id: str | None,
    kubernetes_conn_id: str | None = None,
) -> Runner:
    """Return the runner of a job.

    :param place: ``process``, ``spark``, ``ray`` or ``pod``
    """
    conn_id = {RAY: ray_conn_id, POD: kubernetes_conn_id}.get(place)
    if conn_id is None:
        return process_runner(store, place, spark_conn_id)
    return cluster_runner(store, place, BaseHook.get_connection(conn_id))


async def arunner_of(
    store: Store,
    *,
    place: str,
    spark_conn_id: str | None,
    ray_conn_id: str | None,
    kubernetes_conn_id: str | None = None,
) -> Runner:
    """As :func:`runner_of`, for triggers, whose event loop must not wait."""
    conn_id = {RAY: ray_conn_id, POD: kubernetes_conn_id}.get(place)
    if conn_id is None:
        return process_runner(store, place, spark_conn_id)
    return cluster_runner(store, place, await BaseHook.aget_connection(conn_id))


def cluster_runner(store: Store, place: str, connection: Connection) -> Runner:
    """Return the runner of pods, of a Ray cluster that runs already, or of one that KubeRay starts."""
    from stagecraft.hooks.kubernetes import is_kubernetes, pod_runner, ray_job_runner
    from stagecraft.hooks.ray import jobs_of
    from stagecraft.jobs.ray_runner import RayRunner

    if place == POD:
        return pod_runner(store, connection)
    if is_kubernetes(connection):
        return ray_job_runner(store, connection)
    return RayRunner(store, jobs_of(connection))

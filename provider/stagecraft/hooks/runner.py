"""Which runner runs a job: chosen by the engine and the connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.jobs.process import ProcessRunner

if TYPE_CHECKING:
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
    from stagecraft.hooks.ray import RayHook
    from stagecraft.jobs.ray_runner import RayRunner

    return RayRunner(store, RayHook(ray_conn_id).jobs())


async def arunner_of(
    store: Store, *, place: str, spark_conn_id: str | None, ray_conn_id: str | None
) -> Runner:
    """As :func:`runner_of`, for triggers, whose event loop must not wait."""
    if place != RAY or ray_conn_id is None:
        return process_runner(store, place, spark_conn_id)
    from stagecraft.hooks.ray import RayHook
    from stagecraft.jobs.ray_runner import RayRunner

    return RayRunner(store, await RayHook(ray_conn_id).ajobs())

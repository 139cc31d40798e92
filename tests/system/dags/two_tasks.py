"""A DAG of two tasks, to see that Airflow runs."""

from __future__ import annotations

import subprocess
import sys

import pendulum
from airflow.sdk import Param, dag, task


@dag(
    schedule="@daily", start_date=pendulum.datetime(2024, 1, 1), catchup=False, params={"fail": Param(False)}
)
def two_tasks() -> None:
    @task
    def first() -> int:
        print("hello from the first")
        # In a session of its own, as a job that outlives its task.
        sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
        return subprocess.Popen(sleep, start_new_session=True).pid

    @task
    def second(pid: int, *, params: dict[str, bool] | None = None) -> int:
        if params and params["fail"]:
            raise ValueError("asked to fail")
        return pid

    second(first())  # type: ignore[arg-type]


two_tasks()

"""A run's progress in the terminal, task by task."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from stagecraft.demo.client import ENDED, AirflowClient, RestError, task_label

# States that tell the reader nothing are left out.
SHOWN = ("running", "deferred", "success", "failed", "up_for_retry", "upstream_failed", "skipped")


def follow(
    airflow: AirflowClient, dag_id: str, run_id: str, *, say: Callable[[str], None], interval: float = 1.0
) -> str:
    """Tell each change of a task's state until the run ends; return ``"success"`` or ``"failed"``.

    :param say: takes a line of text
    :param interval: seconds between two looks
    """
    begin, seen = time.monotonic(), dict[str, str]()
    while True:
        airflow.check_alive()
        state = airflow.run_state(dag_id, run_id)
        for task in sorted(airflow.tasks(dag_id, run_id), key=lambda task: task["start_date"] or "~"):
            label, now = task_label(task), task["state"] or ""
            if seen.get(label) == now or now not in SHOWN:
                continue
            seen[label] = now
            reused = now == "success" and was_reused(airflow, dag_id, run_id, task["task_id"])
            since = f"{time.monotonic() - begin:6.0f} s"
            say(f"{since}  {label:<24} {now:<16}{seconds(task)}{'  reused' if reused else ''}")
            if now == "up_for_retry":
                say(f"          {last_words(airflow, dag_id, run_id, task)}")
        if state in ENDED:
            return state
        time.sleep(interval)


def seconds(task: dict[str, Any]) -> str:
    """Return how long an ended task took, as ``"  12.3 s"``, or nothing."""
    if not (task["start_date"] and task["end_date"]):
        return ""
    begin, end = (datetime.fromisoformat(task[name]) for name in ("start_date", "end_date"))
    return f"{(end - begin).total_seconds():6.1f} s"


def was_reused(airflow: AirflowClient, dag_id: str, run_id: str, task_id: str) -> bool:
    """Whether the task says that its outputs were committed before."""
    try:
        return bool(airflow.xcom(dag_id, run_id, task_id, "reused"))
    except RestError as error:
        if error.status != 404:
            raise
        return False


def failures(airflow: AirflowClient, dag_id: str, run_id: str, *, lines: int = 40) -> str:
    """Return the end of the log of each failed task."""
    return "\n".join(
        f"--- {task_label(task)}, try {task['try_number']}\n"
        + "\n".join(log_lines(airflow, dag_id, run_id, task)[-lines:])
        for task in airflow.tasks(dag_id, run_id)
        if task["state"] == "failed"
    )


def last_words(airflow: AirflowClient, dag_id: str, run_id: str, task: dict[str, Any]) -> str:
    """Return the last line of a task's log: why it failed."""
    return "".join(log_lines(airflow, dag_id, run_id, task)[-1:]).strip()


def log_lines(airflow: AirflowClient, dag_id: str, run_id: str, task: dict[str, Any]) -> list[str]:
    """Return the log of a task's last try, without the marks of its sections."""
    log = airflow.task_log(
        dag_id, run_id, task["task_id"], max(task["try_number"], 1), map_index=task["map_index"]
    )
    return [line for line in log.splitlines() if "::group::" not in line and "::endgroup::" not in line]

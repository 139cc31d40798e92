"""A task's tries, without an Airflow around them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stagecraft.operators.job import JobOperator


class Tries:
    """The tries of a task: they share a state store, and the XComs are those of the last one."""

    def __init__(self, task: JobOperator) -> None:
        self.task = task
        self.state: dict[str, Any] = {}
        self.xcoms: dict[str, Any] = {}

    def run(self) -> None:
        ti = SimpleNamespace(
            dag_id="d",
            run_id="r",
            task_id=self.task.task_id,
            map_index=-1,
            stats_tags={},
            xcom_push=lambda key, value: self.xcoms.update({key: value}),
        )
        store = SimpleNamespace(get=self.state.get, set=self.state.__setitem__)
        context: Any = {"ti": ti, "task_state_store": store}
        self.task.prepare_for_execution().execute(context)


@pytest.fixture
def tries_of() -> type[Tries]:
    return Tries

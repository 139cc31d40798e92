"""Operators whose jobs run on Kubernetes: nothing else of them differs."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from stagecraft.artifacts.artifact import Reference
from stagecraft.artifacts.store import Store
from stagecraft.hooks.runner import POD, PROCESS, RAY, SPARK
from stagecraft.operators.sql import SQLOperator
from stagecraft.stages.ps_train import PSTrain
from stagecraft.stages.sql import SQL

LONG = "echo begun; sleep 300"


@pytest.fixture
def store(tmp_path: Any, cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store(str(tmp_path / "store"), {"auto_mkdir": True})
    extra = {"kube_config": json.dumps(cluster.kube_config), "namespace": "jobs", "image": "stagecraft"}
    connections = {
        "STAGECRAFT_STORE": {
            "conn_type": "stagecraft_store",
            "host": store.root,
            "extra": store.storage_options,
        },
        "KUBERNETES": {"conn_type": "stagecraft_kubernetes", "extra": extra},
    }
    for name, connection in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    return store


class Tries:
    """The tries of a task, which share a state store."""

    def __init__(self, **arguments: Any) -> None:
        arguments = {
            "engine": "duckdb",
            "kubernetes_conn_id": "kubernetes",
            "poll_interval": 0.1,
            **arguments,
        }
        self.task = SQLOperator(task_id="rows", sql="SELECT 1 AS x", inputs={}, **arguments)
        self.state: dict[str, Any] = {}
        self.xcoms: dict[str, Any] = {}
        push = lambda key, value: self.xcoms.update({key: value})  # noqa: E731
        names: Any = {"dag_id": "d", "run_id": "r", "task_id": "rows", "map_index": -1, "stats_tags": {}}
        state = SimpleNamespace(get=self.state.get, set=self.state.__setitem__)
        self.context: Any = {"ti": SimpleNamespace(**names, xcom_push=push), "task_state_store": state}

    def run(self) -> None:
        self.task.prepare_for_execution().execute(self.context)


def test_a_task_runs_in_a_pod(cluster: Any, store: Store) -> None:
    tries = Tries()
    tries.run()
    assert [kind for kind, _ in cluster.objects] == ["jobs"]
    made = store.open(Reference.model_validate(tries.xcoms["dataset"]))
    assert made.table().to_pylist() == [{"x": 1}]  # type: ignore[attr-defined]
    assert tries.state["stagecraft_job"]["place"] == POD


def test_a_retry_reconnects_and_a_person_ends_the_job(
    cluster: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.instead = LONG
    tries, stop = Tries(), RuntimeError("the worker is gone")

    def follow(self: SQLOperator, external_id: Any, context: Any) -> None:
        if len(seen) == 1:
            self.on_kill()
        seen.append(external_id)
        raise stop

    seen: list[Any] = []
    monkeypatch.setattr(SQLOperator, "poll_until_complete", follow)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the worker is gone"):
            tries.run()
    assert seen[0] == seen[1]
    assert len(cluster.created) == 1
    assert not cluster.objects


def test_a_deferred_task_hands_the_connection_to_its_trigger(cluster: Any, store: Store) -> None:
    cluster.instead = LONG
    with pytest.raises(TaskDeferred) as deferred:
        Tries(deferrable=True).run()
    assert deferred.value.trigger.serialize()[1]["kubernetes_conn_id"] == "kubernetes"


@pytest.mark.parametrize(
    ("stage", "connections", "engine", "place"),
    [
        (SQL, {}, "duckdb", PROCESS),
        (SQL, {"kubernetes_conn_id": "k"}, "duckdb", POD),
        (SQL, {"kubernetes_conn_id": "k", "ray_conn_id": "r"}, "duckdb", POD),
        (SQL, {"kubernetes_conn_id": "k", "spark_conn_id": "s"}, "spark", SPARK),
        (PSTrain, {"kubernetes_conn_id": "k"}, "duckdb", POD),
        (PSTrain, {"kubernetes_conn_id": "k", "ray_conn_id": "r"}, "duckdb", RAY),
    ],
)
def test_where_a_job_runs(
    stage: Any, connections: dict[str, str], engine: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = SQLOperator(task_id="rows", sql="SELECT 1 AS x", inputs={}, engine=engine, **connections)
    monkeypatch.setattr(SQLOperator, "stage_classes", lambda _: {"rows": stage})
    assert task._placement().place(engine) == place

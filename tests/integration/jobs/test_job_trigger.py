"""A job followed by the triggerer: the event when it ends, and its end when a person ends the task."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.hooks.runner import PROCESS, runner_of
from stagecraft.jobs.job import Job, State, Step
from stagecraft.triggers.job import JobTrigger

pytestmark = pytest.mark.usefixtures("fires_at_once")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store(str(tmp_path / "store"))
    connection = {"conn_type": "stagecraft_store", "host": store.root}
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_STORE", json.dumps(connection))
    return store


def submit(store: Store, query: str, **files: str) -> tuple[Any, JobTrigger]:
    runner = runner_of(store, place=PROCESS, spark_conn_id=None, ray_conn_id=None)
    step = Step(name="rows", stage="stagecraft.stages.sql:SQL", parameters={"query": query, "files": files})
    job = Job(id=f"-{id(store)}", engine="duckdb", store=store.root, tracking="t", steps=[step])
    trigger = JobTrigger(
        handle={**runner.submit(job), "place": PROCESS},
        store_conn_id="stagecraft_store",
        spark_conn_id=None,
        ray_conn_id=None,
        poll_interval=0.1,
    )
    path, arguments = trigger.serialize()
    assert path == f"{JobTrigger.__module__}.{JobTrigger.__name__}"
    return runner, JobTrigger(**json.loads(json.dumps(arguments)))


def test_it_fires_when_the_job_has_ended(store: Store) -> None:
    _, trigger = submit(store, "SELECT 1 AS x")
    event = asyncio.run(asyncio.wait_for(anext(trigger.run()), 60))
    assert event.payload == {"state": State.SUCCEEDED}


def test_a_person_ends_the_job_and_a_restart_of_the_triggerer_does_not(store: Store, tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("x\n" + "\n".join(map(str, range(20_000))))
    query = "SELECT count(*) AS n FROM t AS a, t AS b, t AS c WHERE (a.x * b.x + c.x) % 7 = 3"
    runner, trigger = submit(store, query, t=str(numbers))
    asyncio.run(trigger.cleanup())
    assert runner.state(trigger.handle) is State.RUNNING
    asyncio.run(trigger.on_kill())
    assert runner.state(trigger.handle) is State.LOST

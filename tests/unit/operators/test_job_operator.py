"""What a finished job handed on is handed on again only while its sources are the same."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.store import Store
from stagecraft.jobs.job import Result, State
from stagecraft.operators.sql import SQLOperator
from stagecraft.stages.sql import SQL

QUERY = "SELECT x FROM a"


@pytest.mark.parametrize("cache", [True, False])
def test_a_finished_job_is_lost_once_its_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: bool
) -> None:
    store, source = Store(str(tmp_path / "store")), tmp_path / "a.csv"
    runner = SimpleNamespace(state=lambda _: State.SUCCEEDED)
    monkeypatch.setattr(SQLOperator, "_store", lambda _: store)
    monkeypatch.setattr(SQLOperator, "_runner", lambda *_: runner)
    operator = SQLOperator(task_id="rows", sql=QUERY, inputs={"a": str(source)}, engine="duckdb", cache=cache)
    task = SimpleNamespace(dag_id="d", run_id="r", task_id="rows", map_index=-1)
    context: Any = {"ti": task}

    def commit() -> Any:
        address = SQL(query=QUERY, files={"a": str(source)}).addresses({})["dataset"]
        return store.draft(Kind.DATASET, address, lineage={}).commit().reference

    source.write_text("x\n1\n")
    job = operator._job(context, store)
    handle = {"job": job.id, "digest": job.digest, "place": "process"}
    made = {"rows": {"dataset": commit()}}
    Result(digest=job.digest, state=State.SUCCEEDED, outputs=made).save(store, job.id)
    assert operator.get_job_status(handle, context) == (State.SUCCEEDED if cache else State.LOST)

    source.write_text("x\n2\n")
    assert operator._job(context, store).digest == job.digest
    assert operator.get_job_status(handle, context) == State.LOST
    commit()  # By another task: still not what this job handed on.
    assert operator.get_job_status(handle, context) == State.LOST

    job.save(store)  # As a runner does when it is submitted again.
    assert Result.load(store, job.id, job.digest) is None

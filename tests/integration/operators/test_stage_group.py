"""A group's job, as its task runs it: one session, and nothing twice, wherever it is killed."""

from __future__ import annotations

import importlib
import json
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from airflow.sdk import DAG

from stagecraft.artifacts.store import Store
from stagecraft.errors import JobFailedError
from stagecraft.jobs.progress import StepState
from stagecraft.operators.base import StageOperator
from stagecraft.operators.output import Output
from stagecraft.operators.stage_group import StageGroup
from stagecraft.tracking.folder import tracking_folder
from stagecraft.tracking.reader import read_events

STAGES = '''
"""A stage that adds one, and stops at the points where the test wants to kill its job."""
import time
from pathlib import Path
from stagecraft.artifacts.artifact import Kind
from stagecraft.stages.base import Stage

SESSIONS = set()

class AddOne(Stage):
    name = "add_one"
    inputs = {"*": Kind.DATASET}
    outputs = {"dataset": Kind.DATASET}
    step: str
    folder: str

    def execute(self, bench, drafts, inputs):
        SESSIONS.add(id(bench.engine))
        self.reach("begin")
        tables = {name: bench.engine.scan(dataset) for name, dataset in inputs.items()}
        whole = " UNION ALL ".join(f"SELECT x FROM {name}" for name in tables) or "SELECT 0 AS x"
        made = bench.engine.sql(f"SELECT sum(x) + 1 AS x FROM ({whole})", **tables)
        bench.engine.write(made, drafts["dataset"])
        bench.tracker.log(1, sessions=len(SESSIONS))
        self.reach("written")

    def reach(self, point):
        """Tell that a point is reached; wait there where the test says so."""
        with open(f"{self.folder}/reached", "a") as file:
            file.write(f"{self.step}.{point}\\n")
        while Path(self.folder, f"{self.step}.{point}.wait").exists():
            time.sleep(0.02)
'''
NAMES: dict[str, Any] = {"dag_id": "d", "run_id": "r", "task_id": "prepare", "map_index": -1}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "added_stages.py").write_text(STAGES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    connection = {"conn_type": "stagecraft_store", "host": str(tmp_path / "store")}
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_STORE", json.dumps(connection))
    importlib.invalidate_caches()
    return tmp_path


class AddOneOperator(StageOperator):
    stage_address = "added_stages:AddOne"

    def __init__(self, *, task_id: str, folder: Path, datasets: dict[str, Output], **kwargs: Any) -> None:
        parameters = {"step": task_id, "folder": str(folder)}
        super().__init__(task_id=task_id, inputs=dict(datasets), parameters=parameters, **kwargs)

    @property
    def dataset(self) -> Output:
        return self.artifact("dataset")


def diamond(folder: Path, **given: Any) -> StageGroup:
    """Rows that branch and meet again."""
    with DAG("d"), StageGroup(task_id="prepare", poll_interval=0.05, **given) as group:
        rows = AddOneOperator(task_id="rows", folder=folder, datasets={})
        left = AddOneOperator(task_id="left", folder=folder, datasets={"a": rows.dataset})
        right = AddOneOperator(task_id="right", folder=folder, datasets={"a": rows.dataset})
        AddOneOperator(task_id="meet", folder=folder, datasets={"a": left.dataset, "b": right.dataset})
    return group


STEPS = ["rows", "left", "right", "meet"]


def kill_at(folder: Path, store: Store, point: str) -> threading.Thread:
    """SIGKILL the job once it has reached a point, which it does not pass meanwhile."""
    (folder / f"{point}.wait").touch()
    before = _reached(folder).count(point)

    def kill() -> None:
        deadline = time.monotonic() + 300
        while _reached(folder).count(point) == before and time.monotonic() < deadline:
            time.sleep(0.02)
        for process in psutil.process_iter(["cmdline"]):
            if f"--store={store.root}" in (process.info["cmdline"] or []):
                process.kill()
        (folder / f"{point}.wait").unlink()

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def _reached(folder: Path) -> list[str]:
    path = folder / "reached"
    return path.read_text().split() if path.exists() else []


def test_killed_at_every_boundary_and_within_every_step(
    folder: Path, tries_of: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a cache too: what this task's own tries have committed is no cache."""
    tries, store = tries_of(diamond(folder, cache=False)), Store(str(folder / "store"))
    kills = [f"{step}.{point}" for step in STEPS for point in ("begin", "written")]
    for point in kills:
        killer = kill_at(folder, store, point)
        with pytest.raises(JobFailedError, match="lost"):
            tries.run()
        killer.join()
        step = point.partition(".")[0]
        committed = [path.parent.name for path in Path(store.root).rglob("manifest.json")]
        assert len(committed) == STEPS.index(step), point  # Never what is half written.
    tries.run()

    # Each step began once for each kill within it and once more, and was written as often but for the first.
    assert {point: _reached(folder).count(point) for point in kills} == {
        point: 3 if point.endswith("begin") else 2 for point in kills
    }
    reused = {step: tries.xcoms[f"{step}.reused"] for step in STEPS}
    assert reused == {"rows": True, "left": True, "right": True, "meet": False}
    assert tries.xcoms["reused"] is False
    found = {step: store.open(_of(tries.xcoms[f"{step}.dataset"])) for step in STEPS}
    assert {step: dataset.table().to_pylist()[0]["x"] for step, dataset in found.items()} == {  # type: ignore[attr-defined]
        "rows": 1, "left": 2, "right": 2, "meet": 5,
    }  # fmt: skip
    for dataset in found.values():
        dataset.verify()

    told = capsys.readouterr().out
    assert "[meet] Stage add_one: committed dataset" in told
    assert "meet.dataset: " in told
    events = read_events(store, tracking_folder(**NAMES)).events
    states = {name: value for _, name, value, _ in events if name.endswith("/state")}
    assert states == {
        "rows/state": StepState.REUSED, "left/state": StepState.REUSED, "right/state": StepState.REUSED,
        "meet/state": StepState.DONE,
    }  # fmt: skip

    begun = len(_reached(folder))
    again = tries_of(diamond(folder))
    again.run()
    assert again.xcoms == {**tries.xcoms, "meet.reused": True, "reused": True}
    assert len(_reached(folder)) == begun
    tries.run()  # A task that has succeeded and is run again has no tries to go on from.
    assert len(_reached(folder)) == begun + len(kills)
    assert not any(value for key, value in tries.xcoms.items() if key.endswith("reused"))


def test_one_session_of_the_engine_and_a_failure_that_names_its_step(folder: Path, tries_of: Any) -> None:
    tries, store = tries_of(diamond(folder, cache=False)), Store(str(folder / "store"))
    tries.run()
    events = read_events(store, tracking_folder(**NAMES)).events
    assert {name: value for _, name, value, _ in events if name.endswith("/sessions")} == {
        f"{step}/sessions": 1 for step in STEPS
    }
    tries.task.steps[2]["parameters"]["folder"] = str(folder / "missing")
    with pytest.raises(JobFailedError, match="step right: FileNotFoundError"):
        tries.run()
    events = read_events(store, tracking_folder(**NAMES)).events
    states = {name: value for _, name, value, _ in events if name.endswith("/state")}
    assert list(states.values()) == [StepState.DONE, StepState.DONE, StepState.FAILED, StepState.WAITING]


def _of(value: Any) -> Any:
    from stagecraft.artifacts.artifact import Reference

    return Reference.model_validate(value)

"""Jobs as processes: they outlive who started them, run once, resume, and end when they are told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.csv as csv
import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import JobFailedError
from stagecraft.jobs.job import Job, Result, State, Step, StepOutput
from stagecraft.jobs.process import ProcessRunner

SLOW = "SELECT count(*) AS n FROM t AS a, t AS b, t AS c WHERE (a.x * b.x + c.x) % 7 = 3"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"), {"auto_mkdir": True})


@pytest.fixture
def numbers(tmp_path: Path) -> str:
    """A file of numbers; SLOW over it takes hours."""
    path = str(tmp_path / "numbers.csv")
    csv.write_csv(pa.table({"x": range(20_000)}), path)
    return path


@pytest.fixture
def runner(store: Store, tmp_path: Path) -> Any:
    made = ProcessRunner(store, tmp_path / "jobs")
    yield made
    for process in _processes(store):
        process.kill()


def _processes(store: Store) -> list[psutil.Process]:
    """Every process that works for jobs of this store."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if f"--store={store.root}" in (process.info["cmdline"] or []):
            found.append(process)
    return found


def job(store: Store, query: str, *, name: str = "job-1", **files: str) -> Job:
    parameters = {"query": query, "files": files}
    step = Step(name="rows", stage="stagecraft.stages.sql:SQL", parameters=parameters)
    return Job(id=name, engine="duckdb", store=store.root, tracking="tracking/x", steps=[step])


def wait(runner: ProcessRunner, handle: Any, seconds: float = 300) -> State:
    deadline = time.monotonic() + seconds
    while runner.state(handle) is State.RUNNING and time.monotonic() < deadline:
        time.sleep(0.1)
    return runner.state(handle)


def until_logged(runner: ProcessRunner, handle: Any, text: str, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while text not in runner.read_log(handle, 0)[0]:
        assert time.monotonic() < deadline, runner.read_log(handle, 0)[0]
        time.sleep(0.1)


def test_steps_run_in_order_and_hand_on(runner: ProcessRunner, store: Store, tmp_path: Path) -> None:
    csv.write_csv(pa.table({"x": [1, 2, 3]}), tmp_path / "x.csv")
    first = job(store, "SELECT x FROM t WHERE x > 1", t=str(tmp_path / "x.csv")).steps[0]
    second = Step(
        name="sum",
        stage="stagecraft.stages.sql:SQL",
        parameters={"query": "SELECT sum(x) AS total FROM rows"},
        inputs={"rows": StepOutput(step="rows", output="dataset")},
    )
    whole = Job(id="two", engine="duckdb", store=store.root, tracking="tracking/x", steps=[first, second])
    handle = runner.submit(whole)
    assert wait(runner, handle) is State.SUCCEEDED
    result = Result.load(store, "two", whole.digest)
    assert result is not None
    total = store.open(result.outputs["sum"]["dataset"])
    assert total.table().to_pylist() == [{"total": 5}]  # type: ignore[attr-defined]
    log = list(runner.follow(handle))
    assert any("Stage sql: committed dataset" in line for line in log)


def test_a_failure_says_why(runner: ProcessRunner, store: Store) -> None:
    broken = job(store, "SELECT * FROM nowhere")
    handle = runner.submit(broken)
    assert wait(runner, handle) is State.FAILED
    result = Result.load(store, broken.id, broken.digest)
    assert result is not None
    assert "nowhere" in result.error


def test_a_second_submission_attaches(runner: ProcessRunner, store: Store, numbers: str) -> None:
    slow = job(store, SLOW, t=numbers)
    handle = runner.submit(slow)
    until_logged(runner, handle, "Stage sql: running")
    again = ProcessRunner(store, runner.folder).submit(slow)
    assert again["digest"] == handle["digest"]
    assert len(_processes(store)) == 1
    runner.kill(handle)
    assert not _processes(store)
    assert runner.state(handle) is State.LOST


def test_a_submission_of_other_work_ends_the_old_one(
    runner: ProcessRunner, store: Store, numbers: str
) -> None:
    old = runner.submit(job(store, SLOW, t=numbers))
    until_logged(runner, old, "Stage sql: running")
    new = runner.submit(job(store, "SELECT 1 AS x"))
    assert wait(runner, new) is State.SUCCEEDED
    assert runner.state(old) is State.LOST
    assert not _processes(store)


SUBMIT = """
import sys
from pathlib import Path
from stagecraft.artifacts.store import Store
from stagecraft.jobs.job import Job
from stagecraft.jobs.process import ProcessRunner
store = Store(sys.argv[1])
runner = ProcessRunner(store, Path(sys.argv[2]))
for line in runner.follow(runner.submit(Job.model_validate_json(sys.argv[3]))):
    print(line, flush=True)
"""


def test_a_job_outlives_the_process_that_started_it(
    runner: ProcessRunner, store: Store, numbers: str
) -> None:
    slow = job(store, SLOW, t=numbers)
    submitter = subprocess.Popen(
        [sys.executable, "-c", SUBMIT, store.root, str(runner.folder), slow.model_dump_json()],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert submitter.stdout is not None
    while b"running" not in submitter.stdout.readline():
        assert submitter.poll() is None
    os.killpg(submitter.pid, signal.SIGKILL)
    submitter.wait()
    handle = runner.submit(slow)
    assert runner.state(handle) is State.RUNNING
    alive = [process for process in _processes(store) if "stagecraft.jobs" in process.cmdline()]
    assert len(alive) == 1
    runner.kill(handle)
    assert not _processes(store)


def test_a_killed_job_is_lost_and_a_retry_goes_on(
    runner: ProcessRunner, store: Store, tmp_path: Path, numbers: str
) -> None:
    """Steps that were committed before SIGKILL are reused; the rest runs."""
    csv.write_csv(pa.table({"x": [1, 2, 3]}), tmp_path / "x.csv")
    first = job(store, "SELECT x FROM t", t=str(tmp_path / "x.csv")).steps[0]
    slow = Step(
        name="slow", stage="stagecraft.stages.sql:SQL", parameters={"query": SLOW, "files": {"t": numbers}}
    )
    whole = Job(id="k", engine="duckdb", store=store.root, tracking="tracking/x", steps=[first, slow])
    handle = runner.submit(whole)
    until_logged(runner, handle, "Stage sql: committed")
    for process in _processes(store):
        process.kill()
    assert wait(runner, handle) is State.LOST
    quick = whole.model_copy(update={"steps": [first, first.model_copy(update={"name": "slow"})]})
    again = runner.submit(quick)
    assert wait(runner, again) is State.SUCCEEDED
    result = Result.load(store, "k", quick.digest)
    assert result is not None
    assert "rows" in result.reused


def test_another_worker_does_not_start_a_second_copy(runner: ProcessRunner, store: Store) -> None:
    handle = {**runner.submit(job(store, "SELECT 1 AS x")), "host": "elsewhere"}
    with pytest.raises(JobFailedError, match="started on the worker 'elsewhere'"):
        runner.state(handle)


def test_storage_options_stay_out_of_files_and_arguments(runner: ProcessRunner, store: Store) -> None:
    runner.store.storage_options["secret"] = "hunter2"
    handle = runner.submit(job(store, "SELECT 1 AS x"))
    arguments = [process.cmdline() for process in _processes(store)]
    wait(runner, handle)
    assert "hunter2" not in repr(arguments)
    for path in [*runner.folder.rglob("*"), *Path(store.root).rglob("*")]:
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path

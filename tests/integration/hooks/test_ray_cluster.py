"""The Ray connection against a real cluster, started as users start one."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import UnreachableError
from stagecraft.hooks.ray import RayHook
from stagecraft.jobs.job import Job, Result, State, Step
from stagecraft.jobs.ray_jobs import ENDED
from stagecraft.jobs.ray_runner import RayRunner

pytestmark = pytest.mark.ray


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address and token of a head node that listens on the loopback interface."""
    # A short path: Ray's sockets lie in it, and their names are bounded.
    folder = Path("/tmp") / f"sc-ray-{os.getpid()}"
    token, ports = secrets.token_hex(32), [free_port() for _ in range(3)]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }
    command = [
        *(str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus=1"),
        *("--node-ip-address=127.0.0.1", f"--port={ports[0]}", "--object-store-memory=100000000"),
        *("--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={ports[1]}"),
        *("--dashboard-agent-listen-port=0", f"--ray-client-server-port={ports[2]}"),
        *("--disable-usage-stats", f"--temp-dir={folder}"),
    ]
    log = tmp_path_factory.mktemp("ray") / "start.log"
    with log.open("wb") as output:
        head = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield f"http://127.0.0.1:{ports[1]}", token, head, log
    finally:
        family = psutil.Process(head.pid).children(recursive=True) if head.poll() is None else []
        head.terminate()
        with suppress(subprocess.TimeoutExpired):
            head.wait(20)
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        head.kill()
        head.wait()
        subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.fixture(scope="module")
def hook(cluster):
    address, token, head, log = cluster
    connection = {"conn_type": "stagecraft_ray", "host": address, "password": token}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_STAGECRAFT_RAY", json.dumps(connection))
        patch.setenv("AIRFLOW_CONN_STRANGER", json.dumps({**connection, "password": "wrong"}))
        hook = RayHook()
        deadline = time.monotonic() + 300
        while not hook.test_connection()[0]:
            assert head.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        yield hook


def wait(jobs, submission_id, states):
    deadline = time.monotonic() + 300
    while (state := jobs.status(submission_id)) not in states:
        assert time.monotonic() < deadline, state
        time.sleep(0.2)
    return state


def test_connection(hook):
    works, message = hook.test_connection()
    assert works
    assert message.startswith("Ray 2.")


def test_a_wrong_token_is_refused(hook):
    works, message = RayHook("stranger").test_connection()
    assert not works
    assert "refuses the token" in message
    with pytest.raises(UnreachableError, match="token"):
        RayHook("stranger").jobs().status("any")


def test_a_job_runs_once_and_its_log_comes_back(hook, tmp_path):
    jobs, trace = hook.jobs(), tmp_path / "trace"
    command = f"echo begun; echo $WORD >> {trace}; echo ended"
    for _ in range(2):
        assert jobs.submit(command, submission_id="once", env={"WORD": "once"}) == "once"
    assert wait(jobs, "once", ENDED) == "SUCCEEDED"
    assert jobs.submit(command, submission_id="once") == "once"
    assert trace.read_text() == "once\n"
    text, offset = jobs.logs("once")
    assert text.index("begun") < text.index("ended")
    assert jobs.logs("once", offset) == ("", offset)
    assert jobs.logs("once", text.index("ended"))[0].startswith("ended")


def test_a_job_is_stopped(hook):
    jobs = hook.jobs()
    jobs.submit("sleep 300", submission_id="long")
    wait(jobs, "long", {"RUNNING"})
    jobs.stop("long")
    assert wait(jobs, "long", ENDED) == "STOPPED"
    jobs.stop("long")


def test_a_job_that_does_not_exist(hook):
    assert hook.jobs().status("nothing") is None
    hook.jobs().stop("nothing")


def job_of(store, query, **files):
    step = Step(name="rows", stage="stagecraft.stages.sql:SQL", parameters={"query": query, "files": files})
    return Job(id="on-ray", engine="duckdb", store=store.root, tracking="tracking/x", steps=[step])


def test_a_stage_runs_as_a_ray_job(hook, store):
    runner = RayRunner(store, hook.jobs())
    job = job_of(store, "SELECT 1 AS x")
    handle = runner.submit(job)
    lines = list(runner.follow(handle))
    assert any("Stage sql: committed dataset" in line for line in lines)
    assert runner.state(handle) is State.SUCCEEDED
    result = Result.load(store, job.id, job.digest)
    assert store.open(result.outputs["rows"]["dataset"]).table().to_pylist() == [{"x": 1}]
    again = runner.submit(job)
    assert again["submission"] != handle["submission"]
    assert any("Stage sql: reused" in line for line in runner.follow(again))


def test_a_ray_job_is_ended_and_a_retry_is_another_submission(hook, store, tmp_path):
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("x\n" + "\n".join(map(str, range(20_000))))
    runner = RayRunner(store, hook.jobs())
    job = job_of(store, "SELECT count(*) AS n FROM t a, t b, t c WHERE a.x * b.x % 7 = c.x", t=str(numbers))
    handle = runner.submit(job)
    while "Stage sql: running" not in runner.read_log(handle, 0)[0]:
        assert runner.state(handle) is State.RUNNING
        time.sleep(0.2)
    assert runner.submit(job) == handle
    runner.kill(handle)
    assert runner.state(handle) is State.LOST
    again = runner.submit(job)
    assert again["submission"] != handle["submission"]
    runner.kill(again)


TRIAL = """
import time

def train(parameters, attempt):
    import ray
    name = "last" if attempt.final else attempt.number
    with open(parameters["log"], "a") as log:
        log.write(f"{name} {time.time()} {ray.get_runtime_context().get_node_id()} ")
    time.sleep(0.4)
    with open(parameters["log"], "a") as log:
        log.write(f"{time.time()}\\n")
    return {"loss": (parameters["x"] - 0.3) ** 2}
"""


def rows_of(store, name):
    draft = store.draft(Kind.DATASET, name.ljust(32, "0"), lineage={"stage": "test"})
    table = pa.table({"x": [0.5]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    draft.write("part-0.parquet", sink.getvalue().to_pybytes())
    draft.meta.update(rows=1, columns={"x": "double"})
    return draft.commit().reference


def test_a_sweep_on_the_cluster_is_ended_and_goes_on(hook, store, tmp_path):
    (tmp_path / "trial_on_the_cluster.py").write_text(TRIAL)
    log = tmp_path / "log"
    trainer = {
        "type": "python_function",
        "function": "trial_on_the_cluster:train",
        "folder": str(tmp_path),
        "arguments": {"log": str(log)},
    }
    space = {"x": {"type": "uniform", "low": 0, "high": 1}}
    step = Step(
        name="sweep",
        stage="stagecraft.stages.sweep:Sweep",
        parameters={"trainer": trainer, "space": space, "metric": "loss", "trials": 6, "concurrency": 2},
        inputs={name: rows_of(store, name) for name in ("train", "validation")},
    )
    job = Job(id="sweep-on-ray", engine="duckdb", store=store.root, tracking="tracking/x", steps=[step])
    runner = RayRunner(store, hook.jobs())
    handle = runner.submit(job)
    deadline = time.monotonic() + 300
    while not log.exists() or log.read_text().count("\n") < 3:
        assert runner.state(handle) is State.RUNNING, "".join(runner.follow(handle))
        assert time.monotonic() < deadline
        time.sleep(0.05)
    runner.kill(handle)
    before = [line.split() for line in log.read_text().splitlines()]

    again = runner.submit(job)
    told = "".join(runner.follow(again))
    assert runner.state(again) is State.SUCCEEDED, told
    report = store.open(Result.load(store, job.id, job.digest).outputs["sweep"]["report"])
    assert report.metrics["finished"] == 6
    ran = [line.split() for line in log.read_text().splitlines()]
    finished = {number for number, *_ in before[:-2]}  # Of two at a time, two may be without a record.
    assert not finished & {number for number, *_ in ran[len(before) :]}, "no finished trial is run again"
    whole = [(float(began), float(ended)) for _, began, _, ended in (line for line in ran if len(line) == 4)]
    assert all(ended <= began for (_, ended), (began, _) in pairwise(whole)), "the cluster has one core"
    assert len({node for _, _, node, *_ in ran}) == 1

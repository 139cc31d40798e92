"""Jobs on Kubernetes: created once, followed, ended, and found again by a process that knows nothing.

The API server is a stand-in on the loopback interface; the jobs really run, as processes of this machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import JobFailedError, UnreachableError
from stagecraft.hooks.runner import RAY, runner_of
from stagecraft.jobs.job import Job, Result, State, Step
from stagecraft.jobs.kubernetes_api import KubernetesApi
from stagecraft.jobs.kubernetes_runner import KubernetesRunner
from stagecraft.jobs.pod_runner import PodRunner
from stagecraft.jobs.pods import Pods
from stagecraft.jobs.ray_job_runner import RayJobRunner
from stagecraft.triggers.job import JobTrigger

pytestmark = pytest.mark.usefixtures("fires_at_once")

BEGUN = "Stage sql: running"
LONG = f"echo {BEGUN}; sleep 300"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"), {"auto_mkdir": True})


@pytest.fixture
def runner(cluster: Any, store: Store) -> RayJobRunner:
    return RayJobRunner(store, api(cluster), Pods(image="stagecraft"))


def api(cluster: Any, token: str | None = None) -> KubernetesApi:
    from kubernetes.client import ApiClient
    from kubernetes.config import new_client_from_config_dict

    config = cluster.kube_config
    if token is not None:
        config["users"][0]["user"]["token"] = token
    client: ApiClient = new_client_from_config_dict(config)
    return KubernetesApi(client, "jobs")


def job(store: Store, query: str = "SELECT 1 AS x") -> Job:
    step = Step(name="rows", stage="stagecraft.stages.sql:SQL", parameters={"query": query})
    return Job(id="d.r.rows-12345678", engine="duckdb", store=store.root, tracking="t", steps=[step])


def until_logged(runner: KubernetesRunner, handle: Any, text: str) -> None:
    deadline = time.monotonic() + 300
    while text not in runner.read_log(handle, 0)[0]:
        assert time.monotonic() < deadline, runner.read_log(handle, 0)[0]
        time.sleep(0.1)


@pytest.mark.parametrize("kind", [RayJobRunner, PodRunner])
def test_a_job_runs_and_its_log_comes_once(kind: type[KubernetesRunner], cluster: Any, store: Store) -> None:
    runner = kind(store, api(cluster), Pods(image="stagecraft"))
    work = job(store)
    handle = runner.submit(work)
    json.dumps(handle)
    assert "auto_mkdir" in cluster.secrets[handle["name"]]["stringData"]["storage-options"]
    lines = list(runner.follow(handle, interval=0.1))
    name = handle["name"]
    assert lines == [text for _, text in cluster.logs[name]]
    assert sum("Stage sql: committed dataset" in line for line in lines) == 1
    assert runner.state(handle) is State.SUCCEEDED
    result = Result.load(store, work.id, work.digest)
    assert result is not None
    assert store.open(result.outputs["rows"]["dataset"]).table().to_pylist() == [{"x": 1}]  # type: ignore[attr-defined]

    cluster.instead = "true"
    again = runner.submit(work)  # An ended one gives way.
    assert again["uid"] != handle["uid"]
    assert cluster.created == [name, name]


def test_a_failure_says_why(runner: RayJobRunner, store: Store) -> None:
    work = job(store, "SELECT * FROM nowhere")
    handle = runner.submit(work)
    lines = list(runner.follow(handle, interval=0.1))
    assert any("nowhere" in line for line in lines)
    assert runner.state(handle) is State.FAILED


def test_a_kill_ends_the_job_and_a_retry_starts_anew(
    runner: RayJobRunner, cluster: Any, store: Store
) -> None:
    cluster.instead = LONG
    work = job(store)
    handle = runner.submit(work)
    until_logged(runner, handle, BEGUN)
    assert runner.submit(work) == handle
    process = cluster.processes[handle["uid"]]
    runner.kill(handle)
    assert process.poll() is not None
    assert not cluster.objects
    assert not cluster.secrets
    assert runner.state(handle) is State.LOST
    runner.kill(handle)

    again = runner.submit(work)
    runner.api = KubernetesApi(runner.api.client, "elsewhere")  # As after a change of the connection.
    until_logged(runner, again, BEGUN)
    runner.kill(handle)  # The first one's, which is gone: the second goes on.
    assert runner.state(handle) is State.LOST
    assert runner.state(again) is State.RUNNING


def test_other_work_of_the_same_task_takes_the_place(
    runner: RayJobRunner, cluster: Any, store: Store
) -> None:
    cluster.instead = LONG
    old = runner.submit(job(store))
    until_logged(runner, old, BEGUN)
    new = runner.submit(job(store, "SELECT 2 AS x"))
    assert new["name"] == old["name"]
    assert cluster.processes[old["uid"]].poll() is not None
    until_logged(runner, new, BEGUN)
    assert [runner.state(old), runner.state(new)] == [State.LOST, State.RUNNING]


SUBMIT = """
import json, sys
from kubernetes.config import new_client_from_config_dict
from stagecraft.artifacts.store import Store
from stagecraft.jobs.job import Job
from stagecraft.jobs.kubernetes_api import KubernetesApi
from stagecraft.jobs.pods import Pods
from stagecraft.jobs.ray_job_runner import RayJobRunner
config, root, options, job = map(json.loads, sys.argv[1:])
api = KubernetesApi(new_client_from_config_dict(config), "jobs")
RayJobRunner(Store(root, options), api, Pods(image="stagecraft")).submit(Job.model_validate(job))
"""


def test_a_retry_of_a_killed_submission_attaches(runner: RayJobRunner, cluster: Any, store: Store) -> None:
    """The server has the RayJob; who sent it is killed before it hears so."""
    cluster.instead = LONG
    work = job(store)
    given = [cluster.kube_config, store.root, store.storage_options, work.model_dump(mode="json")]
    cluster.hold.set()
    submitter = subprocess.Popen([sys.executable, "-c", SUBMIT, *map(json.dumps, given)])
    deadline = time.monotonic() + 300
    while not cluster.created:
        assert submitter.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(submitter.pid, signal.SIGKILL)
    submitter.wait()
    cluster.hold.clear()
    [living] = cluster.objects.values()
    assert not cluster.secrets  # Its pods wait for that.

    handle = runner.submit(work)
    assert handle["uid"] == living["metadata"]["uid"]
    assert cluster.created == [handle["name"]]
    until_logged(runner, handle, BEGUN)
    assert len(cluster.processes) == 1
    assert runner.submit(work) == handle
    assert len(cluster.processes) == 1


def test_two_submissions_at_once_make_one_job(
    runner: RayJobRunner, cluster: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.instead = LONG
    work, first = job(store), []

    def save(self: Job, store: Store) -> None:  # The other one comes between the look and the creation.
        monkeypatch.undo()
        first.append(RayJobRunner(store, runner.api, runner.pods).submit(work))

    monkeypatch.setattr(Job, "save", save)
    assert runner.submit(work) == first[0]
    assert cluster.created == [first[0]["name"]]


def test_ended_rayjobs_go_after_their_time(runner: RayJobRunner, cluster: Any, store: Store) -> None:
    cluster.instead = "true"
    handle = runner.submit(job(store))
    list(runner.follow(handle, interval=0.1))
    other = job(store).model_copy(update={"id": "d.r.other-00000000"})
    list(runner.follow(runner.submit(other), interval=0.1))
    assert ("rayjobs", handle["name"]) in cluster.objects
    cluster.objects["rayjobs", handle["name"]]["status"]["endTime"] = "2020-01-01T00:00:00Z"
    runner.submit(other)
    deadline = time.monotonic() + 20
    while ("rayjobs", handle["name"]) in cluster.objects:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert runner.state(handle) is State.LOST


def test_what_keeps_pods_from_starting_is_told(
    runner: RayJobRunner, cluster: Any, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.instead = "true"
    cluster.waiting = "0/3 nodes are available: 3 Insufficient cpu."
    waits = RayJobRunner(store, runner.api, runner.pods)
    waits.api.create_secret = lambda _: None  # type: ignore[method-assign]
    handle = waits.submit(job(store))
    with caplog.at_level("INFO"):
        for _ in range(3):
            assert waits.state(handle) is State.RUNNING
    told = [record.message for record in caplog.records if "Insufficient cpu" in record.message]
    assert told == [
        f"The RayJob {handle['name']}: Initializing (0/3 nodes are available: 3 Insufficient cpu.)"
    ]


def test_a_deadline_of_kubernetes_is_told(
    runner: RayJobRunner, cluster: Any, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.instead = LONG
    handle = runner.submit(job(store))
    until_logged(runner, handle, BEGUN)
    cluster.objects["rayjobs", handle["name"]]["status"] = {
        "jobDeploymentStatus": "Failed",
        "reason": "DeadlineExceeded",
    }
    with caplog.at_level("INFO"):
        assert runner.state(handle) is State.LOST
    assert "left no result: Failed: DeadlineExceeded" in caplog.text


def test_a_refused_token_and_a_server_that_is_gone(runner: RayJobRunner, cluster: Any, store: Store) -> None:
    cluster.instead = "true"
    stranger = RayJobRunner(store, api(cluster, token="wrong"), runner.pods)
    with pytest.raises(UnreachableError, match="401"):
        stranger.submit(job(store))
    handle = runner.submit(job(store))
    list(runner.follow(handle, interval=0.1))
    cluster.close()
    with pytest.raises(UnreachableError, match="does not answer"):
        runner.state(handle)


def test_without_kuberay_nothing_is_submitted(
    runner: RayJobRunner, cluster: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.client import ApiException, CustomObjectsApi

    def missing(*_: Any, **__: Any) -> None:
        raise ApiException(status=404, reason="Not Found")

    monkeypatch.setattr(CustomObjectsApi, "create_namespaced_custom_object", missing)
    with pytest.raises(JobFailedError, match="KubeRay's operator"):
        runner.submit(job(store))


def test_a_ray_connection_may_lead_to_kubernetes(
    cluster: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trigger follows and ends what the task has submitted, by the names of the connections alone."""
    extra = {"kube_config": json.dumps(cluster.kube_config), "namespace": "jobs", "image": "stagecraft"}
    connections = {
        "store": {"conn_type": "stagecraft_store", "host": store.root, "extra": store.storage_options},
        "kuberay": {"conn_type": "stagecraft_kubernetes", "extra": extra},
    }
    for name, connection in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))

    def trigger(work: Job) -> JobTrigger:
        runner = runner_of(store, place=RAY, spark_conn_id=None, ray_conn_id="kuberay")
        assert isinstance(runner, RayJobRunner)
        return JobTrigger(
            handle={**runner.submit(work), "place": RAY},
            store_conn_id="store",
            spark_conn_id=None,
            ray_conn_id="kuberay",
            poll_interval=0.1,
        )

    event = asyncio.run(asyncio.wait_for(anext(trigger(job(store)).run()), 300))
    assert event.payload == {"state": State.SUCCEEDED}

    cluster.instead = LONG
    slow = trigger(job(store, "SELECT 2 AS x"))
    assert cluster.objects
    asyncio.run(slow.on_kill())
    assert not cluster.objects

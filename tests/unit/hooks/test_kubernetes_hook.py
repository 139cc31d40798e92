"""The Kubernetes connection: what its extra says, and what its Test button asks the cluster."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.hooks.kubernetes import KubernetesJobHook, pods_of
from stagecraft.hooks.runner import RAY, arunner_of, runner_of
from stagecraft.jobs.pods import Pods
from stagecraft.jobs.ray_job_runner import RayJobRunner
from stagecraft.jobs.ray_runner import RayRunner
from stagecraft.provider_info import get_provider_info

PATH = "/apis/ray.io/v1"


@pytest.fixture
def server() -> Iterator[Any]:
    """An API server that knows ``server.kinds`` and refuses ``server.denied``."""

    class Handler(BaseHTTPRequestHandler):
        server: Any

        def do_GET(self) -> None:
            assert self.path == PATH
            kinds = [
                {"name": name, "singularName": "", "namespaced": True, "kind": "RayJob", "verbs": []}
                for name in self.server.kinds
            ]
            self._answer(200 if kinds else 404, {"groupVersion": "ray.io/v1", "resources": kinds})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = body["spec"]["resourceAttributes"]
            assert asked["namespace"] == "ml"
            resource = "/".join(part for part in (asked["resource"], asked["subresource"]) if part)
            allowed = f"{asked['verb']} {resource}" not in self.server.denied
            self._answer(201, {"spec": {}, "status": {"allowed": allowed}})

        def _answer(self, status: int, body: Any) -> None:
            if self.headers.get("Authorization") != "Bearer secret-token":
                status, body = 401, {"message": "Unauthorized"}
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.kinds, server.denied = ["rayjobs"], set()
    server.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def config(address: str, token: str = "secret-token") -> str:
    context = {"name": "test", "context": {"cluster": "test", "user": "test"}}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [context],
            "clusters": [{"name": "test", "cluster": {"server": address}}],
            "users": [{"name": "test", "user": {"token": token}}],
        }
    )


def connect(monkeypatch: pytest.MonkeyPatch, conn_type: str = "stagecraft_kubernetes", **extra: Any) -> Any:
    given = {"image": "stagecraft", "namespace": "ml", **extra}
    variable = "AIRFLOW_CONN_STAGECRAFT_KUBERNETES"
    monkeypatch.setenv(variable, json.dumps({"conn_type": conn_type, "extra": given}))
    return BaseHook.get_connection("stagecraft_kubernetes")


def test_connection_that_works(monkeypatch: pytest.MonkeyPatch, server: Any) -> None:
    connect(monkeypatch, kube_config=config(server.address))
    assert KubernetesJobHook().test_connection() == (True, f"{server.address} runs RayJobs in ml")


def test_no_kuberay(monkeypatch: pytest.MonkeyPatch, server: Any) -> None:
    connect(monkeypatch, kube_config=config(server.address))
    for server.kinds in ([], ["rayclusters"]):
        works, message = KubernetesJobHook().test_connection()
        assert not works
        assert "KubeRay's operator" in message


def test_permissions_that_lack_are_named(monkeypatch: pytest.MonkeyPatch, server: Any) -> None:
    connect(monkeypatch, kube_config=config(server.address))
    server.denied = {"create rayjobs", "get pods/log"}
    works, message = KubernetesJobHook().test_connection()
    assert not works
    assert "does not let this user create rayjobs, get pods/log in ml" in message


def test_a_refused_token_and_nobody_there(monkeypatch: pytest.MonkeyPatch, server: Any) -> None:
    connect(monkeypatch, kube_config=config(server.address, token="other"))
    works, message = KubernetesJobHook().test_connection()
    assert not works
    assert "401" in message
    connect(monkeypatch, kube_config=config("http://127.0.0.1:1"))
    works, message = KubernetesJobHook().test_connection()
    assert not works
    assert "does not answer" in message


def test_connections_of_no_use(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, found in {"nowhere": "nowhere", "stagecraft_kubernetes": "kube_config"}.items():
        connect(monkeypatch, kube_config="{", kube_config_path="/nowhere")
        works, message = KubernetesJobHook(name).test_connection()
        assert not works
        assert found in message


def test_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect(monkeypatch, cpu=4, memory="8Gi", pod='{"nodeSelector": {"a": "b"}}', secret="")
    assert pods_of(connection) == Pods(
        image="stagecraft", cpu=4, memory="8Gi", pod={"nodeSelector": {"a": "b"}}
    )


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"image": ""}, "image: no value"),
        ({"cpu": 0}, "cpu"),
        ({"memory": "lots"}, "memory"),
        ({"pod": "{"}, "pod: text that is no JSON"),
        ({"pod": "[]"}, "pod"),
        ({"container": {"command": ["x"]}}, "Stagecraft sets command"),
    ],
)
def test_extras_of_no_use(monkeypatch: pytest.MonkeyPatch, extra: Any, field: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"connection stagecraft_kubernetes.*{field}"):
        pods_of(connect(monkeypatch, **extra))


@pytest.mark.parametrize("conn_type", ["stagecraft_kubernetes", "kubernetes"])
def test_a_ray_connection_may_lead_to_kubernetes(
    monkeypatch: pytest.MonkeyPatch, server: Any, conn_type: str
) -> None:
    connect(monkeypatch, conn_type, kube_config=config(server.address))
    choice: Any = {"place": RAY, "spark_conn_id": None, "ray_conn_id": "stagecraft_kubernetes"}
    store = Store("/store")
    for runner in (runner_of(store, **choice), asyncio.run(arunner_of(store, **choice))):
        assert isinstance(runner, RayJobRunner)
        assert (runner.api.namespace, runner.api.address) == ("ml", server.address)


def test_another_ray_connection_leads_to_its_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RAY", json.dumps({"conn_type": "stagecraft_ray", "host": "http://h:1"}))
    choice: Any = {"place": RAY, "spark_conn_id": None, "ray_conn_id": "ray"}
    for runner in (runner_of(Store("/s"), **choice), asyncio.run(arunner_of(Store("/s"), **choice))):
        assert isinstance(runner, RayRunner)
        assert runner.jobs.address == "http://h:1"


def test_the_form_is_declared() -> None:
    [form] = [
        entry
        for entry in get_provider_info()["connection-types"]
        if entry["connection-type"] == KubernetesJobHook.conn_type
    ]
    assert form["hook-class-name"] == f"{KubernetesJobHook.__module__}.{KubernetesJobHook.__name__}"
    assert form["hook-name"] == KubernetesJobHook.hook_name
    cluster = {"in_cluster", "kube_config_path", "kube_config", "cluster_context", "namespace"}
    assert set(form["conn-fields"]) - cluster <= set(Pods.model_fields)

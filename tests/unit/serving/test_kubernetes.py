"""The objects of a service on Kubernetes, checked against the models of Kubernetes's own client."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from kubernetes import client

from stagecraft.errors import InvalidInputError
from stagecraft.operators.bentoml_kubernetes import BentoMLKubernetesOperator
from stagecraft.serving.kubernetes import Release

FIELDS = {
    "name": "predict",
    "image": "registry/stagecraft:1",
    "store_root": "s3://ml/store",
    "manifest": "s3://ml/live/manifest.json",
    "secret": "predict",
    "replicas": 2,
    "max_replicas": 8,
    "grpc": True,
    "certificate": "predict-tls",
    "options": {"max-rows": 500},
    "pod": {"serviceAccountName": "predict", "volumes": [{"name": "more", "emptyDir": {}}]},
}
MODELS = {
    "Deployment": "V1Deployment",
    "Service": "V1Service",
    "HorizontalPodAutoscaler": "V2HorizontalPodAutoscaler",
}


def test_the_objects_are_what_kubernetes_knows() -> None:
    """A field that a model does not know, or of another type, would be lost or changed on the way."""
    api = client.ApiClient()
    made = Release.model_validate(FIELDS).objects()
    assert [item["kind"] for item in made] == list(MODELS)
    for item in made:
        known = api.deserialize(SimpleNamespace(data=json.dumps(item)), MODELS[item["kind"]])
        assert api.sanitize_for_serialization(known) == item


def test_grpc_has_a_port_and_a_certificate_where_it_is_on() -> None:
    def said(**fields: Any) -> tuple[str, list[int]]:
        deployment, service, _ = Release.model_validate({**FIELDS, **fields}).objects()
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        return " ".join(container["args"]), [port["port"] for port in service["spec"]["ports"]]

    words, ports = said()
    assert "--grpc-port 3001 --grpc-certificate /certificate/tls.crt --grpc-key /certificate/tls.key" in words
    assert ports == [80, 3001]
    words, ports = said(grpc=False, certificate=None)
    assert ("grpc" in words, ports) == (False, [80])
    with pytest.raises(ValueError, match="certificate"):
        said(grpc=False)


def test_the_yaml_says_the_same() -> None:
    release = Release.model_validate(FIELDS)
    assert list(yaml.safe_load_all(release.yaml())) == release.objects()


def test_what_the_parts_say_of_each_other_agrees() -> None:
    deployment, service, autoscaler = Release.model_validate(FIELDS).objects()
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    assert deployment["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
    assert {port["targetPort"] for port in service["spec"]["ports"]} == {
        port["name"] for port in container["ports"]
    }
    assert autoscaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"]  # The autoscaler's to say.
    assert {mount["name"] for mount in container["volumeMounts"]} <= {
        volume["name"] for volume in template["spec"]["volumes"]
    }
    alone = Release.model_validate({**FIELDS, "max_replicas": None}).objects()
    assert [item["kind"] for item in alone] == ["Deployment", "Service"]
    assert alone[0]["spec"]["replicas"] == 2


def test_the_container_starts_a_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Its arguments are parsed by the program itself, up to where it becomes BentoML's."""
    from stagecraft.serving import __main__ as program
    from stagecraft.serving.settings import Settings

    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    options = {"max-rows": 500, "sample": 0.5, "grpc-port": port}
    release = Release.model_validate({**FIELDS, "certificate": None, "options": options})
    arguments = release.objects()[0]["spec"]["template"]["spec"]["containers"][0]["args"]
    arguments[arguments.index("/service")] = str(tmp_path)
    became: dict[str, Any] = {}
    monkeypatch.setattr("sys.argv", ["stagecraft.serving", *arguments])
    monkeypatch.setattr("os.execve", lambda path, command, environment: became.update(environment))
    program.main()
    settings = Settings.of_environment(became)
    assert (settings.manifest, settings.store_root) == (FIELDS["manifest"], FIELDS["store_root"])
    assert (settings.grpc_port, settings.grpc_host) == (port, "0.0.0.0")
    assert (settings.workers, settings.max_rows, settings.sample) == (2, 500, 0.5)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": "Predict"}, "release.name"),
        ({"store_root": "/tmp/store"}, "release.store_root"),
        ({"max_replicas": 1}, "fewer than 2 replicas"),
        ({"relpicas": 2}, "release.relpicas"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], complaint: str) -> None:
    operator = BentoMLKubernetesOperator(task_id="service", release={**FIELDS, **fields})
    with pytest.raises(InvalidInputError, match=complaint):
        operator.execute({})  # type: ignore[typeddict-item]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str, Any]]]:
    """What an API server is asked: path, content type, body."""
    asked: list[tuple[str, str, Any]] = []

    class Server(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {"token": "a-token-for-tests"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    extra = {"kube_config": json.dumps(config), "namespace": "ml"}
    connection = {"conn_type": "kubernetes", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_operator_applies_them(cluster: list[tuple[str, str, Any]]) -> None:
    pushed: dict[str, Any] = {}
    task = SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))
    BentoMLKubernetesOperator(task_id="service", release=FIELDS).execute({"ti": task})  # type: ignore[typeddict-item]
    release = Release.model_validate(FIELDS)
    assert [body for _, _, body in cluster] == release.objects()
    query = "?fieldManager=stagecraft&force=True"
    assert [path for path, _, _ in cluster] == [
        f"/apis/apps/v1/namespaces/ml/deployments/predict{query}",
        f"/api/v1/namespaces/ml/services/predict{query}",
        f"/apis/autoscaling/v2/namespaces/ml/horizontalpodautoscalers/predict{query}",
    ]
    assert {kind for _, kind, _ in cluster} == {"application/apply-patch+yaml"}
    assert pushed == {"yaml": release.yaml()}

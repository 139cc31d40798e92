"""A real service over gRPC, asked by a real client: TLS, both workers, every form of rows, management."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pytest
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.serving.rows import rows_of
from stagecraft.serving.rpc import messages as m

TOKEN = "a-token-for-tests"
PREDICT_TOKEN = "another-token"
PREDICTION, MANAGEMENT = f"/{m.PACKAGE}.Prediction/", f"/{m.PACKAGE}.Management/"
BEARER = (("authorization", f"Bearer {TOKEN}"),)
OWN = (("authorization", f"Bearer {PREDICT_TOKEN}"),)


def certify(folder: Path) -> None:
    """A certificate of localhost that is its own authority, and so the client's too."""
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", folder / "key.pem", "-out", folder / "certificate.pem", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )


class Client:
    def __init__(self, port: int, folder: Path, *, shown: bool = True) -> None:
        own = [(folder / name).read_bytes() for name in ("certificate.pem", "key.pem")]
        credentials = grpc.ssl_channel_credentials(
            own[0], private_key=own[1] if shown else None, certificate_chain=own[0] if shown else None
        )
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.secure_channel(f"localhost:{port}", credentials, options)

    def call(self, path: str, request: Any, answer: Any, metadata: Any = OWN) -> Any:
        call = self.channel.unary_unary(path, lambda each: each.SerializeToString(), answer.FromString)
        return call(request, metadata=metadata, timeout=60)

    def predict(self, metadata: Any = OWN, **fields: Any) -> Any:
        return self.call(f"{PREDICTION}Predict", m.PredictRequest(**fields), m.PredictResponse, metadata)

    def manage(self, name: str, request: Any, metadata: Any = BEARER) -> Any:
        return self.call(MANAGEMENT + name, request, m.Change, metadata)

    def refused(self, code: grpc.StatusCode, call: Callable[[], Any]) -> str:
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() is code, caught.value.details()
        return str(caught.value.details())


def structs(rows: list[dict[str, Any]]) -> dict[str, Any]:
    made = []
    for row in rows:
        made.append(m.Struct())
        made[-1].update(row)
    return {"rows": made}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("grpc")
    certify(made)
    return made


@pytest.fixture(scope="module")
def port(free_port: Callable[[], int]) -> int:
    return free_port()


@pytest.fixture(scope="module")
def service(folder: Path, port: int, run_service: Any) -> Iterator[Any]:
    certificate, key = str(folder / "certificate.pem"), str(folder / "key.pem")
    options = ["--workers", "2", "--max-rows", "1000", "--max-body", "1000000", "--grpc-port", str(port)]
    options += ["--grpc-certificate", certificate, "--grpc-key", key, "--grpc-client-ca", certificate]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGECRAFT_SERVING_PREDICT_TOKEN", PREDICT_TOKEN)
        with run_service(folder, Store(str(folder / "store")), *options) as made:
            yield made


@pytest.fixture(scope="module")
def client(service: Any, port: int, folder: Path) -> Client:
    return Client(port, folder)


@pytest.fixture(scope="module")
def models(service: Any, commit: Callable[..., Model], client: Client) -> list[Model]:
    made = [commit(service.store, seed) for seed in (60, 61)]
    request = m.DeployRequest(name="late", version="a", uri=made[0].uri)
    told = client.manage("Deploy", request)
    assert (told.name, told.default, told.fingerprint) == ("late", "a", made[0].fingerprint)
    service.wait(told.generation)
    return made


def test_every_form_of_rows_gets_the_answers_of_http(
    service: Any, client: Client, models: list[Model], flights: Any, expected: Any
) -> None:
    for count in (1, 300):
        table = flights(count, seed=9)
        rows, scores = rows_of(table), expected(models[0], table)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        body = {"model": "late", "rows": rows}
        labels = service.call("POST", "/predict", token=PREDICT_TOKEN, json=body).json()["labels"]
        for form in (
            {"values": structs(rows)},
            {"json": json.dumps({"rows": rows}).encode()},
            {"arrow": sink.getvalue().to_pybytes()},
        ):
            answer = client.predict(model="late", **form)
            assert (answer.model, answer.version, answer.columns) == ("late", "a", 1)
            assert list(answer.scores) == pytest.approx(scores, abs=1e-9)
            assert [label.string_value for label in answer.labels] == labels


def test_what_is_refused_says_what_http_says(
    service: Any, client: Client, models: list[Model], flights: Any
) -> None:
    row = rows_of(flights(1))[0]
    bodies = [
        {"model": "none", "rows": [row]},
        {"model": "late", "version": "none", "rows": [row]},
        {"model": "late", "rows": [{**row, "wind": "x"}]},
        {"model": "late", "rows": [{**row, "seats": 1.5}]},
        {"model": "late", "rows": [{name: row[name] for name in row if name != "wind"}]},
        {"model": "late", "rows": [row] * 1001},
        {"model": "late", "rows": []},
    ]
    for body in bodies:
        answer = service.call("POST", "/predict", token=PREDICT_TOKEN, json=body)
        code = {400: grpc.StatusCode.INVALID_ARGUMENT, 404: grpc.StatusCode.NOT_FOUND}[answer.status_code]
        fields = {**body, "rows": None} | {"values": structs(body["rows"])}
        fields.pop("rows")
        said = client.refused(code, lambda fields=fields: client.predict(**fields))  # type: ignore[misc]
        assert said == answer.json()["error"]
    said = client.refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: client.predict(model="late"))
    assert "predict.rows" in said
    many = np.zeros(300_000, dtype="<f4").tobytes()
    client.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: client.predict(model="late", floats=many))
    nested = structs([{**row, "wind": [1, {"a": 2}]}])
    client.refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: client.predict(model="late", values=nested))
    ignored = structs([{**row, "more": [1, {"a": 2}]}])
    assert len(client.predict(model="late", values=ignored).scores) == 1


def test_tokens(client: Client, models: list[Model]) -> None:
    wrong = (("authorization", "Bearer x"),)
    unknown, denied = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
    request = m.AliasRequest(name="late")
    for code, metadata in ((unknown, ()), (denied, wrong)):
        client.refused(code, lambda given=metadata: client.predict(given, model="late"))  # type: ignore[misc]
        client.refused(code, lambda given=metadata: client.manage("RollBack", request, given))  # type: ignore[misc]
    client.refused(denied, lambda: client.manage("RollBack", request, OWN))


def test_management(service: Any, client: Client, models: list[Model], flights: Any) -> None:
    values = structs(rows_of(flights(1)))
    first, second = models

    def versions(count: int = 40, **fields: Any) -> set[str]:
        return {client.predict(model="managed", values=values, **fields).version for _ in range(count)}

    client.manage("Deploy", m.DeployRequest(name="managed", version="a", uri=first.uri))
    told = client.manage("Deploy", m.DeployRequest(name="managed", version="b", uri=second.uri, alias=""))
    assert (told.default, told.version, dict(told.aliases)) == ("a", "b", {"default": "a"})
    rule = m.SetAliasRequest(name="managed", alias="default", split={"b": 50}, bounds={"error_rate": 0.5})
    service.wait(client.manage("SetAlias", rule).generation)
    assert versions() == {"a", "b"}
    assert len(versions(5, key="someone")) == 1
    assert versions(2, version="b") == {"b"}
    service.wait(client.manage("RollBack", m.AliasRequest(name="managed")).generation)
    assert versions(10) == {"a"}
    status = MessageToDict(client.call(f"{MANAGEMENT}Status", m.Empty(), m.Struct, BEARER))
    assert status == service.status()
    used = m.VersionRequest(name="managed", version="a")
    said = client.refused(grpc.StatusCode.FAILED_PRECONDITION, lambda: client.manage("DeleteVersion", used))
    assert said == service.call("DELETE", "/models/managed/versions/a").json()["error"]
    outside = m.DeployRequest(name="managed", version="c", uri="elsewhere")
    client.refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: client.manage("Deploy", outside))
    client.refused(grpc.StatusCode.INVALID_ARGUMENT, lambda: client.manage("Deploy", m.DeployRequest()))
    empty = m.ModelRequest(name="none")
    client.refused(grpc.StatusCode.NOT_FOUND, lambda: client.manage("DeleteModel", empty))
    client.manage("DeleteModel", m.ModelRequest(name="managed"))
    assert "managed" not in service.status()["models"]


def test_a_stream_through_swaps(
    service: Any, port: int, folder: Path, client: Client, models: list[Model], flights: Any, expected: Any
) -> None:
    """Both workers answer, each with a version that is whole, while versions change."""
    table = flights(40, seed=11)
    rows = rows_of(table)
    scores = {version: expected(model, table) for version, model in zip("ab", models, strict=True)}
    client.manage("Deploy", m.DeployRequest(name="swapped", version="a", uri=models[0].uri))
    told = client.manage("Deploy", m.DeployRequest(name="swapped", version="b", uri=models[1].uri))
    service.wait(told.generation)
    done = threading.Event()

    def requests() -> Iterator[Any]:
        number = 0
        while not done.is_set():
            yield m.PredictRequest(model="swapped", values=structs([rows[number % 40]]))
            number += 1
            time.sleep(0.002)

    found: list[list[Any]] = [[] for _ in range(6)]

    def ask(answers: list[Any]) -> None:
        channel = Client(port, folder).channel
        call = channel.stream_stream(
            f"{PREDICTION}PredictStream", lambda each: each.SerializeToString(), m.PredictResponse.FromString
        )
        answers.extend(call(requests(), metadata=OWN))

    threads = [threading.Thread(target=ask, args=(answers,)) for answers in found]
    for thread in threads:
        thread.start()
    for version in "abab":
        time.sleep(0.3)
        rule = m.SetAliasRequest(name="swapped", alias="default", version=version)
        service.wait(client.manage("SetAlias", rule).generation)
    done.set()
    for thread in threads:
        thread.join()
    for answers in found:
        assert {answer.version for answer in answers} == {"a", "b"}
        for number, answer in enumerate(answers):
            right = scores[answer.version][number % 40]
            assert list(answer.scores) == pytest.approx([right], abs=1e-9)
    asked = sum(map(len, found))
    text = ""
    for _ in range(60):
        text = service.call("GET", "/metrics", token=None).text
        counted = [line for line in text.splitlines() if line.startswith("stagecraft_requests_total")]
        total = sum(float(line.rsplit(" ", 1)[1]) for line in counted if 'model="swapped"' in line)
        if total == asked:
            break
        time.sleep(0.1)
    assert total == asked, text


def test_health_and_reflection(client: Client) -> None:
    stub = health_pb2_grpc.HealthStub(client.channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    for name in ("", "stagecraft.v1.Prediction"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=30).status == serving
    unknown = health_pb2.HealthCheckRequest(service="x")
    client.refused(grpc.StatusCode.NOT_FOUND, lambda: stub.Check(unknown, timeout=30))
    assert next(iter(stub.Watch(health_pb2.HealthCheckRequest(), timeout=30))).status == serving
    assert set(stub.List(health_pb2.HealthListRequest(), timeout=30).statuses) >= {"stagecraft.v1.Prediction"}
    database = ProtoReflectionDescriptorDatabase(client.channel)
    assert {"stagecraft.v1.Prediction", "grpc.health.v1.Health"} <= set(database.get_services())
    assert "PredictStream" in str(database.FindFileContainingSymbol("stagecraft.v1.Prediction"))


def test_a_client_without_a_certificate_is_refused(service: Any, port: int, folder: Path) -> None:
    stranger = Client(port, folder, shown=False)
    stranger.refused(grpc.StatusCode.UNAVAILABLE, lambda: stranger.predict(model="late"))
    context = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    context.set_alpn_protocols(["http/1.1"])
    with (
        socket.create_connection(("localhost", port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        assert wrapped.selected_alpn_protocol() is None
        wrapped.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b"HTTP/1.1" not in wrapped.recv(100)


def test_a_port_that_is_taken_is_refused_at_the_start(service: Any, port: int, folder: Path) -> None:
    command = [sys.executable, "-m", "stagecraft.serving", "--root", str(folder / "other")]
    command += ["--store-root", service.store.root, "--port", "1", "--grpc-port", str(port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"127.0.0.1:{port} cannot be listened on" in done.stderr

"""A small stand-in for a Kubernetes API server, with controllers that really run what jobs ask for."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

TOKEN, NAMESPACE = "let-me-in", "jobs"
OBJECT = re.compile(r"/apis/(ray\.io/v1|batch/v1)/namespaces/([^/]+)/(rayjobs|jobs)(?:/([^/]+))?")
LOG = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/log")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Cluster(ThreadingHTTPServer):
    """Objects of one namespace. A controller starts the command of each as a process of this machine.

    :ivar requests: every request, as "METHOD path"
    :ivar hold: where set, a POST of an object takes effect, and its answer waits
    :ivar instead: a shell command that is run in place of a job's own
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[str] = []
        self.objects: dict[tuple[str, str], Any] = {}
        self.created: list[str] = []
        self.secrets: dict[str, Any] = {}
        self.logs: dict[str, list[tuple[int, str]]] = {}
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.hold = threading.Event()
        self.instead: str | None = None
        self.waiting = ""
        self.lock = threading.RLock()

    @property
    def kube_config(self) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": self.address}}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
        }

    def create(self, plural: str, manifest: Any) -> Any:
        name = manifest["metadata"]["name"]
        with self.lock:
            if (plural, name) in self.objects:
                return None
            manifest["metadata"].update(uid=uuid.uuid4().hex, creationTimestamp=now())
            self.objects[plural, name] = manifest
            self.created.append(name)
        threading.Thread(target=self._control, args=(plural, manifest), daemon=True).start()
        return manifest

    def delete(self, plural: str, name: str, options: Any) -> int:
        with self.lock:
            found = self.objects.get((plural, name))
            if found is None:
                return 404
            if options["preconditions"]["uid"] != found["metadata"]["uid"]:
                return 409
            assert options["propagationPolicy"] == "Foreground"
            found["metadata"]["deletionTimestamp"] = now()
        threading.Thread(target=self._collect, args=(plural, found), daemon=True).start()
        return 200

    def _collect(self, plural: str, found: Any) -> None:
        uid = found["metadata"]["uid"]
        if process := self.processes.get(uid):
            end(process)
        time.sleep(0.3)
        with self.lock:
            del self.objects[plural, found["metadata"]["name"]]
            owners = {name: secret["metadata"]["ownerReferences"][0] for name, secret in self.secrets.items()}
            for name, owner in owners.items():
                if owner["uid"] == uid:
                    del self.secrets[name]

    def _control(self, plural: str, found: Any) -> None:
        """Do what KubeRay's operator, or the Job controller, and a kubelet do."""
        ray, spec = plural == "rayjobs", found["spec"]
        status = found.setdefault("status", {})
        if ray:
            status.update(jobDeploymentStatus="Initializing", rayClusterName=found["metadata"]["name"] + "-c")
        template = spec["rayClusterSpec"]["headGroupSpec"]["template"] if ray else spec["template"]
        [container] = template["spec"]["containers"]
        environment = {}
        while "deletionTimestamp" not in found["metadata"]:
            try:
                environment = {entry["name"]: self._value(entry) for entry in container["env"]}
            except KeyError:  # As the kubelet, which waits for the Secret.
                time.sleep(0.05)
            else:
                break
        folder = str(Path(sys.executable).parent)
        process = subprocess.Popen(
            self.instead or (spec["entrypoint"] if ray else container["command"]),
            shell=ray or self.instead is not None,
            env={"PATH": f"{folder}:{os.environ['PATH']}", "HOME": os.environ["HOME"], **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.processes[found["metadata"]["uid"]] = process
        if "deletionTimestamp" in found["metadata"]:
            end(process)
        if ray:
            status["jobDeploymentStatus"] = "Running"
        assert process.stdout is not None
        lines = self.logs.setdefault(found["metadata"]["name"], [])
        for line in process.stdout:
            lines.append((time.time_ns(), line.removesuffix("\n")))
        failed = process.wait() != 0
        if ray:
            ending = {"reason": "AppFailed"} if failed else {}
            state = "Failed" if failed else "Complete"
            status.update(jobDeploymentStatus=state, endTime=now(), **ending)
        else:
            status["conditions"] = [{"type": "Failed" if failed else "Complete", "status": "True"}]

    def _value(self, entry: Any) -> str:
        if "value" in entry:
            return str(entry["value"])
        reference = entry["valueFrom"]["secretKeyRef"]
        return str(self.secrets[reference["name"]]["stringData"][reference["key"]])

    def log(self, pod: str, query: dict[str, list[str]]) -> str | None:
        name = pod.removesuffix("-pod")
        if name not in self.logs:
            return None
        assert query["timestamps"] == ["True"], query
        age = int(query["sinceSeconds"][0]) if "sinceSeconds" in query else 10**9
        oldest = time.time_ns() - age * 10**9
        shown = [(at, text) for at, text in self.logs[name] if at >= oldest]
        stamps = [datetime.fromtimestamp(at // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S") for at, _ in shown]
        return "".join(
            f"{stamp}.{at % 10**9:09d}Z {text}\n" for stamp, (at, text) in zip(stamps, shown, strict=True)
        )

    def pods(self, selector: str) -> list[Any]:
        label, _, value = selector.partition("=")
        if label == "ray.io/cluster":
            condition = {"type": "PodScheduled", "status": "False", "message": self.waiting}
            return (
                [{"metadata": {"name": "head"}, "status": {"conditions": [condition]}}]
                if self.waiting
                else []
            )
        assert label == "job-name", selector
        names = {name for _, name in self.objects if name == value}
        return [
            {"metadata": {"name": f"{name}-pod", "creationTimestamp": now()}, "status": {}} for name in names
        ]

    def close(self) -> None:
        self.hold.clear()
        for process in self.processes.values():
            end(process)
        self.shutdown()
        self.server_close()


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Handler(BaseHTTPRequestHandler):
    server: Cluster

    def do_GET(self) -> None:
        self._answer(*self._get())

    def do_POST(self) -> None:
        self._answer(*self._post(self._body()))

    def do_DELETE(self) -> None:
        _, _, plural, name = self._object()
        self._answer(self.server.delete(plural, name, self._body()), {})

    def _get(self) -> tuple[int, Any]:
        address = urlsplit(self.path)
        query, cluster = parse_qs(address.query), self.server
        if found := LOG.fullmatch(address.path):
            log = cluster.log(found[2], query)
            return (200, log) if log is not None else (400, "the container is waiting to start")
        if address.path.endswith("/pods"):
            return 200, {"items": cluster.pods(query["labelSelector"][0])}
        _, _, plural, name = self._object()
        if name is None:
            label, _, value = query["labelSelector"][0].partition("=")
            objects = [each for (kind, _), each in cluster.objects.items() if kind == plural]
            return 200, {"items": [one for one in objects if one["metadata"]["labels"].get(label) == value]}
        stored = cluster.objects.get((plural, name))
        return (200, stored) if stored is not None else (404, {"message": "not found"})

    def _post(self, body: Any) -> tuple[int, Any]:
        cluster = self.server
        if self.path.endswith("/secrets"):
            if body["metadata"]["name"] in cluster.secrets:
                return 409, {}
            cluster.secrets[body["metadata"]["name"]] = body
            return 201, {}
        _, _, plural, _ = self._object()
        made = cluster.create(plural, body)
        while cluster.hold.is_set():
            time.sleep(0.05)
        return (201, made) if made is not None else (409, {"reason": "AlreadyExists"})

    def _object(self) -> Any:
        found = OBJECT.fullmatch(urlsplit(self.path).path)
        assert found, self.path
        assert found[2] == NAMESPACE, self.path
        return found.groups()

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status: int, body: Any) -> None:
        self.server.requests.append(f"{self.command} {urlsplit(self.path).path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, body = 401, {"message": "Unauthorized"}
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(BrokenPipeError):
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    server = Cluster()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.close()

"""A service whose versions come and go while a stream of requests is answered.

As root, the service's folder is a small file system of its own, so that a full disk can be had.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import requests
import serving_model
from serving_servers import served
from serving_stream import Plan

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.serving.manifest import Manifest, Version
from stagecraft.serving.manifest_file import ManifestFile
from stagecraft.serving.rows import rows_of
from stagecraft.transforms.linear import Linear

NAME, TOKEN = "swapped", "a-token-for-benchmarks"
VERSIONS = 6
WORKERS = 2
SETTLE_SECONDS = 60
DISK_BYTES = 96 << 20


@dataclass
class Bench:
    """A service under load, its versions, and what each answers to the one request.

    :param models: version → model
    :param scores: version → the score that its chain gives
    """

    port: int
    root: Path
    store: Store
    models: dict[str, Model]
    scores: dict[str, float]
    row: dict[str, Any]
    history: list[tuple[float, str]] = field(default_factory=list)

    @property
    def file(self) -> ManifestFile:
        return ManifestFile(self.root)

    def artifact(self, version: str) -> Version:
        model = self.models[version]
        return Version(uri=model.uri, fingerprint=model.fingerprint)

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return requests.request(
            method, f"http://127.0.0.1:{self.port}{path}", headers=headers, json=body, timeout=120
        )

    def pull(self, version: str) -> Manifest:
        """Make a version the default by the manifest alone, as somebody without the service would."""
        artifact = self.artifact(version)
        self.history.append((time.monotonic(), version))
        return self.file.update(lambda manifest: manifest.deployed(NAME, version, artifact, keep=3))

    def push(self, version: str) -> int:
        """Make a version the default through the endpoint; return the status."""
        body = {"name": NAME, "version": version, "uri": self.models[version].uri}
        began = time.monotonic()
        answer = self.call("POST", "/models", body)
        if answer.status_code == 200:
            self.history.append((began, version))
        return answer.status_code

    def roll_back(self) -> float:
        """Take the version before; return when the manifest was renamed."""
        began = time.monotonic()
        after = self.file.update(lambda manifest: manifest.rolled_back(NAME))
        self.history.append((began, after.models[NAME].default))
        return began

    def followed(self) -> bool:
        """Whether all workers are up and follow the manifest."""
        generation = self.file.read().generation
        try:
            states = [json.loads(path.read_bytes()) for path in (self.root / "workers").glob("*.json")]
        except (FileNotFoundError, ValueError):
            return False
        alive = [state for state in states if psutil.pid_exists(state["pid"])]
        return len(alive) == WORKERS and all(state["generation"] == generation for state in alive)

    def settle(self) -> None:
        """Wait until all workers follow the manifest."""
        end = time.monotonic() + SETTLE_SECONDS
        while not self.followed():
            if time.monotonic() > end:
                raise RuntimeError(f"the workers do not follow: {self.call('GET', '/status').text[:2000]}")
            time.sleep(0.002)


@dataclass
class Answers:
    """What a stream saw.

    :param sent: seconds, monotonic, one a request
    :param received: the same
    :param code: an answer's number, or :data:`BROKEN`
    :param bodies: an answer's number → its status and body
    """

    sent: np.ndarray
    received: np.ndarray
    code: np.ndarray
    bodies: dict[int, str]

    def version(self, code: int) -> str | None:
        status, _, body = self.bodies[code].partition(" ")
        return str(json.loads(body)["version"]) if status == "200" else None

    def last(self, version: str, begin: float, end: float) -> float:
        """Return when the last answer by a version came, of the requests sent in a span; else its begin."""
        codes = [code for code in self.bodies if self.version(code) == version]
        chosen = np.isin(self.code, codes) & (self.sent >= begin) & (self.sent < end)
        return float(self.received[chosen].max()) if chosen.any() else begin


class Streaming:
    """A stream in a process of its own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        command = [sys.executable, str(Path(__file__).with_name("serving_stream.py"))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asdict(plan)) + "\n")
        self.process.stdin.flush()

    def answers(self) -> Answers:
        folder = Path(self.plan.folder)
        bodies = {int(code): body for code, body in json.loads((folder / "bodies.json").read_text()).items()}
        with np.load(folder / "answers.npz") as found:
            return Answers(found["sent"], found["received"], found["code"], bodies)


@contextmanager
def streaming(bench: Bench, *, requests: int, rate: float, connections: int) -> Iterator[Streaming]:
    """Send requests while the block runs, and then on until so many are sent."""
    body = json.dumps({"model": NAME, "rows": [bench.row]})
    lines = ["POST /predict HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    request = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
    folder = bench.root.parent / "stream"
    folder.mkdir(exist_ok=True)
    stream = Streaming(Plan(bench.port, request, connections, requests, rate, str(folder)))
    assert stream.process.stdin is not None
    try:
        yield stream
        stream.process.stdin.close()
        if stream.process.wait(600):
            raise RuntimeError("the stream of requests failed")
    finally:
        stream.process.kill()


@contextmanager
def running() -> Iterator[Bench]:
    """A service of two workers, and versions to deploy."""
    with (
        tempfile.TemporaryDirectory(prefix="serving-swaps-") as place,
        small_disk(Path(place) / "service") as root,
    ):
        store = Store(f"{place}/store")
        first = serving_model.commit(store, serving_model.booster())
        models = {f"v{number}": commit(store, first, number) for number in range(VERSIONS)}
        golden = first.golden().select(first.input_schema.names).slice(0, 1).combine_chunks()
        scores = {v: float(m.chain.predict(golden.to_batches()[0])[0]) for v, m in models.items()}
        command = ["-m", "stagecraft.serving", "--root", str(root), "--store-root", store.root]
        options = ["--workers", str(WORKERS), "--port", "{port}", "--keep-versions", "3"]
        with served([*command, *options], Path(place), "/status", STAGECRAFT_SERVING_TOKEN=TOKEN) as server:
            bench = Bench(server.port, root, store, models, scores, rows_of(golden)[0])
            end = time.monotonic() + SETTLE_SECONDS
            while len(list((root / "workers").glob("*.json"))) < WORKERS and time.monotonic() < end:
                time.sleep(0.1)
            yield bench


@contextmanager
def small_disk(root: Path) -> Iterator[Path]:
    """A folder on a file system of its own, where this user may have one."""
    root.mkdir()
    size = f"size={DISK_BYTES}"
    mounted = (
        shutil.which("mount")
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(root)], capture_output=True, check=False
        ).returncode
    )
    try:
        yield root
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(root)], check=False)


def commit(store: Store, first: Model, number: int) -> Model:
    """Commit the first model again with another intercept, so that its scores tell it apart."""
    *_, last = first.chain.transforms
    assert isinstance(last, Linear)
    weights = last.weights.copy()
    weights[0] += 0.1 * (number + 1)
    chain = first.chain.encoder.then(Linear.of(last.layout, weights))
    draft = store.draft(Kind.MODEL, f"{number:032x}", lineage={"stage": "benchmark"})
    fill_model(draft, chain, first.golden(), labels=["no", "yes"])
    made = draft.commit()
    assert isinstance(made, Model)
    return made

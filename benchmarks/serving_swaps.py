"""Versions that come and go under load: how fast they answer, and whether any request notices.

``python benchmarks/serving_swaps.py [swap_ms] [failed_requests]`` runs one or both; ``QUICK=1`` sends fewer
requests. As root, the service's folder is a small file system of its own, so that a full disk can be had.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import requests
import serving_model
from serving_servers import served
from serving_stream import BROKEN, Plan

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.serving.manifest import Manifest, Version
from stagecraft.serving.manifest_file import ManifestFile
from stagecraft.serving.rows import rows_of
from stagecraft.transforms.linear import Linear

QUICK = bool(os.environ.get("QUICK"))
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


def swap_ms(rounds: int = 8 if QUICK else 25) -> dict[str, float]:
    """Return the milliseconds from the manifest's renaming until the last answer of the version before.

    ``swap`` loads a version that the workers do not hold, ``rollback`` goes back to the one before; medians,
    and the slowest. A light load shows when each worker turns.
    """
    with running() as bench:
        bench.pull("v0")
        bench.settle()
        with streaming(bench, requests=0, rate=600, connections=24) as stream:
            time.sleep(1)
            turns: list[tuple[str, float, str, str]] = []
            for number in range(rounds):
                old, new = f"v{number % VERSIONS}", f"v{(number + 1) % VERSIONS}"
                bench.file.update(
                    lambda m, new=new: m.without(NAME, new) if new in m.models[NAME].versions else m
                )
                bench.settle()
                time.sleep(0.3)
                began = time.monotonic()
                bench.pull(new)
                turns.append(("swap", began, old, new))
                bench.settle()
                time.sleep(0.3)
                turns.append(("rollback", bench.roll_back(), new, old))
                bench.settle()
                time.sleep(0.3)
                bench.pull(new)
                bench.settle()
        answers = stream.answers()
    found: dict[str, list[float]] = {"swap": [], "rollback": []}
    for kind, began, old, new in turns:
        late = answers.last(old, began, began + 0.3)
        found[kind].append(1000 * (late - began))
        assert answers.last(new, began, began + 0.3) > late, "the new version did not answer"
    return {
        "swap_ms": statistics.median(found["swap"]),
        "swap_ms_slowest": max(found["swap"]),
        "rollback_ms": statistics.median(found["rollback"]),
        "rollback_ms_slowest": max(found["rollback"]),
    }


def failed_requests(
    count: int = 50_000 if QUICK else 1_000_000, changes: int = 20 if QUICK else 200
) -> dict[str, float]:
    """Send requests through swaps, rollbacks, bad pushes, unloads, killed workers and a full disk.

    :return: ``failed`` requests but those that a killed worker held, ``torn`` answers (of no version as it
        scores), ``strayed`` answers by a version that was not asked for at any moment of the request,
        ``killed`` requests that a killed worker held, and what was done
    """
    generator = random.Random(1)
    done: dict[str, int] = {
        "requests": 0,
        "changes": 0,
        "kills": 0,
        "full_disks": 0,
        "bad_pushes": 0,
        "unloads": 0,
    }
    kills: list[float] = []
    with running() as bench:
        bench.pull("v0")
        bench.settle()
        bad = spoilt(bench)
        with streaming(bench, requests=count, rate=0, connections=16) as stream:
            settled: list[float] = []
            for number in range(changes):
                step(bench, generator, done, bad)
                bench.settle()
                settled.append(time.monotonic())
                bench.history.append((settled[-1], "settled"))
                if number % (changes // 4) == changes // 8:
                    kills.append(kill(bench, generator))
                    done["kills"] += 1
                    bench.settle()
                if number == changes // 2 and os.path.ismount(bench.root):
                    fill_disk(bench)
                    done["full_disks"] += 1
                done["changes"] += 1
        answers = stream.answers()
    done["requests"] = len(answers.code)
    return {**answers.judge(bench, kills), **done}


def step(bench: Bench, generator: random.Random, done: dict[str, int], bad: str) -> None:
    """Change what is served: by the manifest or through the endpoint; or try what must be refused."""
    now = bench.file.read().models[NAME]
    other = generator.choice([version for version in bench.scores if version != now.default])
    match generator.choice(("pull", "push", "roll_back", "bad", "unload")):
        case "pull":
            bench.pull(other)
        case "push":
            if (status := bench.push(other)) != 200:
                raise RuntimeError(f"a push was answered with {status}")
        case "roll_back" if now.aliases["default"].previous:
            bench.roll_back()
        case "bad":
            done["bad_pushes"] += 1
            if (status := bench.push(bad)) != 422:
                raise RuntimeError(f"a bad push was answered with {status}")
        case "unload" if spare := [
            v for v in now.versions if v not in (now.default, now.aliases["default"].previous)
        ]:
            done["unloads"] += 1
            bench.call("DELETE", f"/models/{NAME}/versions/{spare[0]}").raise_for_status()


def kill(bench: Bench, generator: random.Random) -> float:
    """End a worker as the kernel would where memory lacks; return when."""
    states = [json.loads(path.read_bytes()) for path in (bench.root / "workers").glob("*.json")]
    victim = generator.choice([state["pid"] for state in states if psutil.pid_exists(state["pid"])])
    moment = time.monotonic()
    os.kill(victim, 9)
    return moment


def fill_disk(bench: Bench) -> None:
    """Leave no room below the service's root, try to deploy, and make room again."""
    filler = bench.root / "filler"
    with open(filler, "wb") as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    try:
        now = bench.file.read().models[NAME].default
        other = next(version for version in bench.scores if version != now)
        if (status := bench.push(other)) != 503:
            raise RuntimeError(f"a push onto a full disk was answered with {status}")
        time.sleep(2)
    finally:
        filler.unlink()


def spoilt(bench: Bench) -> str:
    """Commit a model and damage one of its files; return its version."""
    model = commit(bench.store, bench.models["v0"], 99)
    path = Path(bench.store.strip(model.file_uri("1-linear/weights.npz")))
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    bench.models["bad"] = model
    return "bad"


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

    def judge(self, bench: Bench, kills: list[float]) -> dict[str, float]:
        broken = self.code == BROKEN
        near = np.zeros(len(self.code), dtype=bool)
        for moment in kills:
            near |= (self.sent < moment + 1.0) & (self.received >= moment) & (self.received < moment + 5.0)
        failed = int((broken & ~near).sum())
        torn = strayed = 0
        spans = asked_for(bench.history)
        for code, body in self.bodies.items():
            chosen = self.code == code
            version = self.version(code)
            if version is None:
                failed += int(chosen.sum())
            elif (
                abs(json.loads(body.partition(" ")[2])["scores"][0] - bench.scores.get(version, np.inf))
                > 1e-9
            ):
                torn += int(chosen.sum())
            else:
                fits = np.zeros(int(chosen.sum()), dtype=bool)
                for begin, end in spans.get(version, ()):
                    fits |= (self.received[chosen] >= begin) & (self.sent[chosen] <= end)
                strayed += int((~fits).sum())
        return {"failed": failed, "torn": torn, "strayed": strayed, "killed": int((broken & near).sum())}


def asked_for(history: list[tuple[float, str]]) -> dict[str, list[tuple[float, float]]]:
    """Return the spans in which each version may answer: from its change until all follow the next."""
    spans: dict[str, list[tuple[float, float]]] = {}
    current: str | None = None
    leaving: list[tuple[str, float]] = []
    began = 0.0
    for moment, what in history:
        if what == "settled":
            for version, since in leaving:
                spans.setdefault(version, []).append((since, moment))
            leaving = []
        elif what != current:
            if current is not None:
                leaving.append((current, began))
            current, began = what, moment
    if current is not None:
        spans.setdefault(current, []).append((began, float("inf")))
    for version, since in leaving:
        spans.setdefault(version, []).append((since, float("inf")))
    return spans


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


if __name__ == "__main__":
    for name in sys.argv[1:] or ["swap_ms", "failed_requests"]:
        print(name, json.dumps(globals()[name](), indent=1), flush=True)

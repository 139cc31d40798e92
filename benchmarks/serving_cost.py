"""The CPU that a request takes of a server, ours and others."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import requests
import serving_client
import xgboost
from leaves import features
from peers import serve_mlserver
from report import Report
from serving_client import Load, Plan, quantile
from serving_model import booster, commit, table_of
from serving_servers import PEERS, Server, free_port, served

from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.serving.rows import rows_of

QUICK = bool(os.environ.get("QUICK"))
ROUNDS, SECONDS = (2, 2.0) if QUICK else (5, 3.0)
CONNECTIONS = 16
ROWS = 500
JSON = "application/json"
OCTETS = "application/octet-stream"
MULTIPART = "multipart/form-data; boundary=cut"
TOKEN = "a-token-for-benchmarks"


@dataclass
class Case:
    """One way of asking one server, and the CPU µs a request that it took in each round."""

    name: str
    server: Server
    plan: Plan
    costs: list[float]
    load: Load | None = None

    def measure(self) -> None:
        before = self.server.cpu()
        self.load = serving_client.run(self.plan)
        self.costs.append((self.server.cpu() - before) / self.load.requests * 1e6)

    @property
    def cost(self) -> float:
        return statistics.median(self.costs)


class World:
    """The model, rows to ask about, and what XGBoost itself says of them."""

    def __init__(self, folder: Path) -> None:
        self.trees = trees = booster()
        self.folder = folder
        self.store = Store(str(folder / "store"))
        self.model = commit(self.store, trees)
        self.matrix = features(ROWS, seed=77)
        self.scores = trees.predict(xgboost.DMatrix(self.matrix)).tolist()
        self.booster_file = folder / "booster.ubj"
        trees.save_model(self.booster_file)
        self.rows = [json.dumps(row).encode() for row in rows_of(table_of(self.matrix))]

    def plan(self, port: int, bodies: list[bytes], path: str, kind: str, answer: str, rows: int = 1) -> Plan:
        whole = [serving_client.request(path, body, kind) for body in bodies]
        scores = [self.scores[at * rows : (at + 1) * rows] for at in range(len(bodies))]
        return Plan(port, whole, scores, answer, CONNECTIONS, SECONDS)

    def json_rows(self, before: bytes = b"", rows: int = 1) -> list[bytes]:
        """Bodies of JSON: ``{<before>"rows": [...]}``."""
        groups = [self.rows[at : at + rows] for at in range(0, len(self.rows) - rows + 1, rows)]
        return [b'{%b"rows":[%b]}' % (before, b",".join(group)) for group in groups]

    def arrays(self) -> list[bytes]:
        """Bodies of JSON: ``{"rows": [[…]]}``."""
        rows = np.where(np.isnan(self.matrix), None, self.matrix.astype(object)).tolist()
        return [json.dumps({"rows": [row]}).encode() for row in rows]

    def files(self) -> list[bytes]:
        """Forms with a file of float32."""
        head = b'--cut\r\nContent-Disposition: form-data; name="rows"; filename="rows"\r\n\r\n'
        return [head + row + b"\r\n--cut--\r\n" for row in self.raw_rows()]

    def raw_rows(self, rows: int = 1) -> list[bytes]:
        groups = [self.matrix[at : at + rows] for at in range(0, len(self.matrix) - rows + 1, rows)]
        return [np.ascontiguousarray(group, dtype="<f4").tobytes() for group in groups]


@cache
def world_in(folder: Path) -> World:
    return World(folder)


@contextmanager
def ours(folder: Path, store: Store, models: dict[str, Model], *options: str) -> Iterator[Server]:
    """Our service, one worker, with models deployed."""
    root = tempfile.mkdtemp(prefix="service-", dir=folder)
    command = ["-m", "stagecraft.serving", "--root", root, "--store-root", store.root]
    command += ["--port", "{port}", "--workers", "1", *options]
    with served(command, folder, "/readyz", STAGECRAFT_SERVING_TOKEN=TOKEN) as server:
        for name, model in models.items():
            answer = requests.post(
                f"http://127.0.0.1:{server.port}/models",
                json={"name": name, "version": "1", "uri": model.uri},
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=60,
            )
            answer.raise_for_status()
        yield server


@contextmanager
def stock(world: World) -> Iterator[Server]:
    command = ["-m", "bentoml", "serve", "serve_bentoml_stock:Stock", "--working-dir", str(PEERS)]
    home = world.folder / "bentoml"
    home.mkdir(exist_ok=True)
    environment = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "true", "MODEL": world.model.uri}
    with served(
        [*command, "--host", "127.0.0.1", "--port", "{port}"], world.folder, "/readyz", **environment
    ) as server:
        yield server


def cost_figures(report: Report, folder: Path) -> None:
    """JSON and raw float32 of one row, and more forms, beside stock BentoML on the same engine.

    Stock BentoML is asked in JSON as our service is, in an array of JSON, and in its only binary form, a
    file. The bars are against the first, as they were found; the fastest has a figure of its own.
    """
    world = world_in(folder)
    with ExitStack() as stack:
        us = stack.enter_context(ours(folder, world.store, {"gbdt": world.model}))
        them = stack.enter_context(stock(world))
        path, asked = "/models/gbdt/predict", b'"model":"gbdt",'

        def json_case(name: str, server: Server, before: bytes, rows: int = 1) -> Case:
            plan = world.plan(server.port, world.json_rows(before, rows), "/predict", JSON, "scores", rows)
            return Case(name, server, plan, [])

        def raw_case(name: str, rows: int = 1) -> Case:
            return Case(name, us, world.plan(us.port, world.raw_rows(rows), path, OCTETS, "floats", rows), [])

        def stock_case(name: str, bodies: list[bytes], path: str, kind: str) -> Case:
            return Case(name, them, world.plan(them.port, bodies, path, kind, "list"), [])

        cases = [
            json_case("ours, JSON", us, asked),
            raw_case("ours, raw float32"),
            json_case("ours, JSON, 50 rows", us, asked, 50),
            raw_case("ours, raw float32, 50 rows", 50),
            json_case("stock BentoML, JSON", them, b""),
            stock_case("stock BentoML, an array in JSON", world.arrays(), "/predict_array", JSON),
            stock_case("stock BentoML, a file of float32", world.files(), "/predict_file", MULTIPART),
        ]
        measured(cases)
        show("One row of 40 columns, 100 trees of depth 6", cases)
    one, raw, _, _, theirs, *others = cases
    report.figure("json_cpu_us", one.cost, "<=", 35)
    report.figure("json_cpu_vs_stock", one.cost / theirs.cost, "<=", 1 / 30)
    report.figure("binary_cpu_vs_stock", raw.cost / theirs.cost, "<=", 1 / 38)
    fastest = min(case.cost for case in (theirs, *others))
    report.figure("binary_cpu_vs_fastest_stock", raw.cost / fastest, "<=", 1 / 30)


def peer_figures(report: Report, folder: Path) -> None:
    """JSON of one row beside Ray Serve, whose processes all count, and MLServer, both with XGBoost."""
    world = world_in(folder)
    with ExitStack() as stack:
        us = stack.enter_context(ours(folder, world.store, {"gbdt": world.model}))
        command = [str(PEERS / "serve_ray.py"), "{port}", str(world.booster_file)]
        ray = stack.enter_context(served(command, folder, "/-/healthz", RAY_DEDUP_LOGS="0"))
        asked = world.json_rows(b'"model":"gbdt",')
        cases = [
            Case("ours", us, world.plan(us.port, asked, "/predict", JSON, "scores"), []),
            Case("Ray Serve", ray, world.plan(ray.port, world.json_rows(), "/predict", JSON, "scores"), []),
        ]
        if serve_mlserver.PYTHON:
            port = free_port()
            command = serve_mlserver.prepare(folder / "mlserver", world.booster_file, port)
            ready = "/v2/health/ready"
            started = served(command, folder, ready, port=port, python=serve_mlserver.PYTHON)
            filled = np.nan_to_num(world.matrix)
            bodies = [serve_mlserver.body(row) for row in filled]
            path = "/v2/models/gbdt/infer"
            server = stack.enter_context(started)
            plan = world.plan(port, bodies, path, JSON, "v2")
            plan.scores = [[score] for score in world.trees.predict(xgboost.DMatrix(filled)).tolist()]
            cases.append(Case("MLServer", server, plan, []))
        else:
            print("MLServer is left out: MLSERVER_PYTHON names no Python that has it")
        measured(cases)
        show("One row in JSON", cases)
    report.figure("cpu_vs_ray_serve", cases[0].cost / cases[1].cost, "<=", 0.01)
    if serve_mlserver.PYTHON:
        report.figure("cpu_vs_mlserver", cases[0].cost / cases[2].cost, "<=", 0.05)


def measured(cases: list[Case]) -> None:
    """Measure cases in turn, several times over, after a round that warms up."""
    for number in range(ROUNDS + 1):
        for case in cases:
            case.measure()
            if number == 0:
                case.costs.clear()


def show(title: str, cases: list[Case]) -> None:
    rows = [
        (
            case.name,
            case.cost,
            f"{min(case.costs):.1f} … {max(case.costs):.1f}",
            round(case.load.requests / case.load.wall),
            quantile(case.load.latencies, 0.5) * 1e3,
            quantile(case.load.latencies, 0.99) * 1e3,
            case.server.memory() / 1e6,
        )
        for case in cases
        if case.load is not None
    ]
    heads = ("", "CPU µs", "rounds", "requests/s", "p50 ms", "p99 ms", "MB")
    Report.table(title, heads, rows)

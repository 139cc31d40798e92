"""Small models of flights, made directly, and a service that all tests share: each uses names of its own."""

from __future__ import annotations

import datetime
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.stages.boosting import BoostingParameters, grow
from stagecraft.transforms.categorical import FittedHash, FittedIndex
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding, SlotEncoding
from stagecraft.transforms.leaf_encode import LeafEncode
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.numeric import FittedFill, FittedScale

TOKEN = "a-token-for-tests"
START = datetime.date(2013, 1, 1)


def _flights(rows: int, seed: int = 0) -> pa.Table:
    """Raw rows: every kind of column that a model reads, with missing values."""
    rng = np.random.default_rng(seed)
    wind = np.where(rng.random(rows) < 0.1, np.nan, rng.normal(10, 5, rows))
    return pa.table(
        {
            "flight_id": pa.array(range(rows), pa.int64()),
            "origin": pa.array(rng.choice(["JFK", "LGA", "EWR", None], rows).tolist(), pa.string()),
            "tailnum": pa.array([f"N{number}" for number in rng.integers(0, 500, rows)]),
            "wind": pa.array(wind, from_pandas=True),
            "seats": pa.array(rng.integers(20, 400, rows), pa.int64(), mask=rng.random(rows) < 0.1),
            "rain": pa.array(rng.random(rows) < 0.2),
            "day": pa.array([START + datetime.timedelta(days=row % 90) for row in range(rows)]),
        }
    )


def _commit(store: Store, seed: int) -> Model:
    """Train and commit Encode → LeafEncode → Linear; another seed gives other scores."""
    table = _flights(400, seed)
    numeric = [
        NumericEncoding(column=name, maps=[FittedFill(value=0.5), FittedScale(shift=1.0, scale=9.0)])
        for name in ("wind", "seats", "rain")
    ]
    categorical = [
        SlotEncoding(columns=["origin"], output="origin", map=FittedIndex(vocabulary=["JFK", "EWR"])),
        SlotEncoding(columns=["tailnum"], output="tailnum", map=FittedHash(bits=8, salt="tailnum")),
        SlotEncoding(columns=["day"], output="day", map=FittedHash(bits=6, salt="day")),
    ]
    encode = Encode(encodings=[*numeric, *categorical])
    encoded = encode.apply(table.select(encode.input_columns()).combine_chunks().to_batches()[0])
    columns = ["wind", "seats", "rain"]
    features = np.column_stack([encoded.column(name).to_numpy() for name in columns]).astype(np.float32)
    label = (features.sum(axis=1) > np.median(features.sum(axis=1))).astype(np.float32)
    trees = grow(features, label, None, BoostingParameters(rounds=8, depth=3), threads=1)[1]
    chain = Chain((encode, LeafEncode.of(trees, columns)))
    weights = np.random.default_rng(seed).normal(0, 0.3, chain.layout.dimension).astype(np.float32)
    draft = store.draft(Kind.MODEL, f"{seed:032x}", lineage={"stage": "test"})
    fill_model(draft, chain.then(Linear.of(chain.layout, weights)), table.slice(0, 50), labels=["no", "yes"])
    made = draft.commit()
    assert isinstance(made, Model)
    return made


def _expected(model: Model, table: pa.Table) -> list[float]:
    """What the chain itself predicts."""
    rows = table.select(model.chain.input_columns()).combine_chunks()
    scores: list[float] = model.chain.predict(rows.to_batches()[0]).tolist()
    return scores


@dataclass
class Service:
    """A service that runs."""

    root: Path
    store: Store
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, method: str, path: str, *, token: str | None = TOKEN, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(method, self.url + path, headers=headers, timeout=30, **options)

    def deploy(self, name: str, model: Model, **more: Any) -> dict[str, Any]:
        body = {"name": name, "version": model.fingerprint[-4:], "uri": model.uri, **more}
        answer = self.call("POST", "/models", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def predict(self, **body: Any) -> requests.Response:
        return self.call("POST", "/predict", token=None, json=body)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", "/status", token=None).json()
        return found

    def wait(self, generation: int) -> float:
        """Wait until every worker serves ``generation``; return the seconds that took."""
        begun = time.monotonic()
        while time.monotonic() < begun + 300:
            status = self.status()
            workers = status["workers"]
            if len(workers) == status["expected_workers"] and all(
                worker["generation"] >= generation for worker in workers
            ):
                return time.monotonic() - begun
            time.sleep(0.01)
        raise AssertionError(f"not every worker serves generation {generation}: {self.status()}")


@pytest.fixture(scope="session")
def flights() -> Any:
    return _flights


@pytest.fixture(scope="session")
def commit() -> Any:
    return _commit


@pytest.fixture(scope="session")
def expected() -> Any:
    return _expected


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def free_port() -> Any:
    return _free_port


@contextmanager
def running(root: Path, store: Store, *options: str) -> Iterator[Service]:
    """A service that answers, below ``root``, until the block ends; its log must hold no traceback."""
    port = _free_port()
    command = [sys.executable, "-m", "stagecraft.serving", "--root", str(root / "service")]
    address = ["--store-root", store.root, "--port", str(port)]
    with open(root / "log", "wb") as log:
        process = subprocess.Popen(
            [*command, *address, *options],
            env={**os.environ, "STAGECRAFT_SERVING_TOKEN": TOKEN},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    service = Service(root / "service", store, port, process)
    try:
        for _ in range(3000):
            assert process.poll() is None, (root / "log").read_text()
            try:
                status = service.status()
                if len(status["workers"]) == status["expected_workers"]:
                    break
            except (requests.ConnectionError, requests.Timeout):
                pass
            time.sleep(0.1)
        else:
            raise AssertionError((root / "log").read_text())
        yield service
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.wait(300)
        assert not psutil.wait_procs(workers, timeout=300)[1], "a worker outlived its supervisor"
        assert "Traceback" not in (log_text := (root / "log").read_text()), log_text
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()


@pytest.fixture(scope="session")
def run_service() -> Any:
    return running


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    root = tmp_path_factory.mktemp("serving")
    limits = ["--max-rows", "1000", "--max-body", "1000000", "--keep-versions", "3"]
    logs = ["--sample", "1", "--request-log", str(root / "requests")]
    with running(root, Store(str(root / "store")), "--workers", "2", *limits, *logs) as made:
        yield made
    # What the workers had kept of the requests, they wrote as they ended.
    columns = {name for file in (root / "requests").rglob("*.parquet") for name in pq.read_schema(file).names}
    assert not columns or {"wind", "score", "request_time"} <= columns

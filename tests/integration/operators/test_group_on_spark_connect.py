"""A group on a warm Spark Connect server: a Python process with a session there; the rows are DuckDB's."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG, Connection

from stagecraft.artifacts.artifact import Reference
from stagecraft.artifacts.store import Store
from stagecraft.engines import spark_install
from stagecraft.errors import JobFailedError
from stagecraft.hooks.spark import SparkHook, remote_url
from stagecraft.jobs.job import Job, State, Step
from stagecraft.jobs.process import ProcessRunner, python_command
from stagecraft.operators.encode import EncodeOperator
from stagecraft.operators.sql import SQLOperator
from stagecraft.operators.stage_group import StageGroup
from stagecraft.operators.stratified_sample import StratifiedSampleOperator
from stagecraft.stages.encodings import Fill, Hash, Index, Standardize

pytestmark = pytest.mark.spark

TOKEN = "not=to/be seen"
SECONDS = 180


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def ui() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, ui: int) -> Iterator[int]:
    """The port of a server that asks for a token; its pages are at the port ``ui``."""
    port = free_port()
    settings = {
        **spark_install.static_settings("local[2]"),
        "spark.master": "local[2]",
        "spark.ui.enabled": "true",
        "spark.ui.port": str(ui),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
    }
    options = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    kind = "org.apache.spark.sql.connect.service.SparkConnectServer"
    log = tmp_path_factory.mktemp("connect") / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                str(spark_install.spark_submit()),
                "--master",
                "local[2]",
                "--class",
                kind,
                *options,
                "spark-internal",
            ],
            env={
                **os.environ,
                **spark_install.environment(),
                "SPARK_LOCAL_IP": "127.0.0.1",
                "SPARK_CONNECT_AUTHENTICATE_TOKEN": TOKEN,
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + SECONDS
    while "Spark Connect server started" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    yield port
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def group(raw: Path, store: str, **given: Any) -> StageGroup:
    with DAG("d"), StageGroup(task_id="prepare", store_conn_id=store, **given) as made:
        rows = SQLOperator(task_id="rows", sql="SELECT *, x * 2 AS twice FROM raw", inputs={"raw": str(raw)})
        sample = StratifiedSampleOperator(
            task_id="sample", dataset=rows.dataset, strata="y", key="id", fraction=0.5
        )
        EncodeOperator(
            task_id="encode",
            fit=sample.dataset,
            columns={("x", "twice"): Fill("median") | Standardize(), "select": Index(), "b c": Hash(bits=5)},
        )
    return made


def test_a_group_has_the_same_rows_there_and_shows_no_token(
    server: int,
    tmp_path: Path,
    tries_of: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    numbers = range(400)
    rows = pa.table(
        {
            "id": numbers,
            "y": [number % 3 for number in numbers],
            "x": [None if number % 7 == 0 else number / 3 for number in numbers],
            "select": [["ü", "", None, "a\n"][number % 4] for number in numbers],
            "b c": [f"value {number % 50}" for number in numbers],
        }
    )
    pq.write_table(rows, tmp_path / "raw.parquet")
    for name in ("duckdb", "spark"):
        store = {"conn_type": "stagecraft_store", "host": str(tmp_path / name)}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(store))
    remote = {
        "conn_type": "stagecraft_spark",
        "host": f"sc://localhost:{server}",
        "login": "ada",
        "password": TOKEN,
        "extra": {"conf": {"spark.sql.shuffle.partitions": 3}},
    }
    monkeypatch.setenv("AIRFLOW_CONN_REMOTE", json.dumps(remote))
    monkeypatch.setenv("AIRFLOW_CONN_STRANGER", json.dumps({**remote, "password": "another"}))

    made = {}
    for name in ("duckdb", "spark"):
        tries = tries_of(group(tmp_path / "raw.parquet", name, engine=name, spark_conn_id="remote"))
        tries.run()
        found = {key: value for key, value in tries.xcoms.items() if key.endswith(".dataset")}
        store_ = Store(str(tmp_path / name))
        made[name] = {
            key: store_.open(Reference.model_validate(value)).table().sort_by("id")  # type: ignore[attr-defined]
            for key, value in found.items()
        }
    assert made["duckdb"].keys() == {"rows.dataset", "sample.dataset", "encode.dataset"}
    for key, table in made["duckdb"].items():
        assert made["spark"][key].equals(table), key

    assert SparkHook("remote").test_connection() == (True, f"Spark on sc://localhost:{server} answers")
    tries = tries_of(
        group(tmp_path / "raw.parquet", "spark", engine="spark", spark_conn_id="stranger", cache=False)
    )
    with pytest.raises(JobFailedError, match=f"Spark Connect server sc://localhost:{server} does not answer"):
        tries.run()
    told = capsys.readouterr().out
    assert "running on spark" in told
    assert TOKEN not in told
    assert "another" not in told
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes(), path


def test_what_the_server_does_for_a_job_ends_with_it(server: int, ui: int, tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("x\n" + "\n".join(map(str, range(20_000))))
    query = "SELECT count(*) AS n FROM t AS a, t AS b, t AS c WHERE (a.x * b.x + c.x) % 7 = 3"  # Takes hours.
    step = Step(
        name="slow",
        stage="stagecraft.stages.sql:SQL",
        parameters={"query": query, "files": {"t": str(tmp_path / "numbers.csv")}},
    )
    store = Store(str(tmp_path / "store"))
    remote = Connection(
        conn_id="s", conn_type="stagecraft_spark", host=f"sc://localhost:{server}", password=TOKEN
    )
    environment = {spark_install.REMOTE: remote_url(remote)}
    runner = ProcessRunner(store, tmp_path / "jobs", lambda given: (python_command(given)[0], environment))
    handle = runner.submit(Job(id="j", engine="spark", store=store.root, tracking="t", steps=[step]))
    _until(lambda: "RUNNING" in _jobs(ui))
    runner.kill(handle)
    assert runner.state(handle) is State.LOST
    _until(lambda: "RUNNING" not in _jobs(ui))


def _jobs(ui: int) -> list[str]:
    """The states of the server's jobs."""
    with httpx.Client(base_url=f"http://127.0.0.1:{ui}/api/v1/applications", timeout=SECONDS) as pages:
        applications = pages.get("").json()
        return [job["status"] for job in pages.get(f"/{applications[0]['id']}/jobs").json()]


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)

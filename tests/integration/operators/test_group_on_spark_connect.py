"""A group on a warm Spark Connect server: a Python process with a session there; the rows are DuckDB's."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG

from stagecraft.artifacts.artifact import Reference
from stagecraft.artifacts.store import Store
from stagecraft.engines import spark_install
from stagecraft.errors import JobFailedError
from stagecraft.hooks.spark import SparkHook
from stagecraft.operators.encode import EncodeOperator
from stagecraft.operators.sql import SQLOperator
from stagecraft.operators.stage_group import StageGroup
from stagecraft.operators.stratified_sample import StratifiedSampleOperator
from stagecraft.stages.encodings import Fill, Hash, Index, Standardize

pytestmark = pytest.mark.spark

TOKEN = "not=to/be seen"
SECONDS = 180


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server that asks for a token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    settings = {
        **spark_install.static_settings("local[2]"),
        "spark.master": "local[2]",
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

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest
from airflow.sdk import Connection

from stagecraft.errors import InvalidInputError
from stagecraft.hooks.spark import SparkHook, master_of, settings_of


@pytest.mark.parametrize(
    ("fields", "master"),
    [
        ({"host": "local[2]"}, "local[2]"),
        ({"host": "spark://head:7077"}, "spark://head:7077"),
        ({"host": "spark://head", "port": 7077}, "spark://head:7077"),
        ({"conn_type": "spark", "host": "head", "port": 7077}, "spark://head:7077"),
        ({"conn_type": "spark", "host": "yarn"}, "yarn"),
        ({"host": "k8s://https://head", "port": 6443}, "k8s://https://head:6443"),
    ],
)
def test_master(fields: dict[str, object], master: str) -> None:
    assert master_of(Connection(**{"conn_id": "s", "conn_type": "stagecraft_spark", **fields})) == master


def test_refuses_what_cannot_be_followed() -> None:
    with pytest.raises(InvalidInputError, match=r"connection s\.host: no master"):
        master_of(Connection(conn_id="s", conn_type="stagecraft_spark"))
    cluster = Connection(conn_id="s", conn_type="spark", host="yarn", extra='{"deploy-mode": "cluster"}')
    with pytest.raises(InvalidInputError, match=r"'cluster'.*client"):
        master_of(cluster)


@pytest.mark.parametrize(
    "conf", ['{"spark.a": "1", "spark.b": true}', r'"{\"spark.a\": 1, \"spark.b\": true}"']
)
def test_settings(conf: str) -> None:
    extra = f'{{"conf": {conf}, "queue": "ml"}}'
    settings = settings_of(Connection(conn_id="s", conn_type="spark", extra=extra))
    assert settings == {"spark.yarn.queue": "ml", "spark.a": "1", "spark.b": "true"}


def test_refuses_settings_that_are_no_object() -> None:
    with pytest.raises(InvalidInputError, match=r"connection s\.conf: the value 'spark.a=1'"):
        settings_of(Connection(conn_id="s", conn_type="spark", extra='{"conf": "spark.a=1"}'))


def test_command(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {
        "conn_type": "stagecraft_spark",
        "host": "local[2]",
        "extra": {"conf": {"spark.driver.memory": "2g"}},
    }
    monkeypatch.setenv("AIRFLOW_CONN_LAPTOP", json.dumps(connection))
    command, environment = SparkHook("laptop").submit_command("job.py", ["--job", "1"])
    assert Path(command[0]).name == "spark-submit"
    assert command[1:5] == ["--master", "local[2]", "--deploy-mode", "client"]
    assert command[-3:] == ["job.py", "--job", "1"]
    assert "spark.driver.memory=2g" in command
    assert "spark.driver.bindAddress=127.0.0.1" in command
    assert environment["PYSPARK_PYTHON"] == sys.executable
    assert Path(environment["JAVA_HOME"], "bin", "java").exists()


def test_connection_names_the_master_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv(
            "AIRFLOW_CONN_GONE", f'{{"conn_type": "spark", "host": "127.0.0.1", "port": {port}}}'
        )
        answered, message = SparkHook("gone").test_connection()
    assert not answered
    assert f"spark://127.0.0.1:{port} does not answer" in message


@pytest.mark.spark
def test_connection_runs_a_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LAPTOP", '{"conn_type": "stagecraft_spark", "host": "local[1]"}')
    assert SparkHook("laptop").test_connection() == (True, "Spark on local[1] answers")

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.sdk import Connection
from pyspark.sql.connect.client import DefaultChannelBuilder

from stagecraft.engines.spark_install import REMOTE
from stagecraft.engines.spark_install import SETTINGS as SPARK_SETTINGS
from stagecraft.errors import InvalidInputError
from stagecraft.hooks.spark import SparkHook, master_of, properties_file, remote_url, settings_of


@pytest.mark.parametrize(
    ("fields", "master"),
    [
        ({"host": "local[2]"}, "local[2]"),
        ({"host": "spark://head:7077"}, "spark://head:7077"),
        ({"host": "spark://head", "port": 7077}, "spark://head:7077"),
        ({"conn_type": "spark", "host": "head", "port": 7077}, "spark://head:7077"),
        ({"conn_type": "spark", "host": "yarn"}, "yarn"),
        ({"host": "k8s://https://head", "port": 6443}, "k8s://https://head:6443"),
        ({"host": "sc://head", "port": 15002}, "sc://head:15002"),
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


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ('{"spark.a": 1,\n key=s3cret}', r"text that is no JSON object \(line 2, column 2\)"),
        (["s3cret"], "JSON that is a list, no object"),
        ('"s3cret"', "JSON that is a str, no object"),
    ],
)
def test_refuses_settings_that_are_no_object_and_tells_none_of_them(conf: object, said: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"connection s\.conf: {said}") as refused:
        settings_of(Connection(conn_id="s", conn_type="spark", extra=json.dumps({"conf": conf})))
    assert "s3cret" not in str(refused.value)


SETTINGS = {
    "spark.driver.memory": "700m",
    "spark.hadoop.fs.s3a.secret.key": "se=cr:et# \\with 'all' \"of\" it, ü and 🂡",
    "spark.two lines": "a\nb",
}


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch) -> SparkHook:
    connection = {"conn_type": "stagecraft_spark", "host": "local[1]", "extra": {"conf": SETTINGS}}
    monkeypatch.setenv("AIRFLOW_CONN_LAPTOP", json.dumps(connection))
    return SparkHook("laptop")


def test_command(laptop: SparkHook) -> None:
    command, environment = laptop.submit_command("job.py", ["--job", "1"])
    assert Path(command[0]).name == "spark-submit"
    assert command[1:5] == ["--master", "local[1]", "--deploy-mode", "client"]
    assert command[-3:] == ["job.py", "--job", "1"]
    assert environment["PYSPARK_PYTHON"] == sys.executable
    assert Path(environment["JAVA_HOME"], "bin", "java").exists()


def test_no_setting_shows_on_the_command_line(laptop: SparkHook) -> None:
    """Any user of the machine reads command lines; the file is this user's alone."""
    command, _ = laptop.submit_command("job.py", [])
    assert not [word for word in command for value in SETTINGS.values() if value in word]
    path = Path(command[command.index("--properties-file") + 1])
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "spark.driver.memory=700m" in path.read_text().splitlines()
    assert "spark.driver.bindAddress=127.0.0.1" in path.read_text().splitlines()


def test_settings_files_are_shared_and_go_when_no_job_asks_for_them() -> None:
    old, new = properties_file({"spark.a": "1"}), properties_file({"spark.a": "2"})
    assert old != new
    assert properties_file({"spark.a": "1"}) == old
    os.utime(old, (0, 0))
    assert properties_file({"spark.a": "2"}) == new
    assert not old.exists()
    assert new.exists()


@pytest.mark.spark
def test_spark_reads_every_setting(
    laptop: SparkHook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spark-defaults.conf").write_text("spark.driver.memory 800m\nspark.of.default kept\n")
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    entry = tmp_path / "entry.py"
    entry.write_text(
        "import json\nfrom pyspark import SparkConf\nfrom pyspark.sql import SparkSession\n"
        "SparkSession.builder.getOrCreate()\nprint('found', json.dumps(dict(SparkConf().getAll())))\n"
    )
    command, environment = laptop.submit_command(str(entry), [])
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("found "))
    found = json.loads(line.removeprefix("found "))
    assert {name: found.get(name) for name in SETTINGS} == SETTINGS
    assert found["spark.of.default"] == "kept"


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_spark_connect_server_is_named_by_the_environment_alone(
    monkeypatch: pytest.MonkeyPatch, listening: int
) -> None:
    given = {
        "conn_type": "stagecraft_spark",
        "host": "sc://127.0.0.1",
        "port": listening,
        "login": "ada@home",
        "password": "a;b=c/d",
        "extra": {"conf": {"spark.sql.shuffle.partitions": 8}, "use_ssl": True},
    }
    monkeypatch.setenv("AIRFLOW_CONN_REMOTE", json.dumps(given))
    command, environment = SparkHook("remote").submit_command("job.py", ["--job", "1"])
    assert command == [sys.executable, "job.py", "--job", "1"]
    url = f"sc://127.0.0.1:{listening}/;user_id=ada%40home;token=a%3Bb%3Dc%2Fd;use_ssl=true"
    assert environment[REMOTE] == url
    assert json.loads(environment[SPARK_SETTINGS]) == {"spark.sql.shuffle.partitions": "8"}
    builder = DefaultChannelBuilder(url)
    assert (builder.token, builder.userId) == ("a;b=c/d", "ada@home")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"host": "sc://head:15002/;token=abc"}, r"s\.host: more than a host and a port.* the password"),
        ({"host": "sc://"}, r"s\.host: more than"),
        ({"host": "sc://head", "extra": '{"use_ssl": "yes"}'}, r"s\.use_ssl: the value 'yes'"),
    ],
)
def test_a_spark_connect_server_is_a_host_and_a_port(fields: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said) as refused:
        remote_url(Connection(conn_id="s", conn_type="stagecraft_spark", **fields))
    assert "abc" not in str(refused.value)


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

"""The connection to Spark."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from stagecraft.engines import spark_install
from stagecraft.engines.spark_install import REMOTE, SETTINGS
from stagecraft.errors import InvalidInputError, UnreachableError

if TYPE_CHECKING:
    from airflow.sdk import Connection

PROBE = Path(spark_install.__file__).with_name("spark_probe.py")
CONNECT_SECONDS = 5
PROBE_SECONDS = 120
KEPT_SECONDS = 24 * 3600
SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""Else modules beside the entry hide others of their names."""

PORTS = {"sc": 15002, "spark": 7077, "https": 443}


class SparkHook(BaseHook):
    """Starts jobs on the Spark of a ``stagecraft_spark`` connection, or of one of Airflow's type ``spark``.

    The connection's host is the master: ``local[2]``, ``spark://host:7077``, ``yarn``, ``k8s://https://…``.
    Its extra may hold ``conf`` (Spark settings, as a JSON object), ``queue`` (of YARN) and ``namespace`` (of
    Kubernetes). Jobs run in client mode, as processes of the worker: they can be followed and killed there.

    A host ``sc://host:15002`` is a Spark Connect server that runs already: a job is a Python process with a
    session there, and ``conf`` is set in that session. Login and password are the user and the token that the
    server asks for; ``use_ssl`` in the extra encrypts without a token too.

    :param spark_conn_id: the connection's name

    >>> SparkHook("my_spark").submit_command("job.py", ["--job", "1"])  # doctest: +SKIP
    (['…/bin/spark-submit', '--master', 'local[2]', …, 'job.py', '--job', '1'], {'JAVA_HOME': …})
    """

    conn_name_attr = "spark_conn_id"
    default_conn_name = "stagecraft_spark"
    conn_type = "stagecraft_spark"
    hook_name = "Stagecraft Spark"

    def __init__(self, spark_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spark_conn_id = spark_conn_id

    def submit_command(self, entry: str, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """Return the command line that runs a Python file on Spark, and what it adds to the environment.

        For a Spark Connect server that is Python's, and the environment names the server. Else the settings
        go through a file that this user alone can read: every user of the machine reads the command lines.
        What the file does not set, Spark's own ``spark-defaults.conf`` may.

        :param entry: the path of the Python file
        :param arguments: its arguments
        :raises InvalidInputError: the connection's master or settings are of no use, or the Spark
            installation is mixed of two versions
        :raises UnreachableError: no Java would do
        """
        connection = self.get_connection(self.spark_conn_id)
        master, settings = master_of(connection), settings_of(connection)
        _reach(master)
        spark_install.check()
        if is_remote(master):
            environment = {REMOTE: remote_url(connection), SETTINGS: json.dumps(settings), **SAFE_PATH}
            return [sys.executable, entry, *arguments], environment
        settings = spark_install.static_settings(master) | settings
        environment = spark_install.environment() | SAFE_PATH
        if spark_install.is_local(master):
            environment["SPARK_LOCAL_IP"] = "127.0.0.1"
        options = ["--master", master, "--deploy-mode", "client"]
        options += ["--properties-file", str(properties_file(settings)), "--load-spark-defaults"]
        return [str(spark_install.spark_submit()), *options, entry, *arguments], environment

    def test_connection(self) -> tuple[bool, str]:
        """Reach the master, then run ``SELECT 1`` as jobs are run."""
        try:
            master = master_of(self.get_connection(self.spark_conn_id))
            _probe(*self.submit_command(str(PROBE), []))
        except (AirflowNotFoundException, OSError, ValueError) as error:
            return False, str(error)
        return True, f"Spark on {master} answers"


def master_of(connection: Connection) -> str:
    """Return the master that a connection names.

    :raises InvalidInputError: it names none, or asks for another deploy mode than client
    """
    where = f"connection {connection.conn_id}"
    host = connection.host or ""
    if not host:
        raise InvalidInputError(
            f"{where}.host", "no master", "local[2], spark://host:7077, yarn, k8s://… or sc://host:15002"
        )
    mode = connection.extra_dejson.get("deploy-mode") or "client"
    if mode != "client":
        raise InvalidInputError(
            f"{where}.deploy-mode", f"the value {mode!r}", "client: a job is a process of its worker"
        )
    if connection.port and "://" not in host:  # Airflow takes spark://host:7077 for type, host and port.
        host = f"spark://{host}"
    return f"{host}:{connection.port}" if connection.port else host


def is_remote(master: str) -> bool:
    """Whether the master is a Spark Connect server."""
    return master.startswith("sc://")


def remote_url(connection: Connection) -> str:
    """Return the address of a connection's Spark Connect server as its clients take it, the token in it.

    :raises InvalidInputError: the host is more than a host and a port, or ``use_ssl`` is no truth value
    """
    where, master = f"connection {connection.conn_id}", master_of(connection).rstrip("/")
    if not re.fullmatch(r"sc://([\w.-]+|\[[\da-fA-F:]+\])(:\d+)?", master):
        raise InvalidInputError(
            f"{where}.host", "more than a host and a port", "sc://host:15002; the token is the password"
        )
    encrypted = connection.extra_dejson.get("use_ssl", False)
    if not isinstance(encrypted, bool):
        raise InvalidInputError(f"{where}.use_ssl", f"the value {encrypted!r}", "true or false")
    given = {
        "user_id": connection.login,
        "token": connection.password,
        "use_ssl": "true" if encrypted else None,
    }
    return f"{master}/" + "".join(
        f";{name}={quote(value, safe='')}" for name, value in given.items() if value
    )


def settings_of(connection: Connection) -> dict[str, str]:
    """Return the Spark settings of a connection's extra.

    :raises InvalidInputError: ``conf`` is no JSON object
    """
    extra = connection.extra_dejson
    given = extra.get("conf") or {}
    found = ""  # Never the value: it may hold secrets.
    try:
        given = json.loads(given) if isinstance(given, str) else given
    except json.JSONDecodeError as error:
        found = f"text that is no JSON object (line {error.lineno}, column {error.colno})"
    if not isinstance(given, dict):
        raise InvalidInputError(
            f"connection {connection.conn_id}.conf",
            found or f"JSON that is a {type(given).__name__}, no object",
            'a JSON object, as {"spark.executor.memory": "2g"}',
        )
    named = {"queue": "spark.yarn.queue", "namespace": "spark.kubernetes.namespace"}
    settings = {setting: extra[name] for name, setting in named.items() if extra.get(name)}
    return settings | {name: _text(value) for name, value in given.items()}


def properties_file(settings: Mapping[str, str]) -> Path:
    """Write Spark settings below ``AIRFLOW_HOME``, readable by this user alone; return the file's path.

    The file's name is a hash of its content: jobs of equal settings share it. A job reads it when it starts,
    so files that no job asked for in the last day are removed.
    """
    from airflow.configuration import AIRFLOW_HOME

    content = "".join(f"{_escaped(name)}={_escaped(value)}\n" for name, value in settings.items()).encode()
    folder = Path(AIRFLOW_HOME) / "stagecraft-spark"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=folder)  # Its mode is 0600.
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    path = folder / f"{hashlib.sha256(content).hexdigest()[:32]}.conf"
    os.replace(draft, path)
    for other in folder.iterdir():
        with suppress(FileNotFoundError):
            if other.stat().st_mtime < time.time() - KEPT_SECONDS:
                other.unlink()
    return path


def _escaped(text: str) -> str:
    """Return a name or value as a properties file of Java holds it: what may end it early as ``\\uXXXX``."""
    return re.sub(r"[^\w./-]", _code_units, text, flags=re.ASCII)


def _code_units(found: re.Match[str]) -> str:
    return re.sub("(....)", r"\\u\1", found[0].encode("utf-16-be").hex())


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reach(master: str) -> None:
    """Connect to one of the master's addresses, where it has any."""
    if not master.startswith(("spark://", "k8s://", "sc://")):
        return
    failures = []
    for part in master.removeprefix("k8s://").split(","):
        address = urlsplit(part if "://" in part else f"//{part}")
        port = address.port or PORTS.get(address.scheme, PORTS["spark"])
        try:
            socket.create_connection((address.hostname, port), CONNECT_SECONDS).close()
        except OSError as error:
            failures.append(f"{address.hostname}:{port}: {error}")
        else:
            return
    raise UnreachableError(
        f"Spark's master {master} does not answer ({'; '.join(failures)}); what would do: "
        "a master that runs, and a network that lets this machine reach it"
    )


def _probe(command: list[str], environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise UnreachableError(f"Spark gave no answer within {PROBE_SECONDS} s") from error
    if process.returncode:
        lines = [line for line in output.splitlines() if line.strip()]
        raise UnreachableError(f"Spark failed: {' / '.join(lines[-3:])}")

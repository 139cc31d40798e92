"""A real Airflow on this machine's loopback: SQLite, LocalExecutor, and nothing left behind."""

from __future__ import annotations

import base64
import configparser
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import psutil

from stagecraft.demo.client import AirflowClient, AirflowError
from stagecraft.demo.processes import Processes, tail

PARTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


def free_port() -> int:
    """Return a port of the loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class LocalAirflow(AirflowClient):
    """Airflow's api-server, scheduler, dag-processor and triggerer, as children of this process.

    They end with :meth:`stop`, and with this process however it ends. The home keeps the database, the logs
    and the secrets (readable by this user only), so that a second start finds the runs of the first.

    :param home: becomes AIRFLOW_HOME
    :param dags_folder: the folder of the DAG files
    :param port: of the UI and the REST API; where None the last start's, or any free one
    :param env: more environment variables: connections as ``AIRFLOW_CONN_…``, settings as ``AIRFLOW__…``
    :param parallelism: how many tasks run at once
    :param schedules: whether DAGs run on their schedules too, or only when triggered
    :param users: ``"admin:admin,vera:viewer"``, names with roles; where None everyone is
        admin, without a login
    :param heartbeat_timeout: seconds after which a task whose worker fell silent is retried
    :raises AirflowError: a part dies, or Airflow is not healthy in time

    >>> with LocalAirflow(Path("/tmp/home"), Path("dags")) as airflow:  # doctest: +SKIP
    ...     airflow.unpause("example")
    ...     airflow.wait("example", airflow.trigger("example", {}), timeout=60)
    'success'
    """

    def __init__(
        self,
        home: Path,
        dags_folder: Path,
        *,
        port: int | None = None,
        env: Mapping[str, str] | None = None,
        parallelism: int = 4,
        schedules: bool = False,
        users: str | None = None,
        heartbeat_timeout: int = 300,
    ) -> None:
        super().__init__(home, users=users)
        self.dags_folder = Path(dags_folder).absolute()
        self.parallelism, self.heartbeat_timeout = parallelism, heartbeat_timeout
        self.schedules = schedules
        self._given_port = port
        self._env = dict(env or {})
        self._processes: Processes | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- life ------------------------------------------------------------------------------------------

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of Airflow's processes; the ``airflow`` command works in it too."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")}
        bin_folder = str(Path(sys.executable).parent)
        return kept | {
            "AIRFLOW_HOME": str(self.home),
            "PATH": os.pathsep.join([bin_folder, os.environ.get("PATH", os.defpath)]),
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            **self._env,
        }

    def start(self, timeout: float = 300) -> None:
        """Start what is not running, and wait until Airflow reports every part healthy.

        :param timeout: seconds to wait
        :raises AirflowError: a part dies (with the end of its log), or the time is up
        """
        if self._processes is not None:
            return
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        self._write_config()
        self._migrate()
        commands = {name: [sys.executable, "-m", "airflow", *part] for name, part in PARTS.items()}
        self._processes = Processes(commands, logs=self.logs, env=self.environment)
        self._processes.start()
        try:
            self.wait_healthy(timeout)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process of this Airflow, and whatever its tasks started."""
        if self._processes is not None:
            self._processes.stop()
            self._processes = None

    def processes(self) -> list[psutil.Process]:
        """Every living process of this Airflow, those of its tasks included."""
        return self._processes.alive() if self._processes else []

    def check_alive(self) -> None:
        """Refuse to go on where a part has died.

        :raises DiedError: with the part's name and the end of its log
        """
        if self._processes is None:
            raise AirflowError("this Airflow is not running; call start()")
        self._processes.check()

    def _write_config(self) -> None:
        """Write airflow.cfg, keeping the last start's secrets, and its port where that is free."""
        kept = self.config

        def keep(section: str, option: str, make: Any) -> str:
            return kept.get(section, option, fallback="") or str(make())

        port = self._given_port or int(keep("api", "port", free_port))
        if self._given_port is None and not is_free(port):
            port = free_port()
        url = f"http://127.0.0.1:{port}"
        quick = min(10, max(1, self.heartbeat_timeout // 4))
        settings: dict[str, dict[str, object]] = {
            "core": {
                "dags_folder": self.dags_folder,
                "plugins_folder": self.home / "plugins",
                "executor": "LocalExecutor",
                "parallelism": self.parallelism,
                "load_examples": False,
                "test_connection": "Enabled",
                "fernet_key": keep(
                    "core", "fernet_key", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
                ),
                "execution_api_server_url": f"{url}/execution/",
                "simple_auth_manager_all_admins": self.users is None,
                "simple_auth_manager_users": self.users or "admin:admin",
            },
            "database": {
                "sql_alchemy_conn": f"sqlite:///{self.home / 'airflow.db'}",
                "sql_alchemy_connect_args": "stagecraft.demo.sqlite.CONNECT_ARGS",
                "sql_alchemy_connect_args_async": "stagecraft.demo.sqlite.CONNECT_ARGS",
            },
            "logging": {"base_log_folder": self.logs, "colored_console_log": False},
            "api": {
                "host": "127.0.0.1",
                "port": port,
                "base_url": url,
                "workers": 1,
                "secret_key": keep("api", "secret_key", lambda: secrets.token_hex(32)),
            },
            "api_auth": {"jwt_secret": keep("api_auth", "jwt_secret", lambda: secrets.token_hex(64))},
            "scheduler": {
                "use_job_schedule": self.schedules,
                "scheduler_idle_sleep_time": 0.5,
                "task_instance_heartbeat_timeout": self.heartbeat_timeout,
                "task_instance_heartbeat_timeout_detection_interval": quick,
            },
            "workers": {"min_heartbeat_interval": min(5, quick)},
            "dag_processor": {
                "parsing_processes": 1,
                "refresh_interval": 10,
                "min_file_process_interval": 60,
                "dag_processor_child_process_log_directory": self.logs / "dag_processor",
            },
        }
        config = configparser.RawConfigParser()
        config.read_dict(
            {section: {k: str(v) for k, v in values.items()} for section, values in settings.items()}
        )
        descriptor = os.open(self.home / "airflow.cfg", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w") as file:
            config.write(file)

    def _migrate(self) -> None:
        log = self.logs / "migrate.log"
        with log.open("wb") as output:
            status = subprocess.run(
                [sys.executable, "-m", "airflow", "db", "migrate"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                check=False,
            ).returncode
        if status:
            raise AirflowError(
                f"the database of {self.home} cannot be prepared; the end of {log}:\n{tail(log)}"
            )

"""The prediction service of the demo: a process beside Airflow, on the loopback interface."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from stagecraft.demo.airflow import free_port, is_free
from stagecraft.demo.client import RestError, request
from stagecraft.demo.processes import DiedError, Processes, tail

NAME = "serving"


class PredictionService:
    """``python -m stagecraft.serving``, kept running; its manifest, token and port outlive it.

    :param home: its folder
    :param store_root: the artifact store that models are loaded from
    :param workers: processes that answer

    >>> service = PredictionService(Path("/tmp/serving"), "/tmp/store")  # doctest: +SKIP
    >>> service.start(), service.wait_ready(), service.stop()  # doctest: +SKIP
    """

    def __init__(self, home: Path, store_root: str, *, workers: int = 2) -> None:
        self.home, self.store_root, self.workers = Path(home).absolute(), store_root, workers
        self._processes: Processes | None = None

    @property
    def token_file(self) -> Path:
        """What holds the management token, readable by this user alone."""
        return self.home / "token"

    @property
    def token(self) -> str:
        """The management token, made at the first call."""
        with contextlib.suppress(FileExistsError):
            self.home.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
        return self.token_file.read_text()

    @property
    def port(self) -> int:
        return int((self.home / "port").read_text())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def choose_port(self) -> int:
        """Keep the last start's port where it is free, else take any."""
        file = self.home / "port"
        self.home.mkdir(parents=True, exist_ok=True)
        if not (file.exists() and is_free(self.port)):
            file.write_text(str(free_port()))
        return self.port

    def start(self) -> None:
        """Start it, without waiting."""
        options = {
            "--root": self.home,
            "--store-root": self.store_root,
            "--host": "127.0.0.1",
            "--port": self.choose_port(),
            "--workers": self.workers,
        }
        arguments = [str(word) for option in options.items() for word in option]
        self._processes = Processes(
            {NAME: [sys.executable, "-m", "stagecraft.serving", *arguments]},
            logs=self.home / "logs",
            env={**os.environ, "STAGECRAFT_SERVING_TOKEN": self.token},
        )
        self._processes.start()

    def wait_ready(self, timeout: float = 300) -> None:
        """Wait until every worker answers.

        :param timeout: seconds
        :raises DiedError: it died, or the time is up
        """
        deadline = time.monotonic() + timeout
        found: Any = "not started"
        while self._processes is not None and time.monotonic() < deadline:
            self._processes.check()
            try:
                found = request(f"{self.url}/status")
                if len(found["workers"]) >= self.workers:
                    return
            except (OSError, RestError) as error:
                found = error
            time.sleep(0.3)
        log = self.home / "logs" / f"{NAME}.log"
        raise DiedError(f"the prediction service at {self.url} is not ready: {found}\n{tail(log)}")

    def stop(self) -> None:
        if self._processes is not None:
            self._processes.stop()
            self._processes = None

    def processes(self) -> list[psutil.Process]:
        """Every living process of the service."""
        return self._processes.alive() if self._processes else []

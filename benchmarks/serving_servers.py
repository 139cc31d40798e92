"""Servers as processes: started, waited for, and what their CPU comes to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psutil

PEERS = Path(__file__).parent / "peers"
START_SECONDS = 240


@dataclass
class Server:
    """A server that answers on a port, with the processes that are its own."""

    port: int
    process: psutil.Popen

    def cpu(self) -> float:
        """The CPU seconds that its processes took so far."""
        return sum(times.user + times.system for times in self._times())

    def memory(self) -> int:
        """The bytes that its processes hold."""
        return sum(each.memory_info().rss for each in self._tree())

    def _times(self) -> Iterator[psutil._common.pcputimes]:
        for each in self._tree():
            try:
                yield each.cpu_times()
            except psutil.NoSuchProcess:
                continue

    def _tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def served(
    command: list[str],
    folder: Path,
    ready: str,
    *,
    port: int | None = None,
    python: str = sys.executable,
    **env: str,
) -> Iterator[Server]:
    """Start a server, wait until it answers ``ready``, and end it and all its processes afterwards.

    :param command: its arguments after the interpreter; ``{port}`` stands for the port
    """
    port = port or free_port()
    arguments = [part.replace("{port}", str(port)) for part in command]
    log_path = folder / f"server-{port}.log"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with open(log_path, "wb") as log:
        process = psutil.Popen(
            [python, *arguments],
            env={**environment, **env},
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}{ready}", log_path)
        yield Server(port, process)
    finally:
        children = process.children(recursive=True) if process.is_running() else []
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
        for each in psutil.wait_procs([process, *children], timeout=30)[1]:
            each.kill()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait(process: psutil.Popen, url: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"no answer from {url}: {log.read_text()[-3000:]}")

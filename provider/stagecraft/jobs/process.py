"""Jobs as processes of this machine, in sessions of their own, so that they outlive who started them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from stagecraft.artifacts.store import Store
from stagecraft.errors import JobFailedError
from stagecraft.jobs.job import Job, Result, State
from stagecraft.jobs.lock import JobLock
from stagecraft.jobs.run import STORAGE_OPTIONS_VARIABLE
from stagecraft.jobs.runner import Handle, Runner

LEADER, WORKER = "leader.json", "worker.json"
"""Where the first process of a job's session, and the one that runs the stages, are noted."""

TERM_SECONDS = 2.0
"""Below the time that Airflow leaves a task that it ends."""

KILL_SECONDS = 10.0

DEFAULTS = {"OPENBLAS_NUM_THREADS": "1"}
"""What a job's process has in its environment unless the task's says otherwise.

NumPy's and SciPy's BLAS start threads that spin while they wait for each other: half a second of CPU a job,
and no stage multiplies large matrices.
"""

Command = Callable[[list[str]], tuple[list[str], Mapping[str, str]]]
"""Makes the arguments of ``stagecraft.jobs`` a command line, with what it adds to the environment."""


def python_command(arguments: list[str]) -> tuple[list[str], Mapping[str, str]]:
    return [sys.executable, "-m", "stagecraft.jobs", *arguments], {}


class ProcessRunner(Runner):
    """Runs a job as a process in a session of its own.

    :param store: the artifact store
    :param folder: a local folder for locks, logs and process numbers
    :param command: how the process is started; ``spark-submit`` in place of Python, for one
    """

    def __init__(self, store: Store, folder: Path, command: Command = python_command) -> None:
        self.store, self.folder, self.command = store, folder, command

    def submit(self, job: Job) -> Handle:
        handle = {"host": socket.gethostname(), "job": job.id, "digest": job.digest, "offset": 0}
        own = self._own(handle)
        own.mkdir(parents=True, exist_ok=True)
        digest = own / "digest"
        if self._alive(own):
            if digest.exists() and digest.read_text() == job.digest:
                return handle
            self.kill(handle)
        job.save(self.store)
        digest.write_text(job.digest)
        log = own / "log"
        handle["offset"] = log.stat().st_size if log.exists() else 0
        argv, environment = self.command(
            [
                f"--store={self.store.root}",
                f"--job={job.id}",
                f"--digest={job.digest}",
                f"--lock={own / 'lock'}",
            ]
        )
        options = {STORAGE_OPTIONS_VARIABLE: json.dumps(self.store.storage_options)}
        # A Ray cluster is a matter of the connection; this machine's own variable would choose one unseen.
        inherited = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        with log.open("ab") as output:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**DEFAULTS, **inherited, "PYTHONUNBUFFERED": "1", **options, **environment},
                start_new_session=True,
            )
        record(own / LEADER, process.pid)
        return handle

    def state(self, handle: Handle) -> State:
        if handle["host"] == socket.gethostname() and self._alive(self._own(handle)):
            return State.RUNNING
        if result := Result.load(self.store, handle["job"], handle["digest"]):
            return result.state
        self._require_host(handle)
        return State.LOST

    def read_log(self, handle: Handle, offset: int) -> tuple[str, int]:
        path = self._own(handle) / "log"
        if not path.exists():
            return "", offset
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
        whole = data if self.state(handle) is not State.RUNNING else data[: data.rfind(b"\n") + 1]
        return whole.decode(errors="replace"), offset + len(whole)

    def kill(self, handle: Handle) -> None:
        self._require_host(handle)
        import psutil

        own = self._own(handle)
        family = _family(own)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in family:
                _signal(process, number)
            _, family = psutil.wait_procs(family, timeout=TERM_SECONDS)
        deadline = time.monotonic() + KILL_SECONDS
        while self._alive(own):
            if time.monotonic() > deadline:
                raise JobFailedError(f"job {handle['job']} does not end; its files are in {own}")
            time.sleep(0.05)

    def _own(self, handle: Handle) -> Path:
        return self.folder / str(handle["job"])

    def _alive(self, own: Path) -> bool:
        return _recorded(own / LEADER) is not None or JobLock(own / "lock").held()

    def _require_host(self, handle: Handle) -> None:
        if handle["host"] != socket.gethostname():
            raise JobFailedError(
                f"job {handle['job']} was started on the worker {handle['host']!r}, and this is "
                f"{socket.gethostname()!r}; what would do: a queue that keeps every try on one worker"
            )


def record(path: Path, pid: int) -> None:
    """Note a process of a job, for whoever wants to end it later."""
    import psutil

    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return
    scratch = path.with_suffix(f".{os.getpid()}.tmp")
    scratch.write_text(json.dumps({"pid": pid, "started": started}))
    scratch.replace(path)


def _recorded(path: Path) -> Any:
    """Return the process that was noted, while it lives."""
    import psutil

    try:
        noted = json.loads(path.read_text())
        process = psutil.Process(noted["pid"])
        if process.create_time() != noted["started"] or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None
    return process


def _family(own: Path) -> list[Any]:
    """Return the living processes of a job: what was noted, its descendants, and its session."""
    import psutil

    heads = [process for name in (LEADER, WORKER) if (process := _recorded(own / name))]
    sessions = {os.getsid(process.pid) for process in heads}
    family = {process.pid: process for process in heads}
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(process.pid) in sessions:
                family[process.pid] = process
    for head in heads:
        with suppress(psutil.NoSuchProcess):
            family |= {process.pid: process for process in head.children(recursive=True)}
    return list(family.values())


def _signal(process: Any, number: signal.Signals) -> None:
    import psutil

    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return

"""Keeps a group of processes, and leaves none behind.

Run as ``python -m stagecraft.demo.keeper '{"name": {"command": ["..."], "log": "path"}}'``. The processes
live as long as the keeper's standard input is open, so they end with whoever started the keeper, however
that ends. Where one of them dies first, the keeper prints its name and ends the others.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import TypedDict

import psutil

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE = 4.0  # seconds between TERM and KILL


class Part(TypedDict):
    """A process to keep: its command, and the file that takes its output."""

    command: list[str]
    log: str


def prctl(option: int, value: int) -> None:
    """Set a process attribute; Linux alone has it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def launch(part: Part) -> subprocess.Popen[bytes]:
    with open(part["log"], "ab") as log:
        return subprocess.Popen(
            part["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
        )


def first_death(parts: dict[str, subprocess.Popen[bytes]]) -> str | None:
    """Wait until standard input closes (None) or a process ends (its name), reaping adopted orphans."""
    names = {process.pid: name for name, process in parts.items()}
    while True:
        if select.select([sys.stdin], [], [], 0.2)[0] and not os.read(sys.stdin.fileno(), 1024):
            return None
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in names:
                parts[names[ended.si_pid]].wait()
                return names[ended.si_pid]
            os.waitpid(ended.si_pid, 0)


def end_all(parts: dict[str, subprocess.Popen[bytes]]) -> None:
    """TERM the parts; then KILL whatever is below this process, adopted orphans too."""
    for stop in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(stop, signal.SIG_IGN)
    for process in parts.values():
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(process.poll() is None for process in parts.values()):
        time.sleep(0.05)
    while children := psutil.Process().children(recursive=True):
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(children, timeout=1)


def main() -> None:
    """Keep the processes of the command line's JSON."""
    parts: dict[str, Part] = json.loads(sys.argv[1])
    os.umask(0o077)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    for stop in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(stop, lambda *_: sys.exit(0))
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, part in parts.items():
            running[name] = launch(part)
        if dead := first_death(running):
            print(json.dumps({"part": dead, "status": running[dead].returncode}), flush=True)
    finally:
        end_all(running)


if __name__ == "__main__":
    main()

"""What a command, or a piece of this process, costs: CPU seconds of all its processes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import psutil

INTERVAL = 0.05


class Cost(NamedTuple):
    """:param cpu: seconds, user and system, of the whole tree of processes
    :param wall: seconds
    :param peak: bytes of memory, the sum of the processes' resident sets at its largest
    """

    cpu: float
    wall: float
    peak: int


def cost_of(command: list[str], environment: dict[str, str] | None = None) -> Cost:
    """Run a command to its end.

    :raises RuntimeError: it failed; the message holds the end of what it printed
    """
    given = {**os.environ, **(environment or {})}
    began = time.monotonic()
    process = psutil.Popen(
        command,
        env={name: value for name, value in given.items() if name != "PYTHONDONTWRITEBYTECODE"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    used: dict[tuple[int, float], float] = {}
    peak = 0
    output = _Reader(process)
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        peak = max(peak, look(process, used))
        time.sleep(INTERVAL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)  # Else its own wait would miss it.
    text = output.text()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{text[-3000:]}")
    return Cost(max(sum(used.values()), usage.ru_utime + usage.ru_stime), wall, peak)


def tree_cpu() -> float:
    """Return the CPU seconds of this process and of all that it started."""
    total = 0.0
    own = psutil.Process()
    for process in [own, *own.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def in_process(work: Callable[[], Any]) -> Cost:
    """Run a function of this process, whose helpers (a JVM, its Python workers) live on."""
    cpu, began = tree_cpu(), time.monotonic()
    work()
    return Cost(tree_cpu() - cpu, time.monotonic() - began, 0)


def look(process: psutil.Process, used: dict[tuple[int, float], float]) -> int:
    """Note each process's CPU seconds so far; return the memory of all."""
    memory = 0
    try:
        tree = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for each in tree:
        try:
            with each.oneshot():
                times = each.cpu_times()
                used[each.pid, each.create_time()] = times.user + times.system
                memory += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return memory


class _Reader:
    """Takes what a process prints, so that it never waits for a reader."""

    def __init__(self, process: Any) -> None:
        import threading

        self._parts: list[str] = []
        self._thread = threading.Thread(target=lambda: self._parts.extend(process.stdout), daemon=True)
        self._thread.start()

    def text(self) -> str:
        self._thread.join(5)
        return "".join(self._parts)

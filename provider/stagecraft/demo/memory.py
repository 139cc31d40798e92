"""How much memory a group of processes takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Self

import psutil


def memory(processes: Iterable[psutil.Process]) -> int:
    """Return the bytes that processes take together; what they share counts once.

    Linux tells each one's part of shared pages (PSS); elsewhere pages of its own (USS) are summed.
    """
    total = 0
    for process in processes:
        try:
            info = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        total += getattr(info, "pss", info.uss)
    return total


class PeakMemory:
    """Samples the memory of processes in a thread, and keeps the peak.

    :param processes: returns those to look at now
    :param interval: seconds between two looks

    >>> with PeakMemory(lambda: [psutil.Process()]) as peak:
    ...     pass
    >>> peak.bytes > 0
    True
    """

    def __init__(self, processes: Callable[[], list[psutil.Process]], interval: float = 1.0) -> None:
        self._processes, self._interval = processes, interval
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self.bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.bytes = max(self.bytes, memory(self._processes()))
            if self._end.wait(self._interval):
                return

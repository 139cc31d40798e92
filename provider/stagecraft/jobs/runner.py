"""What a runner is: a place where jobs run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from stagecraft.jobs.job import Job, State

Handle = dict[str, Any]
"""What finds a submitted job again, from any process: JSON, without secrets."""


class Runner(ABC):
    """Submits jobs and follows them, from any process: not only from the one that submitted."""

    @abstractmethod
    def submit(self, job: Job) -> Handle:
        """Start the job, or attach to it where it runs already."""

    @abstractmethod
    def state(self, handle: Handle) -> State:
        """Where the job stands."""

    @abstractmethod
    def read_log(self, handle: Handle, offset: int) -> tuple[str, int]:
        """Return the whole lines that the job has logged from ``offset`` on, and the next offset."""

    @abstractmethod
    def kill(self, handle: Handle) -> None:
        """End the job and everything that it started."""

    def follow(self, handle: Handle, *, interval: float = 0.5) -> Iterator[str]:
        """Yield the job's log lines as they come, until it has ended."""
        import time

        offset = handle.get("offset", 0)
        while True:
            ended = self.state(handle) is not State.RUNNING
            text, offset = self.read_log(handle, offset)
            yield from text.splitlines()
            if ended:
                return
            time.sleep(interval)

"""What a runner is: a place where jobs run."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

from stagecraft.jobs.job import Job, State

log = logging.getLogger(__name__)

Handle = dict[str, Any]
"""What finds a submitted job again, from any process: JSON, without secrets."""

PATIENCE_SECONDS = 120.0


class Look(NamedTuple):
    """What one look at a job shows.

    :param text: the whole lines that it has logged since the look before
    :param offset: where the next look goes on
    """

    state: State
    text: str
    offset: int


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

    def look(self, handle: Handle, offset: int) -> Look:
        """Return the job's state and its new log lines; a job that has ended has logged all of them."""
        state = self.state(handle)
        return Look(state, *self.read_log(handle, offset))

    def follow(self, handle: Handle, *, interval: float = 0.5) -> Iterator[str]:
        """Yield the job's log lines as they come, until it has ended.

        :param interval: seconds between two looks
        :raises OSError: no look has succeeded for two minutes
        """
        watch = Watch(self, handle)
        while True:
            seen = watch.look()
            yield from seen.text.splitlines()
            if seen.state is not State.RUNNING:
                return
            time.sleep(interval)


class Watch:
    """Looks at a job again and again, and bears with a cluster or store that does not answer for a while."""

    def __init__(self, runner: Runner, handle: Handle) -> None:
        self._runner, self._handle = runner, handle
        self._offset: int = handle.get("offset", 0)
        self._failing_since: float | None = None

    def look(self) -> Look:
        """Return what has come since the last look.

        :raises OSError: no look has succeeded for two minutes
        """
        try:
            seen = self._runner.look(self._handle, self._offset)
        except OSError as error:
            now = time.monotonic()
            if self._failing_since is None:
                self._failing_since = now
                log.warning("The job cannot be seen just now: %s", error)
            if now - self._failing_since > PATIENCE_SECONDS:
                raise
            return Look(State.RUNNING, "", self._offset)
        self._failing_since, self._offset = None, seen.offset
        return seen

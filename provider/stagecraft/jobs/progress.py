"""Which step of a job runs: told in its log lines and in its tracking."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stagecraft.stages.base import Workbench
    from stagecraft.tracking.writer import Tracker


class StepState(IntEnum):
    """Where a step stands; tracked as ``<step>/state``."""

    WAITING = 0
    RUNNING = 1
    DONE = 2
    REUSED = 3
    FAILED = 4


class Progress:
    """Tells the steps of a job apart; of a job that has one step it tells nothing.

    :param tracker: the job's
    :param names: the steps' names, in their order
    """

    def __init__(self, tracker: Tracker, names: Sequence[str]) -> None:
        self._tracker, self._names = tracker, names
        if len(names) > 1:
            for name in names:
                self._tell(name, StepState.WAITING)

    def tracker(self, name: str) -> Tracker:
        """Return what a step tracks with: its own scope."""
        return self._tracker.scoped(name) if len(self._names) > 1 else self._tracker

    @contextmanager
    def step(self, name: str, bench: Workbench) -> Iterator[None]:
        """Tell that a step runs, and how it ends; log lines within name it, as does an error."""
        if len(self._names) == 1:
            yield
            return
        self._tell(name, StepState.RUNNING)
        try:
            with _named_log(name):
                yield
        except BaseException as error:
            error.add_note(f"step {name}")
            self._tell(name, StepState.FAILED)
            raise
        self._tell(name, StepState.REUSED if bench.reused else StepState.DONE)

    def _tell(self, name: str, state: StepState) -> None:
        self.tracker(name).log(self._names.index(name), state=state)


@contextmanager
def _named_log(name: str) -> Iterator[None]:
    """Begin every log line with a name, whichever thread writes it."""
    before = logging.getLogRecordFactory()

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        record.msg = f"[{name}] {record.msg}"
        return record

    logging.setLogRecordFactory(make)
    try:
        yield
    finally:
        logging.setLogRecordFactory(before)

"""Following a job bears with a cluster that does not answer for a while."""

from __future__ import annotations

from typing import Any

import pytest

from stagecraft.errors import UnreachableError
from stagecraft.jobs import runner as module
from stagecraft.jobs.job import Job, State
from stagecraft.jobs.runner import Handle, Runner


class Flaky(Runner):
    """Answers every other time; ends after three answers."""

    def __init__(self, answers: int) -> None:
        self.looks, self.answers = 0, answers

    def submit(self, job: Job) -> Handle:
        raise NotImplementedError

    def state(self, handle: Handle) -> State:
        self.looks += 1
        if self.looks % 2 or not self.answers:
            raise UnreachableError("no answer")
        return State.SUCCEEDED if self.looks >= 2 * self.answers else State.RUNNING

    def read_log(self, handle: Handle, offset: int) -> tuple[str, int]:
        return f"line {offset}\n", offset + 1

    def kill(self, handle: Handle) -> None:
        raise NotImplementedError


def test_no_line_is_lost_or_doubled() -> None:
    assert list(Flaky(3).follow({}, interval=0)) == ["line 0", "line 1", "line 2"]


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Any = iter(range(0, 1000, 50))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    flaky = Flaky(0)
    with pytest.raises(UnreachableError):
        list(flaky.follow({}, interval=0))
    assert flaky.looks == 4

"""Rules that stop a trial early, by what trials report on their way."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Stopping(BaseModel):
    """Which trials are stopped early, where the trainer reports steps.

    ``asha``: at every rung (``first`` steps, ``eta`` times as many, …) a trial goes on only among the best
    one in ``eta`` of those that came to it. ``hyperband``: the same in several brackets, whose first rungs
    lie ``eta`` times further each, so that slow starters have their chance. ``median``: a trial stops at a
    rung where it is worse than the median of those that came to it.

    :param first: steps before the first decision
    :param eta: how many times further the next rung lies
    :param brackets: how many brackets ``hyperband`` has

    Source: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020; Li et al.,
    Hyperband, JMLR 18, 2018; Golovin et al., Google Vizier, KDD 2017.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["asha", "hyperband", "median"] = "asha"
    first: int = Field(default=1, ge=1)
    eta: int = Field(default=3, ge=2)
    brackets: int = Field(default=3, ge=1, le=8)


class Stopper:
    """Decides as reports come in, whatever their order.

    >>> stopper = Stopper(Stopping(first=2, eta=2))
    >>> [stopper.stops(number, step, loss) for number, loss in enumerate([0.3, 0.2, 0.5]) for step in (1, 2)]
    [False, False, False, False, False, True]
    """

    def __init__(self, stopping: Stopping) -> None:
        self.stopping = stopping
        self._rungs: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)

    def stops(self, number: int, step: float, loss: float) -> bool:
        """Take in a report; return whether the trial is to stop.

        :param number: the trial's
        :param loss: at this step, the lower the better; not finite where it has none
        """
        if not math.isfinite(loss):
            return True
        bracket = number % self.stopping.brackets if self.stopping.rule == "hyperband" else 0
        rung = self._rung(bracket, step)
        if rung is None:
            return False
        reached = self._rungs[bracket, rung]
        if number in reached:
            return False
        reached[number] = loss
        others = sorted(reached.values())
        if self.stopping.rule == "median":
            return loss > others[(len(others) - 1) // 2] if len(others) > 2 else False
        return len(others) >= self.stopping.eta and loss > others[len(others) // self.stopping.eta - 1]

    def _rung(self, bracket: int, step: float) -> int | None:
        """Return the last rung that a trial has come to."""
        first = self.stopping.first * self.stopping.eta**bracket
        if step < first:
            return None
        return int(math.log(step / first, self.stopping.eta) + 1e-9)

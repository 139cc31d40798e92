"""Rules that stop a trial early, by what trials report on their way."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import defaultdict
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from stagecraft.errors import InvalidInputError

SINCE = 1.5
"""A curve's slope is taken since this many times fewer steps."""


class Stopping(BaseModel):
    """Which trials are stopped early, where the trainer reports steps.

    ``asha``: at every rung (``first`` steps, ``eta`` times as many, …) a trial goes on only among the best
    one in ``eta`` of those that came to it. ``hyperband``: the same in several brackets, whose first rungs
    lie ``eta`` times further each, so that slow starters have their chance. ``median``: a trial stops at a
    rung where it is worse than the median of those that came to it. ``extrapolation``: a trial stops where
    it would end no better than the best so far even if every further half of its steps gained as much as the
    last one; curves flatten, so what is stopped could hardly have become the best. It takes the number of
    steps that a trial would come to, from a study that names the parameter.

    :param first: steps before the first decision
    :param eta: how many times further the next rung lies
    :param brackets: how many brackets ``hyperband`` has

    Source: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020; Li et al.,
    Hyperband, JMLR 18, 2018; Golovin et al., Google Vizier, KDD 2017; Domhan et al., Speeding Up Automatic
    Hyperparameter Optimization by Extrapolation of Learning Curves, IJCAI 2015; here by a line over the
    logarithm of the steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["asha", "hyperband", "median", "extrapolation"] = "asha"
    first: int = Field(default=1, ge=1)
    eta: int = Field(default=3, ge=2)
    brackets: int = Field(default=3, ge=1, le=8)

    def check(self, steps: str | None) -> None:
        """Refuse a rule for a study that lacks what it asks for.

        :param steps: the parameter that says how many steps trials report, or None
        :raises InvalidInputError: the rule must know it
        """
        if self.rule == "extrapolation" and steps is None:
            found = "extrapolation, where nothing says how many steps a trial would come to"
            raise InvalidInputError("sweep.stopping", found, "steps, the parameter that counts them, or asha")


class Stopper(ABC):
    """Decides as reports come in."""

    @abstractmethod
    def stops(self, number: int, step: float, loss: float) -> bool:
        """Take in a report; return whether the trial is to stop.

        :param number: the trial's
        :param loss: at this step, the lower the better; not finite where it has none
        """


class Rungs(Stopper):
    """Compares trials at rungs, in whatever order they come there.

    >>> stopper = stopper_of(Stopping(first=2, eta=2))
    >>> [stopper.stops(number, step, loss) for number, loss in enumerate([0.3, 0.2, 0.5]) for step in (1, 2)]
    [False, False, False, False, False, True]
    """

    def __init__(self, stopping: Stopping) -> None:
        self.stopping = stopping
        self._rungs: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)

    def stops(self, number: int, step: float, loss: float) -> bool:
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


class Extrapolation(Stopper):
    """Compares where a trial's curve leads with the best that any trial has come to.

    :param total: how many steps a trial may come to

    >>> stopper = stopper_of(Stopping(rule="extrapolation"), total=8)
    >>> [stopper.stops(0, step, 1 / step) for step in (1, 2, 4, 8)]
    [False, False, False, False]
    >>> [stopper.stops(1, step, 1 + 1 / step) for step in (1, 2, 4, 8)]
    [False, False, True, True]
    """

    def __init__(self, stopping: Stopping, total: float) -> None:
        self.stopping, self.total = stopping, total
        self._curves: dict[int, list[tuple[float, float]]] = defaultdict(list)
        self._best = math.inf

    def stops(self, number: int, step: float, loss: float) -> bool:
        if not math.isfinite(loss):
            return True
        curve = self._curves[number]
        if curve and step <= curve[-1][0]:
            curve.clear()  # It was interrupted, and has begun again.
        earlier = bisect_right(curve, (step / SINCE, math.inf))
        curve.append((step, loss))
        self._best = min(self._best, loss)
        if step < self.stopping.first or not earlier or len(self._curves) == 1:
            return False
        before, was = curve[earlier - 1]
        fall = max(was - loss, 0.0) / math.log(step / before)
        return loss - fall * math.log(self.total / step) >= self._best


def stopper_of(stopping: Stopping, total: float = math.inf) -> Stopper:
    """Return what decides by a rule.

    :param total: how many steps a trial may come to; infinite where that is unknown
    """
    return Extrapolation(stopping, total) if stopping.rule == "extrapolation" else Rungs(stopping)

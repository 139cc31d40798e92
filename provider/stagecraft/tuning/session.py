"""One sweep's work on a study, whatever runs its trials."""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from stagecraft.tuning.attempt import Attempt, Limits, Objective, Outcome, seed_of
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.handover import Handovers
from stagecraft.tuning.live import Live
from stagecraft.tuning.settle import settle
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Cause, Trial

FAILURES, UNTOLD = 10, 2
"""After so many trials a sweep ends where all of them have failed, or told no metric."""
MOST_KEPT = 0.1
"""How much of a budget of wall time is kept at most for what comes after the trials."""


@dataclass
class Session:
    """What the runners share.

    :param scratch: holds a folder for each trial that runs
    :param on_trial: called after each trial's end
    :param live: is told of each trial
    :param parallel: trials at a time at most, whatever the study says
    :param ending: seconds that Ray takes to end, about; they are the budget's too
    :param reports: the actor that says which trials are to stop, or None
    :param ended: why no trial is asked for any more, or None
    """

    study: Study
    objective: Objective
    budget: Budget
    limits: Limits
    scratch: Path
    on_trial: Callable[[Trial], None]
    live: Live
    parallel: float = math.inf
    ending: float = 0.0
    reports: Any = None
    ended: str | None = field(default=None, init=False)

    def ask(self) -> Trial | None:
        """Hand out the next trial; None where the budget is used up, or the next one waits for another."""
        self.ended = self.budget.used_up(self.study, self.wall)
        settled = self.study.settled
        if len(settled) >= UNTOLD and all(trial.cause is Cause.NO_METRIC for trial in settled):
            self.ended = "the trainer does not return the metric"
        if len(settled) >= FAILURES and len(self.study.failed) == len(settled):
            self.ended = f"the first {len(settled)} trials have all failed"
        trial = None if self.ended else self.study.ask(self.budget.trials)
        if trial is not None:
            self.live.asked(trial)
        return trial

    def settle(self, trial: Trial, outcome: Outcome | None, seconds: float) -> None:
        """Record how a trial ended.

        :param outcome: what its process handed back, or None where it died
        :param seconds: how long it ran, where it died
        """
        if outcome is not None and outcome.message is None:
            self.handovers.check(trial)
        settled = settle(self.study, trial, outcome, self.folder(trial), seconds)
        shutil.rmtree(self.checkpoint(trial), ignore_errors=True)
        self.handovers.tidy(settled)
        self.live.ended(settled)
        self.on_trial(settled)

    @property
    def width(self) -> int:
        """How many trials run at a time."""
        return int(min(self.study.spec.concurrency, self.parallel))

    @property
    def wall(self) -> float:
        """Seconds that the study will have taken if it ends now."""
        return self.study.wall + min(self.ending, MOST_KEPT * (self.budget.wall_seconds or 0.0))

    @property
    def left(self) -> float:
        """Seconds until running trials are ended."""
        usual = statistics.median([trial.seconds for trial in self.study.settled] or [0.0])
        deadline = self.budget.deadline(usual)
        return math.inf if deadline is None else deadline - self.wall

    def folder(self, trial: Trial) -> Path:
        return self.scratch / "trials" / trial.name

    def checkpoint(self, trial: Trial) -> Path:
        """Where a trial keeps what the next attempt goes on from; in a local store it stays."""
        return self._checkpoints / trial.name

    def attempt(self, trial: Trial) -> Attempt:
        seed = seed_of(self.study.spec.seed, trial.number)
        handover = self.handovers.of(trial)
        return Attempt(trial.number, seed, self.folder(trial), self.checkpoint(trial), handover)

    @cached_property
    def handovers(self) -> Handovers:
        return Handovers(self.study)

    def close(self) -> None:
        """Remove the folder of checkpoints, unless a trial was interrupted."""
        with suppress(OSError):
            self._checkpoints.rmdir()

    @cached_property
    def _checkpoints(self) -> Path:
        store = self.study.store
        # A member of a population begins again at its parent's checkpoint, so that it ends where it should.
        if not store.is_local or self.study.spec.population is not None:
            return self.scratch / "checkpoints"
        return Path(store.strip(store.uri("checkpoints", self.study.folder)))

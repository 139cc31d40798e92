"""One sweep's work on a study, whatever runs its trials."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stagecraft.tuning.attempt import Attempt, Limits, Objective, seed_of
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.live import Live
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Trial

FAILURES = 10


@dataclass
class Session:
    """What the runners share.

    :param scratch: holds a folder for each trial that runs
    :param on_trial: called after each trial's end
    :param live: is told of each trial
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
    reports: Any = None
    ended: str | None = field(default=None, init=False)

    def ask(self) -> Trial | None:
        """Hand out the next trial; None where the budget is used up, or the next one waits for another."""
        self.ended = self.budget.used_up(self.study, self.study.wall)
        settled = self.study.settled
        if len(settled) >= FAILURES and len(self.study.failed) == len(settled):
            self.ended = f"the first {len(settled)} trials have all failed"
        trial = None if self.ended else self.study.ask(self.budget.trials)
        if trial is not None:
            self.live.asked(trial)
        return trial

    def settled(self, trial: Trial) -> None:
        """Hand on that a trial has ended, and was recorded."""
        self.live.ended(trial)
        self.on_trial(trial)

    @property
    def left(self) -> float:
        """Seconds until running trials are ended."""
        usual = statistics.median([trial.seconds for trial in self.study.settled] or [0.0])
        deadline = self.budget.deadline(usual)
        return math.inf if deadline is None else deadline - self.study.wall

    def folder(self, trial: Trial) -> Path:
        return self.scratch / "trials" / trial.name

    def attempt(self, trial: Trial) -> Attempt:
        return Attempt(trial.number, seed_of(self.study.spec.seed, trial.number), self.folder(trial))

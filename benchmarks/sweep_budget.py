"""Sweeps under a budget of wall time, on real rows, Ray's start and end included."""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sweep_tables import split, table
from sweep_trial import SPACE, Trainer

from stagecraft.artifacts.store import Store
from stagecraft.errors import JobFailedError
from stagecraft.tuning.attempt import Attempt
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.run import Runner, run_trials
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study

ROWS = 8_000
KINDS: dict[str, tuple[Runner, int]] = {
    "short trials": ("tasks", 1),
    "long trials": ("tasks", 10),
    "short trials on Ray Tune": ("tune", 1),
    "long trials on Ray Tune": ("tune", 10),
}
"""What runs the trials, and how many times each of them trains."""


class Overrun(NamedTuple):
    """:param wall: seconds of the whole sweep
    :param trials: how many ended
    :param usual: seconds of a usual trial
    :param longest: of the longest one that ended
    :param share: the time beyond the budget and a usual trial, as a share of the budget
    """

    wall: float
    trials: int
    usual: float
    longest: float
    share: float


def overrun(folder: Path, seconds: float, runner: Runner, times: int) -> Overrun:
    """Sweep until the budget is used up."""
    parts = split(table(folder, "adult"), 0, ROWS, ROWS)

    def objective(parameters: dict[str, Any], attempt: Attempt) -> dict[str, float]:
        trainer = Trainer(parts)
        return {"auc": statistics.mean(trainer(parameters).validation for _ in range(times))}

    spec = StudySpec(space=dict(SPACE.dimensions), objectives={"auc": "maximize"}, concurrency=2)
    with tempfile.TemporaryDirectory() as name:
        study = Study(Store(name), "studies/budget", spec)
        began = time.monotonic()
        with suppress(JobFailedError):  # On a machine that is busy none may have finished.
            run_trials(study, objective, budget=Budget(wall_seconds=seconds), runner=runner)
        wall = time.monotonic() - began
    taken = [trial.seconds for trial in study.settled] or [0.0]
    usual = statistics.median(taken)
    beyond = max(wall - seconds - usual, 0.0) / seconds
    return Overrun(wall, len(study.settled), usual, max(taken), beyond)

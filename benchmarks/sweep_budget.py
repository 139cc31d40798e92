"""A sweep under a budget of wall time, on real rows."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sweep_tables import split, table
from sweep_trial import SPACE, Trainer

from stagecraft.artifacts.store import Store
from stagecraft.jobs.ray_session import ray_session
from stagecraft.tuning.attempt import Attempt
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.run import run_trials
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study

ROWS = 8_000


def overrun(folder: Path, seconds: float) -> dict[str, float]:
    """Sweep until the budget is used up, on a Ray that runs already.

    :returns: ``overrun``: the time beyond the budget and the longest trial, as a share of the budget
    """
    parts = split(table(folder, "adult"), 0, ROWS)

    def objective(parameters: dict[str, Any], attempt: Attempt) -> dict[str, float]:
        return {"auc": Trainer(parts)(parameters).validation}

    spec = StudySpec(space=dict(SPACE.dimensions), objectives={"auc": "maximize"}, concurrency=2)
    with tempfile.TemporaryDirectory() as name, ray_session(num_cpus=2):
        study = Study(Store(name), "studies/budget", spec)
        began = time.monotonic()
        run_trials(study, objective, budget=Budget(wall_seconds=seconds))
        wall = time.monotonic() - began
    times = [trial.seconds for trial in study.settled]
    return {
        "wall s": wall,
        "trials": len(times),
        "a usual trial, s": statistics.median(times),
        "overrun": max(wall - seconds - max(times), 0.0) / seconds,
    }

"""What a study tells while it runs, for whoever looks at its task."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from stagecraft.tuning.importance import FEWEST, importance
from stagecraft.tuning.thinned import thinned
from stagecraft.tuning.trial import Trial, TrialState

if TYPE_CHECKING:
    from stagecraft.tracking.writer import Tracker
    from stagecraft.tuning.budget import Budget
    from stagecraft.tuning.study import Study

POINTS = 25
LONGEST = 300
PAUSE = 0.5
GROWTH, SHARE = 1.1, 0.04
FIRST = 1.0  # Seconds, to load what computes importance.


class Live:
    """Tracks a study as it goes: the values ``best_<metric>`` and ``progress``, and records.

    The records are ``sweep`` (what is searched, how far it may go, why it ended; the stage adds ``test``, the
    metrics of the last training), ``trial`` (as it begins, as it ends, and points of its curve between),
    ``round``, and ``importance``: anew for a tenth more trials, as long as that takes a twenty-fifth of the
    time, and at the end. A trial's records are laid over each other. Numbers are rounded to six digits and
    curves thinned to 25 points: the study has them whole.

    :param tracker: the stage's
    :param budget: of the study in all
    """

    def __init__(self, tracker: Tracker, study: Study, budget: Budget) -> None:
        self.tracker, self.study, self.budget = tracker, study, budget
        self._best: Trial | None = None
        self._settled = self._finished = self._rounds = 0
        self._weighed, self._next = 0, time.monotonic() + FIRST / SHARE
        self._spent = {"cpu_seconds": 0.0, "cost": 0.0}

    def begin(self) -> None:
        """Tell the study as it is: an earlier task, or an earlier try of this one, may have worked on it."""
        spec, tried = self.study.spec, self.study.first(self.budget.trials)
        limits = self.budget.model_dump(exclude_none=True)
        self.tracker.record(
            "sweep",
            {
                **spec.model_dump(mode="json", include={"objectives", "space", "searcher", "seed"}),
                "study": self.study.folder,
                "notes": self.study.notes,
                "budget": limits | {"trials": self.study.limit(self.budget.trials)},
                "wall": round(self.study.wall, 3),
                "ended": None,
            },
        )
        self._tell_rounds()
        for trial in tried.trials:
            self.tracker.record("trial", trial_record(trial))
            if trial.state is not TrialState.RUNNING:
                self._count(trial)
        self._tell_values()

    def asked(self, trial: Trial) -> None:
        """Tell that a trial begins."""
        self._tell_rounds()
        self.tracker.record("trial", trial_record(trial))

    def ended(self, trial: Trial) -> None:
        """Tell what came of a trial."""
        told = trial_record(trial)
        if self.study.spec.steps is None:
            del told["parameters"]  # Said when it began.
        self.tracker.record("trial", told)
        self._count(trial)
        self._tell_values()
        if time.monotonic() >= self._next:
            self._tell_importance(GROWTH)

    def end(self, why: str) -> None:
        """Tell that no more trials come."""
        self._tell_importance()
        self.tracker.record("sweep", {"ended": why, "wall": round(self.study.wall, 3)})

    def _count(self, trial: Trial) -> None:
        losses = self.study.spec.losses
        self._settled += 1
        self._spent["cpu_seconds"] += trial.cpu
        self._spent["cost"] += trial.metrics.get("cost", 0.0)
        if trial.state is TrialState.FINISHED:
            self._finished += 1
            if self._best is None or losses(trial.metrics) < losses(self._best.metrics):
                self._best = trial

    def _tell_values(self) -> None:
        metric = self.study.spec.metric
        used = self._spent | {"trials": self._settled, "wall_seconds": self.study.wall}
        limits = self.budget.model_dump(exclude_none=True) | {"trials": self.study.limit(self.budget.trials)}
        values = {"progress": min(1.0, max(used[name] / limit for name, limit in limits.items()))}
        if self._best is not None:
            values[f"best_{metric}"] = self._best.metrics[metric]
        self.tracker.log(self._settled, **values)

    def _tell_importance(self, growth: float = 1.0) -> None:
        enough = self._finished >= max(FEWEST, growth * self._weighed) and self._finished > self._weighed
        if not (self.tracker.writes and enough):
            return
        import sklearn.ensemble  # noqa: F401 - loading it is no part of what it costs

        began = time.monotonic()
        tried = self.study.first(self.budget.trials)
        shares = {
            name: {each: _rounded(share) for each, share in importance(tried, name).items()}
            for name in self.study.spec.objectives
        }
        self.tracker.record("importance", {"trials": self._finished, "objectives": shares})
        self._weighed, self._next = self._finished, time.monotonic() + (time.monotonic() - began) / SHARE

    def _tell_rounds(self) -> None:
        for turned in self.study.rounds[self._rounds :]:
            self.tracker.record("round", turned.model_dump(mode="json"))
        self._rounds = len(self.study.rounds)


class Steps:
    """Tells how far a running trial has come, twice a second at most."""

    def __init__(self, tracker: Tracker, number: int) -> None:
        self.tracker, self.number = tracker, number
        self._told = -math.inf

    def __call__(self, step: float, value: float) -> None:
        now = time.monotonic()
        if now - self._told >= PAUSE and math.isfinite(step) and math.isfinite(value):
            self._told = now
            self.tracker.record("trial", {"number": self.number, "point": [_rounded(step), _rounded(value)]})


def trial_record(trial: Trial) -> dict[str, Any]:
    """Return what a page shows of a trial."""
    told = trial.model_dump(mode="json", exclude_defaults=True) | {"state": trial.state.value}
    told["parameters"] = {name: _rounded(value) for name, value in trial.parameters.items()}
    for name, value in told.items():
        if isinstance(value, float) and name != "ended":
            told[name] = _rounded(value)
    if trial.metrics:
        told["metrics"] = {name: _rounded(value) for name, value in trial.metrics.items()}
    if trial.curve:
        told["curve"] = [[_rounded(step), _rounded(value)] for step, value in thinned(trial.curve, POINTS)]
    if trial.message:
        told["message"] = trial.message[:LONGEST]
    return told


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value

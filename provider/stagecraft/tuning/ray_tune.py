"""A study on Ray Tune: the face that Tune sees, and the process that runs trials."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray import tune
from ray.tune.search import Searcher
from ray.tune.stopper import Stopper

from stagecraft.tuning.attempt import Attempt, run
from stagecraft.tuning.live import Steps
from stagecraft.tuning.ray_health import check_ray
from stagecraft.tuning.trial import Trial

if TYPE_CHECKING:
    from stagecraft.tuning.session import Session

OUTCOME = "outcome"
LATE = 0.3  # Seconds after the deadline, so that a trial that it ends is known to be interrupted.
SHUTDOWN_SECONDS = 2.0  # Seconds that Tune waits for its actors at the end.
SETTINGS = {
    # The study records the trials: Tune's own loggers and snapshots cost most of its time a trial.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}


class StudySearcher(Searcher):  # type: ignore[misc]
    """Hands a study's trials to Tune, and their ends back to the study."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.running: dict[str, tuple[Trial, float]] = {}
        self.error: Exception | None = None

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self.error is not None:
            return str(Searcher.FINISHED)
        try:
            trial = self.session.ask()
        except Exception as error:  # noqa: BLE001 - Tune would wrap it: it ends the sweep in run_on_tune
            self.error = error
            return str(Searcher.FINISHED)
        if trial is None:
            waits = self.running and not self.session.ended
            return None if waits else str(Searcher.FINISHED)
        self.running[trial_id] = trial, time.monotonic()
        given = {"parameters": trial.parameters, "attempt": self.session.attempt(trial)}
        return given | {"left": self.session.left + LATE}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        trial, began = self.running.pop(trial_id)
        outcome = (result or {}).get(OUTCOME)
        if outcome is None and self.session.left <= 0:
            return  # Tune has ended it: it was interrupted.
        try:
            if outcome is None:
                check_ray()
            self.session.settle(trial, outcome, time.monotonic() - began)
        except Exception as failure:  # noqa: BLE001 - as above
            self.error = failure

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study is saved already."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the study is restored when it is opened."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing either: Tune writes its searcher down before it starts."""
        return {}


class Deadline(Stopper):  # type: ignore[misc]
    """Ends everything once the budget's wall time is over, whatever usual trials take by then."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.session.left <= 0

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune writes it down, and never reads it."""
        return {}


class Runner(tune.Trainable):  # type: ignore[misc]
    """One process that runs trial after trial."""

    def setup(
        self, config: dict[str, Any], objective: Any, metric: str, limits: Any, reports: Any, tracker: Any
    ) -> None:
        self.given, self.tracker, self.config_now = (objective, metric, limits, reports), tracker, config

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.config_now = new_config
        return True

    def step(self) -> dict[str, Any]:
        objective, metric, limits, reports = self.given
        attempt: Attempt = self.config_now["attempt"]
        attempt.tells = Steps(self.tracker, attempt.number)
        if reports is not None:
            attempt.stops = lambda *report: bool(ray.get(reports.stops.remote(*report)))
        # Tune would wait for five seconds before it ends a trial that is at work.
        limits = limits.within(self.config_now["left"])
        outcome = run(objective, self.config_now["parameters"], attempt, metric, limits)
        return {OUTCOME: outcome, "done": True}


def run_on_tune(session: Session, scratch: Path) -> None:
    """Run the study's remaining trials on the Ray that is connected.

    :param scratch: a folder for Tune's own files
    """
    study, limits = session.study, session.limits
    session.ending += SHUTDOWN_SECONDS
    os.environ.update(SETTINGS)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    searcher = StudySearcher(session)
    given = {"objective": session.objective, "metric": study.spec.metric, "limits": limits}
    runner = tune.with_parameters(Runner, **given, reports=session.reports, tracker=session.live.tracker)
    tune.Tuner(
        tune.with_resources(runner, tune.PlacementGroupFactory([{"CPU": limits.cpus}])),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            num_samples=study.remaining(session.budget.trials),
            max_concurrent_trials=session.width,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="sweep",
            stop=Deadline(session),
            storage_path=str(scratch / "tune"),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
        ),
    ).fit()
    if searcher.error is not None:
        raise searcher.error

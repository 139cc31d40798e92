"""A study on Ray Tune: the face that Tune sees, and the process that runs trials."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Trial
from stagecraft.tuning.trials import Objective, Outcome, attempt, settle

OUTCOME = "outcome"
SETTINGS = {
    # The study records the trials: Tune's own loggers and snapshots cost most of its time a trial.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}


class StudySearcher(Searcher):  # type: ignore[misc]
    """Hands a study's trials to Tune, and their ends back to the study.

    :param trials: how many the study shall have in all
    :param on_trial: called after each trial's end
    """

    def __init__(self, study: Study, trials: int, on_trial: Callable[[Trial], None]) -> None:
        super().__init__()
        self.study, self.trials, self.on_trial = study, trials, on_trial
        self.running: dict[str, tuple[Trial, float]] = {}
        self.error: Exception | None = None

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self.error is not None:
            return str(Searcher.FINISHED)
        try:
            trial = self.study.ask(self.trials)
        except Exception as error:  # noqa: BLE001 - Tune would wrap it: it ends the sweep in run_on_tune
            self.error = error
            return str(Searcher.FINISHED)
        if trial is None:
            return None if self.running else str(Searcher.FINISHED)
        self.running[trial_id] = trial, time.monotonic()
        return {"parameters": trial.parameters}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        trial, begun = self.running.pop(trial_id)
        try:
            self.on_trial(settle(self.study, trial, (result or {}).get(OUTCOME), time.monotonic() - begun))
        except Exception as failure:  # noqa: BLE001 - as above
            self.error = failure

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study is saved already."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the study is restored when it is opened."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing either: Tune writes its searcher down before it starts."""
        return {}


class Runner(tune.Trainable):  # type: ignore[misc]
    """One process that runs trial after trial."""

    def setup(self, config: dict[str, Any], objective: Objective) -> None:
        self.objective, self.parameters = objective, config["parameters"]

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.parameters = new_config["parameters"]
        return True

    def step(self) -> dict[str, Any]:
        outcome: Outcome = attempt(self.objective, self.parameters)
        return {OUTCOME: outcome, "done": True}


def run_on_tune(
    study: Study, objective: Objective, trials: int, scratch: Path, on_trial: Callable[[Trial], None]
) -> None:
    """Run the study's remaining trials on the Ray that is connected.

    :param scratch: a folder for Tune's own files
    """
    os.environ.update(SETTINGS)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    searcher = StudySearcher(study, trials, on_trial)
    tune.Tuner(
        tune.with_resources(tune.with_parameters(Runner, objective=objective), {"cpu": 1}),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            num_samples=study.remaining(trials),
            max_concurrent_trials=study.spec.concurrency,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="sweep",
            storage_path=str(scratch / "tune"),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
        ),
    ).fit()
    if searcher.error is not None:
        raise searcher.error

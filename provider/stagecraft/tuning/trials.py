"""Running a study's trials on Ray Tune."""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagecraft.errors import JobFailedError
from stagecraft.jobs.ray_session import ray_session
from stagecraft.tuning.space import Parameters
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Trial, TrialState

log = logging.getLogger(__name__)

Objective = Callable[[Parameters], Mapping[str, Any]]
"""Runs one trial: parameters → metrics by their names. It is copied to the trials' processes once."""

OUTCOME = "outcome"
SETTINGS = {
    # The study records the trials: Tune's own loggers and snapshots cost most of its time a trial.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}


@dataclass(frozen=True)
class Outcome:
    """What a trial's process hands back.

    :param message: what it raised, or None
    """

    metrics: dict[str, Any]
    seconds: float
    message: str | None = None
    trace: str | None = None


def run_trials(
    study: Study,
    objective: Objective,
    *,
    trials: int,
    address: str | None = None,
    on_trial: Callable[[Trial], None] | None = None,
) -> Trial:
    """Run a study up to ``trials`` trials; return the best one.

    A trial that raises, dies, or returns no finite metric has failed, with a message; the sweep goes on.

    :param trials: how many the study shall have in all, those of earlier runs among them
    :param address: a Ray cluster's, or None for a Ray of this process
    :param on_trial: called after each trial's end
    :raises JobFailedError: no trial finished; the message holds the first trial's error
    :raises UnreachableError: no Ray
    """
    if study.remaining(trials):
        cpus = min(study.spec.concurrency, len(os.sched_getaffinity(0)))
        os.environ.update(SETTINGS)
        with ray_session(cpus, address=address) as scratch:
            _tune(study, objective, trials, scratch, on_trial or (lambda trial: None))
    best = study.best
    if best is None:
        first = study.failed[0]
        raise JobFailedError(
            f"none of the {len(study.trials)} trials finished; {first.name} with {first.parameters} "
            f"failed: {first.message}"
        )
    return best


def _tune(
    study: Study, objective: Objective, trials: int, scratch: Path, on_trial: Callable[[Trial], None]
) -> None:
    from ray import tune
    from ray.tune.search import Searcher

    class Adapter(Searcher):  # type: ignore[misc]
        """Tune's face of a study."""

        def __init__(self) -> None:
            super().__init__()
            self.running: dict[str, tuple[Trial, float]] = {}
            self.error: Exception | None = None

        def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
            try:
                trial = study.ask(trials) if self.error is None else None
            except Exception as failure:  # noqa: BLE001 - as below
                trial, self.error = None, failure
            if trial is not None:
                self.running[trial_id] = trial, time.monotonic()
                return {"parameters": trial.parameters}
            return None if self.running and self.error is None else str(Searcher.FINISHED)

        def on_trial_complete(
            self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
        ) -> None:
            trial, begun = self.running.pop(trial_id)
            try:
                settled = _settle(study, trial, (result or {}).get(OUTCOME), time.monotonic() - begun)
                on_trial(settled)
            except Exception as failure:  # noqa: BLE001 - Tune would swallow it: it ends the sweep below
                self.error = failure

        def save(self, checkpoint_path: str) -> None:
            """Nothing: the study is saved already."""

        def restore(self, checkpoint_path: str) -> None:
            """Nothing: the study is restored when it is opened."""

    class Runner(tune.Trainable):  # type: ignore[misc]
        """One process that runs trial after trial."""

        def setup(self, config: dict[str, Any], objective: Objective) -> None:
            self.objective, self.parameters = objective, config["parameters"]

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.parameters = new_config["parameters"]
            return True

        def step(self) -> dict[str, Any]:
            return {OUTCOME: attempt(self.objective, self.parameters), "done": True}

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    adapter = Adapter()
    tune.Tuner(
        tune.with_resources(tune.with_parameters(Runner, objective=objective), {"cpu": 1}),
        tune_config=tune.TuneConfig(
            search_alg=adapter,
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
    if adapter.error is not None:
        raise adapter.error


def attempt(objective: Objective, parameters: Parameters) -> Outcome:
    """Run one trial in its process; return its metrics, or what it raised."""
    begun = time.monotonic()
    try:
        metrics = dict(objective(dict(parameters)))
    except Exception as error:  # noqa: BLE001 - whatever a trial raises ends that trial alone
        message = f"{type(error).__name__}: {error}"
        return Outcome({}, time.monotonic() - begun, message, traceback.format_exc())
    return Outcome(metrics, time.monotonic() - begun)


def _settle(study: Study, trial: Trial, outcome: Outcome | None, seconds: float) -> Trial:
    if outcome is None:
        settled = study.fail(trial, "the trial's process died", seconds=seconds)
    elif outcome.message is not None:
        log.warning("%s", outcome.trace)
        settled = study.fail(trial, outcome.message, seconds=outcome.seconds)
    else:
        settled = study.finish(trial, outcome.metrics, seconds=outcome.seconds)
    if settled.state is TrialState.FAILED:
        log.warning("%s failed with %s: %s", trial.name, trial.parameters, settled.message)
    else:
        log.info("%s: %s with %s", trial.name, settled.metrics, trial.parameters)
    return settled

"""Running a study's trials."""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stagecraft.errors import JobFailedError
from stagecraft.jobs.ray_session import ray_session
from stagecraft.tuning.space import Parameters
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Trial, TrialState

log = logging.getLogger(__name__)

Objective = Callable[[Parameters], Mapping[str, Any]]
"""Runs one trial: parameters → metrics by their names. It is copied to the trials' processes once."""


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
    """Run a study up to ``trials`` trials on Ray Tune; return the best one of them.

    A trial that raises, dies, or returns no finite metric has failed, with a message; the sweep goes on.

    :param trials: how many the study shall have in all, those of earlier runs among them
    :param address: a Ray cluster's, or None for a Ray of this process
    :param on_trial: called after each trial's end
    :raises JobFailedError: no trial finished; the message holds the first trial's error
    :raises UnreachableError: no Ray
    """
    if study.remaining(trials):
        cpus = min(study.spec.concurrency, len(os.sched_getaffinity(0)))
        with ray_session(cpus, address=address) as scratch:
            from stagecraft.tuning.ray_tune import run_on_tune

            run_on_tune(study, objective, trials, scratch, on_trial or (lambda trial: None))
    tried = study.first(trials)
    best = tried.best
    if best is None:
        first = tried.failed[0]
        raise JobFailedError(
            f"none of the {len(tried.trials)} trials finished; {first.name} with {first.parameters} "
            f"failed: {first.message}"
        )
    return best


def attempt(objective: Objective, parameters: Parameters) -> Outcome:
    """Run one trial in its process; return its metrics, or what it raised."""
    begun = time.monotonic()
    try:
        metrics = dict(objective(dict(parameters)))
    except Exception as error:  # noqa: BLE001 - whatever a trial raises ends that trial alone
        message = f"{type(error).__name__}: {error}"
        return Outcome({}, time.monotonic() - begun, message, traceback.format_exc())
    return Outcome(metrics, time.monotonic() - begun)


def settle(study: Study, trial: Trial, outcome: Outcome | None, seconds: float) -> Trial:
    """Record how a trial ended.

    :param outcome: what its process handed back, or None where it died
    """
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

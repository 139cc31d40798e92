"""From a trial's outcome to its record."""

from __future__ import annotations

import logging
from pathlib import Path

from stagecraft.tuning.attempt import Outcome, verdict
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Trial, TrialState

log = logging.getLogger(__name__)


def settle(study: Study, trial: Trial, outcome: Outcome | None, folder: Path, seconds: float) -> Trial:
    """Record how a trial ended.

    :param outcome: what its process handed back, or None where it died
    :param folder: the trial's own
    :param seconds: how long it ran, where it died
    """
    if outcome is None:
        cause, message = verdict(folder)
        settled = study.fail(trial, cause, message, seconds=seconds, cpu=seconds)
    elif outcome.message is not None:
        if outcome.trace:
            log.warning("%s", outcome.trace)
        settled = study.fail(trial, outcome.cause, outcome.message, seconds=outcome.seconds, cpu=outcome.cpu)
    else:
        settled = study.finish(
            trial,
            outcome.metrics,
            seconds=outcome.seconds,
            cpu=outcome.cpu,
            curve=outcome.curve,
            said=outcome.said,
            stopped=outcome.stopped,
        )
    if settled.state is TrialState.FAILED:
        log.warning("%s failed with %s: %s", trial.name, trial.parameters, settled.message)
    else:
        log.info("%s %s: %s with %s", trial.name, settled.state, settled.metrics, trial.parameters)
    return settled

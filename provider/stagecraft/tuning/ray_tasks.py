"""A study as a plain loop of Ray tasks: some milliseconds a trial."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stagecraft.tuning.attempt import Attempt, Limits, Objective, Outcome, run, verdict
from stagecraft.tuning.live import Steps
from stagecraft.tuning.ray_health import check_ray
from stagecraft.tuning.space import Parameters
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.stopping import Stopper
from stagecraft.tuning.trial import Cause, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from stagecraft.tuning.session import Session

POLL = 1.0


def run_on_tasks(session: Session, going: Callable[[], bool]) -> None:
    """Run trials until the budget is used up, or until ``going`` says no and what runs has ended."""
    import ray

    study, limits = session.study, session.limits
    trainer = ray.put((session.objective, session.live.tracker))
    task = ray.remote(_trial).options(num_cpus=limits.cpus, max_retries=0)
    running: dict[Any, tuple[Trial, float]] = {}
    while True:
        while going() and len(running) < session.width and (trial := session.ask()) is not None:
            order = (trial.parameters, session.attempt(trial), study.spec.metric, limits, session.reports)
            running[task.remote([trainer], *order)] = trial, time.monotonic()
        if not running:
            return
        ready, _ = ray.wait(list(running), timeout=min(POLL, max(session.left, 0.01)))
        for reference in ready:
            trial, began = running.pop(reference)
            session.settle(trial, _outcome(reference), time.monotonic() - began)
        if session.left <= 0:
            for reference in running:
                ray.cancel(reference, force=True)
            return


def run_alone(
    objective: Objective, parameters: Parameters, attempt: Attempt, metric: str, limits: Limits
) -> Outcome:
    """Run one trial that is no study's, in a process of Ray's own."""
    import ray

    task = ray.remote(run).options(num_cpus=limits.cpus, max_retries=0)
    outcome = _outcome(task.remote(objective, parameters, attempt, metric, limits))
    if outcome is None:
        cause, message = verdict(attempt.folder)
        return Outcome({}, 0.0, 0.0, [], message=message, cause=cause)
    return outcome


def _outcome(reference: Any) -> Outcome | None:
    """Return what a trial handed back, or None where its process died.

    :raises UnreachableError: Ray itself died; the trial was interrupted
    """
    import ray
    from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

    try:
        outcome: Outcome = ray.get(reference)
    except OutOfMemoryError as error:
        return Outcome({}, 0.0, 0.0, [], message=str(error).split("\n")[0], cause=Cause.MEMORY)
    except RayTaskError as error:
        return Outcome({}, 0.0, 0.0, [], message=str(error.cause), trace=str(error))
    except RayError:
        check_ray()
        return None
    return outcome


def _trial(
    trainer: list[Any], parameters: Any, attempt: Attempt, metric: str, limits: Any, reports: Any
) -> Outcome:
    import ray

    objective, tracker = _fetched(trainer[0])
    attempt.tells = Steps(tracker, attempt.number)
    if reports is not None:
        attempt.stops = lambda *report: bool(ray.get(reports.stops.remote(*report)))
    return run(objective, parameters, attempt, metric, limits)


@lru_cache(maxsize=1)
def _fetched(trainer: Any) -> Any:
    """Each process takes the trainer once."""
    import ray

    return ray.get(trainer)


class Reports:
    """An actor that takes in what trials report, and says which are to stop.

    :param trials: what was reported before
    """

    def __init__(self, stopper: Stopper, spec: StudySpec, trials: Sequence[Trial]) -> None:
        self.stopper, self.spec = stopper, spec
        for trial in trials:
            for step, value in trial.curve:
                self.stops(trial.number, step, value)

    def stops(self, number: int, step: float, value: float) -> bool:
        return self.stopper.stops(number, step, value if self.spec.direction == "minimize" else -value)

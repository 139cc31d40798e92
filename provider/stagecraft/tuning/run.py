"""Running a study's trials on Ray."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from stagecraft.errors import InvalidInputError, JobFailedError
from stagecraft.jobs.ray_session import ray_session
from stagecraft.tracking.writer import Tracker
from stagecraft.tuning.attempt import Limits, Objective
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.live import Live
from stagecraft.tuning.ray_health import GROWTH, await_room
from stagecraft.tuning.session import Session
from stagecraft.tuning.stopping import Stopping
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Trial

HEAVY = 30.0
SHUTDOWN_SHARE = 0.25
"""How long a Ray takes to end, as a share of its start: both take longer on a busy machine."""

Runner = Literal["auto", "tasks", "tune"]


def run_trials(
    study: Study,
    objective: Objective,
    *,
    budget: Budget,
    limits: Limits | None = None,
    stopping: Stopping | None = None,
    runner: Runner = "auto",
    helpers: int = 0,
    address: str | None = None,
    on_trial: Callable[[Trial], None] | None = None,
    tracker: Tracker | None = None,
) -> Trial:
    """Run a study until its budget is used up; return the best of its trials.

    A trial that raises, dies, takes more than it may, or returns no finite metric has failed, with a message;
    the sweep goes on, unless its first ten trials have all failed.

    :param budget: of the study in all, earlier runs among it
    :param limits: of each trial
    :param stopping: which trials end early, where the objective reports steps; by ``extrapolation`` where
        None is given, and the study names the steps
    :param runner: ``tasks`` (a loop of Ray tasks, some milliseconds a trial), ``tune`` (Ray Tune), or
        ``auto``: tasks, and Ray Tune once a usual trial has taken more than half a minute
    :param helpers: cores of Ray that a trial takes beside its own, for actors that it starts
    :param address: a Ray cluster's, or None for a Ray of this process
    :param on_trial: called after each trial's end
    :param tracker: takes every trial as it comes, as :class:`~stagecraft.tuning.live.Live` says
    :raises InvalidInputError: the study has a population, and the objective keeps no checkpoints, or trials
        are to be stopped early
    :raises JobFailedError: no trial finished; the message holds the first trial's error
    :raises UnreachableError: no Ray, or no node of it has the cores that a trial takes
    """
    limits = limits or Limits()
    if stopping is not None and study.spec.population is not None:
        raise InvalidInputError(
            "sweep.stopping", f"{stopping.rule} beside a population", "none: its worst go on from its best"
        )
    if stopping is None and study.spec.steps is not None:
        stopping = Stopping(rule="extrapolation")
    if stopping is not None:
        stopping.check(study.spec.steps)
    live = Live(tracker or Tracker.nowhere(), study, budget)
    live.begin()
    ended = budget.used_up(study, study.wall)
    if study.remaining(budget.trials) and not ended:
        study.begin()
        began = time.monotonic()
        with sweep_session(study.spec.concurrency, limits, helpers, address) as (scratch, parallel):
            ending = SHUTDOWN_SHARE * (time.monotonic() - began)
            session = Session(
                study, objective, budget, limits, scratch, on_trial or (lambda trial: None), live
            )
            await_room(limits.cpus, min(GROWTH, session.left))
            session.parallel, session.ending = parallel, ending
            session.reports = _reports(study, stopping)
            _run(session, runner, scratch)
            session.close()
            ended = session.ended
    live.end(ended or "all trials are run")
    tried = study.first(budget.trials)
    if (best := tried.best) is not None:
        return best
    if not tried.failed:
        raise JobFailedError(
            f"no trial of {study.folder} finished within the budget; what would do: a larger one"
        )
    first = tried.failed[0]
    raise JobFailedError(
        f"none of the {len(tried.trials)} trials finished; {first.name} with {first.parameters} failed: "
        f"{first.message}"
    )


@contextmanager
def sweep_session(
    concurrency: int, limits: Limits, helpers: int, address: str | None
) -> Iterator[tuple[Path, float]]:
    """Connect to Ray as a sweep needs it; yield a scratch folder, and how many trials run there at a time."""
    parallel = max(int(min(concurrency, len(os.sched_getaffinity(0)) // limits.cpus)), 1)
    # What helps a trial works while the trial waits, so it needs no core of the machine's own.
    cpus = max(math.ceil(parallel * limits.cpus), 1) + parallel * helpers
    with ray_session(cpus, address=address) as scratch:
        yield scratch, parallel if address is None else math.inf


def _run(session: Session, runner: Runner, scratch: Path) -> None:
    from stagecraft.tuning.ray_tasks import run_on_tasks

    if runner != "tune":
        run_on_tasks(session, lambda: runner == "tasks" or not _heavy(session.study))
    if runner == "tune" or (runner == "auto" and _heavy(session.study)):
        from stagecraft.tuning.ray_tune import run_on_tune

        run_on_tune(session, scratch)


def _heavy(study: Study) -> bool:
    seconds = [trial.seconds for trial in study.settled]
    return len(seconds) >= study.spec.concurrency and statistics.median(seconds) > HEAVY


def _reports(study: Study, stopping: Stopping | None) -> Any:
    """Start the actor that stops trials, knowing what earlier ones have reported."""
    if stopping is None:
        return None
    import ray

    from stagecraft.tuning.ray_tasks import Reports
    from stagecraft.tuning.stopping import stopper_of

    reports = ray.remote(Reports).options(num_cpus=0)
    return reports.remote(stopper_of(stopping, study.spec.total), study.spec, study.settled)

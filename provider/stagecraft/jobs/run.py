"""Running a job's stages, in the job's own process."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from stagecraft.errors import StagecraftError
from stagecraft.jobs.job import Job, Result, State
from stagecraft.jobs.progress import Progress
from stagecraft.jobs.steps import Made, inputs_of, stage_of
from stagecraft.stages.base import Workbench

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store

log = logging.getLogger(__name__)

STORAGE_OPTIONS_VARIABLE = "STAGECRAFT_STORAGE_OPTIONS"
"""The environment variable that carries the store's options, which may be secret, as JSON."""


def storage_options(environment: dict[str, str]) -> dict[str, Any]:
    """Return the store's options from the environment."""
    options: dict[str, Any] = from_json(environment.get(STORAGE_OPTIONS_VARIABLE, "{}"))
    return options


def run_job(store: Store, job_id: str, digest: str) -> Result:
    """Run a saved job's steps one after another; write the result and return it.

    A step whose outputs are committed is not run again, so a job that was killed goes on at the first step
    that is not.
    """
    try:
        result = _run_steps(Job.load(store, job_id, digest), store)
    except StagecraftError as error:
        log.error("%s%s", _noted(error), error)
        result = _failed(digest, error)
    except Exception as error:  # noqa: BLE001  the job's last act is to say how it ended, whatever happened
        traceback.print_exc()
        result = _failed(digest, error)
    result.save(store, job_id)
    return result


def _failed(digest: str, error: Exception) -> Result:
    told = f"{_noted(error)}{type(error).__name__}: {error}"
    return Result(digest=digest, state=State.FAILED, error=told)


def _noted(error: Exception) -> str:
    """Return where an error was, as the job's progress noted it."""
    return "".join(f"{note}: " for note in getattr(error, "__notes__", ()))


def _run_steps(job: Job, store: Store) -> Result:
    from stagecraft.engines.choose import open_engine
    from stagecraft.tracking.writer import Tracker

    made: Made = {}
    reused: list[str] = []
    done = job.done(store)
    with open_engine(job.engine) as engine, Tracker(store, job.tracking) as tracker:
        progress = Progress(tracker, [step.name for step in job.steps])
        for step in job.steps:
            cache = job.cache or step.name in done
            bench = Workbench(engine, store, progress.tracker(step.name), cache=cache)
            with progress.step(step.name, bench):
                made[step.name] = stage_of(step, made).run(bench, **inputs_of(step, made, store))
            engine.tidy()
            reused += [step.name] if bench.reused else []
            if not cache:
                done.append(step.name)
                job.note_done(store, done)
    outputs = {
        step: {name: artifact.reference for name, artifact in artifacts.items()}
        for step, artifacts in made.items()
    }
    return Result(digest=job.digest, state=State.SUCCEEDED, outputs=outputs, reused=reused)

"""Running a job's stages, in the job's own process."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from stagecraft.artifacts.artifact import Artifact, Reference
from stagecraft.errors import StagecraftError
from stagecraft.jobs.job import Job, Result, State, Step, StepOutput
from stagecraft.stages.base import Workbench
from stagecraft.stages.load import load_stage

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
        log.error("%s", error)
        result = _failed(digest, error)
    except Exception as error:  # noqa: BLE001  the job's last act is to say how it ended, whatever happened
        traceback.print_exc()
        result = _failed(digest, error)
    result.save(store, job_id)
    return result


def _failed(digest: str, error: Exception) -> Result:
    return Result(digest=digest, state=State.FAILED, error=f"{type(error).__name__}: {error}")


def _run_steps(job: Job, store: Store) -> Result:
    from stagecraft.engines.choose import open_engine
    from stagecraft.tracking.writer import Tracker

    made: dict[str, dict[str, Artifact]] = {}
    reused: list[str] = []
    with open_engine(job.engine) as engine, Tracker(store, job.tracking) as tracker:
        for step in job.steps:
            own = tracker if len(job.steps) == 1 else tracker.scoped(step.name)
            bench = Workbench(engine, store, own, cache=job.cache)
            inputs = {name: _input(store, made, source) for name, source in step.inputs.items()}
            made[step.name] = _stage(step).run(bench, **inputs)
            reused += [step.name] if bench.reused else []
    outputs = {
        step: {name: artifact.reference for name, artifact in artifacts.items()}
        for step, artifacts in made.items()
    }
    return Result(digest=job.digest, state=State.SUCCEEDED, outputs=outputs, reused=reused)


def _stage(step: Step) -> Any:
    return load_stage(step.stage).validated(step.parameters)


def _input(store: Store, made: dict[str, dict[str, Artifact]], source: Reference | StepOutput) -> Artifact:
    if isinstance(source, StepOutput):
        return made[source.step][source.output]
    return store.open(source)

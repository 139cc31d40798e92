"""What an operator submits: stages for one engine, as a JSON file in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json, to_json

from stagecraft.artifacts.artifact import Reference
from stagecraft.artifacts.store import Store

JOB_FILE, RESULT_FILE, DONE_FILE = "job.json", "result.json", "done.json"


class StepOutput(BaseModel):
    """An output of an earlier step of the same job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    output: str

    def __str__(self) -> str:
        return f"{self.step}.{self.output}"


class StepValue(BaseModel):
    """What an earlier step of the same job notes of an output, such as the best parameters of a sweep.

    :param name: the entry of the output's ``meta``
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    output: str
    name: str

    def __str__(self) -> str:
        return f"{self.step}.{self.name}"


class Step(BaseModel):
    """One stage of a job.

    :param name: the step's name in the job
    :param stage: where the stage's class is, as ``"stagecraft.stages.sql:SQL"``
    :param inputs: the stage's inputs: committed artifacts, or outputs of earlier steps
    :param values: further parameters, which earlier steps decide
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    stage: str
    parameters: dict[str, Any]
    inputs: dict[str, Reference | StepOutput] = Field(default_factory=dict)
    values: dict[str, StepValue] = Field(default_factory=dict)


class Job(BaseModel):
    """Stages that run one after another in one process, on one engine; the inner DAG.

    :param id: names the job; a second submission of a running job attaches to it
    :param tracking: the folder of its events, below the store's root
    :param cache: whether outputs are reused that were committed before this job's first run
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    engine: Literal["duckdb", "spark"]
    store: str
    tracking: str
    cache: bool = True
    steps: list[Step] = Field(min_length=1)

    @property
    def digest(self) -> str:
        """Differs where the work does."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def save(self, store: Store) -> None:
        """Write the job's file, and forget how an earlier run of the same work ended.

        What a run that did not succeed has committed stays noted: this one goes on from there.
        """
        before = Result.load(store, self.id, self.digest)
        if before is not None and before.state is State.SUCCEEDED:
            store.remove(job_uri(store, self.id, self.digest, DONE_FILE))
        store.remove(job_uri(store, self.id, self.digest, RESULT_FILE))
        store.write(job_uri(store, self.id, self.digest, JOB_FILE), self.model_dump_json(indent=1).encode())

    @classmethod
    def load(cls, store: Store, job_id: str, digest: str) -> Job:
        return cls.model_validate_json(store.read(job_uri(store, job_id, digest, JOB_FILE)))

    def done(self, store: Store) -> list[str]:
        """Return the steps that this job has committed, in this run or in one that was killed or failed."""
        try:
            names: list[str] = from_json(store.read(job_uri(store, self.id, self.digest, DONE_FILE)))
        except FileNotFoundError:
            return []
        return names

    def note_done(self, store: Store, names: Sequence[str]) -> None:
        store.write(job_uri(store, self.id, self.digest, DONE_FILE), to_json(names))


class State(StrEnum):
    """Where a job stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    """It neither runs nor has it said how it ended: it was killed."""


class Result(BaseModel):
    """How a job ended, written by the job itself as its last act.

    :param digest: of the job that ended
    :param outputs: step → output → artifact
    :param reused: the steps whose outputs were committed before
    :param error: what to tell the user where it failed
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    state: State
    outputs: dict[str, dict[str, Reference]] = Field(default_factory=dict)
    reused: list[str] = Field(default_factory=list)
    error: str = ""

    def save(self, store: Store, job_id: str) -> None:
        uri = job_uri(store, job_id, self.digest, RESULT_FILE)
        store.write(uri, self.model_dump_json(indent=1).encode())

    @classmethod
    def load(cls, store: Store, job_id: str, digest: str) -> Result | None:
        """Return how the job of this digest ended, or None where it has not."""
        try:
            return cls.model_validate_json(store.read(job_uri(store, job_id, digest, RESULT_FILE)))
        except FileNotFoundError:
            return None


def job_uri(store: Store, job_id: str, digest: str, name: str) -> str:
    """Return where a file of a job lies; other work of the same task has a folder of its own."""
    return store.uri("jobs", job_id, digest, name)

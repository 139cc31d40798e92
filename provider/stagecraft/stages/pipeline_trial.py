"""Running a pipeline's stages in the process of a trial."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagecraft.artifacts.artifact import Artifact, Reference
from stagecraft.artifacts.store import Store
from stagecraft.engines.choose import open_engine
from stagecraft.jobs.job import Step, StepOutput
from stagecraft.jobs.lock import JobLock
from stagecraft.jobs.steps import Made, inputs_of, stage_of
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.pipeline import OUTER, Pipeline
from stagecraft.tracking.writer import Tracker
from stagecraft.tuning.space import Parameters

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Engine
    from stagecraft.tuning.attempt import Attempt

TURNS = "turns"


@dataclass(frozen=True)
class PipelineTrial:
    """Runs the steps as a job does, in the trial's process.

    :param datasets: what ``train`` and ``validation`` stand for, and ``test`` in the last training
    """

    pipeline: Pipeline
    store: Store
    datasets: Mapping[str, Reference]

    def __call__(self, parameters: Parameters, attempt: Attempt) -> dict[str, Any]:
        pipeline = self.pipeline.changed(parameters)
        names = pipeline.needed(pipeline.judged, pipeline.handed_on)
        return _metrics(pipeline, self._run(pipeline, names, attempt, {}, self.datasets))

    def finish(self, parameters: Parameters, attempt: Attempt, draft: Draft) -> dict[str, Any]:
        """Steps that the model needs see the validation rows as ever; the others the test rows instead."""
        pipeline = self.pipeline.changed(parameters)
        step, output = pipeline.handed_on
        names = pipeline.needed(pipeline.handed_on)
        made = self._run(pipeline, names, attempt, {}, self.datasets)
        draft.take(made[step][output])
        if "test" not in self.datasets:
            return {}
        names = [name for name in pipeline.needed(pipeline.judged) if name not in made]
        test = {**self.datasets, "validation": self.datasets["test"]}
        return _metrics(pipeline, self._run(pipeline, names, attempt, made, test))

    def _run(
        self,
        pipeline: Pipeline,
        names: list[str],
        attempt: Attempt,
        before: Made,
        datasets: Mapping[str, Reference],
    ) -> Made:
        """Run steps, or take what was committed before."""
        # A trial's stages find the Ray that runs the trial by themselves; the variable says a cluster.
        os.environ.pop("RAY_ADDRESS", None)
        made = dict(before)
        for name in names:
            each = pipeline.steps[name]
            step = Step(
                name=name,
                stage=each.stage,
                parameters=each.parameters,
                inputs={
                    given: datasets[source] if source in OUTER else _output(source)
                    for given, source in each.inputs.items()
                },
            )
            stage, inputs = stage_of(step, made), inputs_of(step, made, self.store)
            made[name] = self._made(stage, inputs, pipeline.engine, attempt.folder.parent)
        return made

    def _made(
        self, stage: Stage, inputs: Mapping[str, Artifact], engine: str, trials: Path
    ) -> Mapping[str, Artifact]:
        fingerprints = {name: artifact.fingerprint for name, artifact in inputs.items()}
        if found := stage.committed(self.store, fingerprints):
            return found
        with _turn(trials, stage.fingerprint(fingerprints)):
            opened = _engine(engine)
            try:
                return stage.run(Workbench(opened, self.store, Tracker.nowhere()), **inputs)
            finally:
                opened.tidy()


def _output(source: str) -> StepOutput:
    step, _, output = source.partition(".")
    return StepOutput(step=step, output=output)


def _metrics(pipeline: Pipeline, made: Made) -> dict[str, Any]:
    step, output = pipeline.judged
    metrics: dict[str, Any] = made[step][output].meta["metrics"]
    return metrics


@lru_cache
def _engine(name: str) -> Engine:
    """Each process opens an engine once."""
    return open_engine(name)


@contextmanager
def _turn(trials: Path, fingerprint: str) -> Iterator[None]:
    """Wait while another trial on this machine does the same work; who dies gives way to the next."""
    folder = trials.with_name(TURNS)
    folder.mkdir(exist_ok=True)
    lock = JobLock(folder / fingerprint)
    lock.acquire(patience=inf)
    try:
        yield
    finally:
        lock.release()

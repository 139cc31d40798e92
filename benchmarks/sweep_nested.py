"""A sweep over stages that work one after another, beside one that runs all of them in every trial."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sweep_cost import measured
from sweep_tables import Rows, split, table

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.jobs.ray_session import ray_session
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Standardize
from stagecraft.stages.evaluate import Evaluate
from stagecraft.stages.gbdt_encode import GBDTEncode
from stagecraft.stages.pipeline_trial import PipelineTrial
from stagecraft.stages.ps_train import PSTrain
from stagecraft.stages.trainers import Pipeline, step
from stagecraft.tracking.writer import Tracker
from stagecraft.tuning.attempt import Attempt
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.run import run_trials
from stagecraft.tuning.space import Dimension, Integer, LogUniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Trial

AT_A_TIME = 2
SPACE: dict[str, Dimension] = {
    "leaves.boosting.depth": Integer(4, 6),
    "leaves.boosting.rounds": Integer(40, 120, step=40),
    "train.optimizer.alpha": LogUniform(0.005, 0.5),
    "train.optimizer.l1": LogUniform(0.01, 10),
}


class Nested(NamedTuple):
    """What a sweep took and found.

    :param cpu: seconds of all processes
    :param stages: how many times each stage was run
    """

    cpu: float
    wall: float
    best: Trial
    stages: dict[str, int]


@dataclass(frozen=True)
class Anew:
    """Runs every stage in every trial: each trial has a store of its own."""

    trial: PipelineTrial

    def __call__(self, parameters: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
        return replace(self.trial, store=Store(str(attempt.folder / "store")))(parameters, attempt)


def nested(folder: Path, name: str, rows: int, trials: int) -> dict[str, Nested]:
    """Tune encoding → trees → training on the parameter server → evaluation, both ways.

    :raises AssertionError: a trial of one has other parameters, or other metrics, than that of the other
    """
    parts = split(table(folder, name), 0, rows, 0)
    with tempfile.TemporaryDirectory() as scratch, DuckDBEngine() as engine:
        store = Store(scratch)
        train = _committed(store, "t", parts.train)
        validation = _committed(store, "v", parts.validation.at(np.arange(rows // 3)))
        columns = tuple(each for each in train.columns if each != "label")
        pipeline = Pipeline(
            steps={
                "encode": step(
                    EncodeColumns(columns={columns: Fill("median") | Standardize()}),  # type: ignore[arg-type]
                    dataset="train",
                ),
                "leaves": step(GBDTEncode(label="label"), dataset="encode.dataset"),
                "train": step(
                    PSTrain(label="label", epochs=2, workers=1, shards=0), dataset="leaves.dataset"
                ),
                "evaluate": step(Evaluate(label="label"), model="train.model", dataset="validation"),
            }
        )
        bench = Workbench(engine, store, Tracker.nowhere())
        trial = pipeline.prepare(bench, {"train": train, "validation": validation}, "auc")
        with ray_session(num_cpus=AT_A_TIME):
            _swept(store, "studies/warm", Anew(trial), AT_A_TIME)
            reused, again = (
                _swept(store, f"studies/{kind}", objective, trials)
                for kind, objective in (("reused", trial), ("again", Anew(trial)))
            )
        made = [store.open(path.name) for path in Path(scratch, "artifacts").iterdir()]
        names = [each.manifest.lineage["stage"] for each in made if each.kind is not Kind.DATASET]
        for ours, theirs in zip(reused[1].trials, again[1].trials, strict=True):
            assert ours.parameters == theirs.parameters, (ours, theirs)
            assert ours.metrics == theirs.metrics, (ours, theirs)
        stages = ("encode", "gbdt_encode", "ps_train", "evaluate")
        return {
            "stages reused": Nested(
                *reused[0], _best(reused[1]), {stage: names.count(stage) for stage in stages}
            ),
            "stages run again": Nested(*again[0], _best(again[1]), dict.fromkeys(stages, trials)),
        }


def _swept(
    store: Store, folder: str, objective: Callable[..., Any], trials: int
) -> tuple[tuple[float, float], Study]:
    spec = StudySpec(space=SPACE, objectives={"auc": "maximize"}, concurrency=AT_A_TIME)
    study = Study(store, folder, spec)
    wall, cpu = measured(lambda: run_trials(study, objective, budget=Budget(trials=trials)))
    assert len(study.finished) == trials, study.failed[0].message
    return (cpu, wall), study


def _best(study: Study) -> Trial:
    assert study.best is not None
    return study.best


def _committed(store: Store, name: str, rows: Rows) -> Dataset:
    columns = {f"f{place}": rows.features[:, place].astype(float) for place in range(rows.features.shape[1])}
    given = pa.table({**columns, "label": rows.label > 0})
    draft = store.draft(Kind.DATASET, name.ljust(32, "0"), lineage={"stage": "benchmark"})
    sink = io.BytesIO()
    pq.write_table(given, sink)
    draft.write("part-0.parquet", sink.getvalue())
    draft.meta.update(rows=given.num_rows, columns={field.name: str(field.type) for field in given.schema})
    made = draft.commit()
    assert isinstance(made, Dataset)
    return made

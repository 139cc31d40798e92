"""What a sweep's trainers refuse before any trial, and what a pipeline makes of a trial's parameters."""

from __future__ import annotations

from typing import Any

import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Standardize
from stagecraft.stages.evaluate import Evaluate
from stagecraft.stages.gbdt_encode import GBDTEncode
from stagecraft.stages.ps_train import PSTrain
from stagecraft.stages.spark_algorithms import SparkGBT
from stagecraft.stages.spark_train import SparkTrain
from stagecraft.stages.sweep import Sweep
from stagecraft.stages.trainers import Command, Pipeline, PipelineStep, PythonFunction, step
from stagecraft.tuning.space import Choice, Dimension, Integer, LogUniform, Uniform

STEPS = {
    "encode": step(EncodeColumns(columns={"a": Standardize()}), dataset="train"),  # type: ignore[arg-type]
    "leaves": step(GBDTEncode(label="y"), dataset="encode.dataset"),
    "train": step(PSTrain(label="y", workers=1, shards=2), dataset="leaves.dataset"),
    "evaluate": step(Evaluate(label="y"), model="train.model", dataset="validation"),
}


def sweep(space: dict[str, Dimension] | None = None, **changes: Any) -> Sweep:
    given = {"trainer": Pipeline(steps=STEPS), "space": space or {"leaves.boosting.rounds": Integer(2, 9)}}
    made: Sweep = Sweep.validated(given | changes)
    return made


def test_a_pipeline_sets_the_fields_that_a_trial_names() -> None:
    pipeline = Pipeline(steps=STEPS)
    changed = pipeline.changed(
        {"leaves.boosting.depth": 7, "train.optimizer.alpha": 0.5, "encode.columns.0.steps.0.type": "fill"}
    )
    assert changed.steps["leaves"].parameters["boosting"]["depth"] == 7
    assert changed.steps["train"].parameters["optimizer"]["alpha"] == 0.5
    assert changed.steps["evaluate"] == pipeline.steps["evaluate"]
    assert pipeline.steps["leaves"].parameters["boosting"]["depth"] == 5, "the pipeline itself stays"
    assert pipeline.own()["leaves.boosting.depth"] == 5
    assert pipeline.helpers == 3
    assert pipeline.needed(("leaves", "model")) == ["encode", "leaves"]
    assert pipeline.needed(pipeline.judged, pipeline.handed_on) == list(STEPS)


def test_a_condition_holds_where_a_parameter_under_it_is_checked() -> None:
    space: dict[str, Dimension] = {
        "train.dimension": Choice(["fixed", "growing"]),
        "train.epochs": Integer(1, 3, when={"train.dimension": ["growing"]}),
    }
    assert sweep(space).trials == 20


@pytest.mark.parametrize(
    ("name", "dimension", "words"),
    [
        ("forest.trees", Integer(1, 2), r"no step 'forest'.*encode, leaves, train, evaluate"),
        ("leaves.boosting.leaves", Integer(1, 2), r"no field 'leaves'.*boosting has .*depth"),
        ("leaves.rounds", Integer(1, 2), r"no field 'rounds'.*the stage has label"),
        ("leaves.label.text", Choice(["a"]), "no field 'text'"),
        ("encode.columns.3.steps", Choice(["a"]), "no field '3'"),
        ("leaves.boosting.depth", Integer(1, 99), "boosting.depth does not take 99"),
        ("leaves.boosting.depth", Uniform(1, 9), "boosting.depth does not take 4"),
        ("train.optimizer.alpha", LogUniform(1, 1000), "alpha does not take 1000"),
    ],
)
def test_a_parameter_that_a_pipeline_does_not_have_is_refused(
    name: str, dimension: Dimension, words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        sweep({name: dimension})


@pytest.mark.parametrize(
    ("steps", "more", "words"),
    [
        ({"train": STEPS["train"], "leaves": STEPS["leaves"]}, {}, "no 'leaves.dataset' before it"),
        ({"leaves": step(GBDTEncode(label="y"), dataset="tests")}, {}, r"no 'tests' before it.*validation"),
        ({"leaves": step(GBDTEncode(label="y"), dataset="leaves.dataset")}, {}, "no 'leaves.dataset' before"),
        ({"leaves": step(GBDTEncode(label="y"), rows="train")}, {}, r"gbdt_encode.rows: no such input"),
        ({"leaves": step(GBDTEncode(label="y"))}, {}, "the input is missing"),
        ({"a.b": STEPS["encode"]}, {}, "a step is named 'a.b'"),
        ({**STEPS, "more": step(GBDTEncode(label="y"), dataset="train.model")}, {}, "a model is wired here"),
        ({**STEPS, "more": step(GBDTEncode(label="y"), dataset="encode.rows")}, {}, "one of encode.dataset"),
        ({"leaves": PipelineStep(stage="stagecraft.stages.sql:Sql")}, {}, "is no stage"),
        ({"leaves": PipelineStep(stage="stagecraft.stages.gbdt_encode:GBDTEncode")}, {}, "label.*missing"),
        ({"encode": STEPS["encode"]}, {}, r"trainer.metrics: None is no report"),
        (STEPS, {"model": "evaluate.report"}, "'evaluate.report' is no model"),
        (STEPS, {"metrics": "encode.dataset"}, "'encode.dataset' is no report"),
        (
            {"t": step(SparkTrain(algorithm=SparkGBT(), label="y"), dataset="train")},
            {},
            "'t' does not run on duckdb",
        ),
    ],
)
def test_a_pipeline_wired_wrongly_is_refused(steps: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        sweep(trainer={"type": "pipeline", "steps": steps, **more})


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("no_such_module:fit", "cannot be imported.*no_such_module"),
        ("math:no_such_function", "cannot be imported.*no_such_function"),
        ("math:pi", "is a float"),
        ("math:sqrt", "not called by two arguments"),
    ],
)
def test_a_function_that_cannot_be_called_is_refused_before_any_trial(function: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        PythonFunction(function=function).prepare(None, {}, "loss")  # type: ignore[arg-type]


def test_what_a_command_is_not_told_is_refused() -> None:
    space: dict[str, Dimension] = {"depth": Integer(1, 3)}
    command = Command(argv=["train", "--depth={depth}", "{train}", "{rate}"], arguments={"rate": 1})
    assert sweep(space, trainer=command).trainer == command
    with pytest.raises(InvalidInputError, match=r"no parameter 'width'; .*depth.*train"):
        sweep(space, trainer=Command(argv=["train", "{width}"]))
    with pytest.raises(InvalidInputError, match="'seed', which the command is told already"):
        sweep({"seed": Integer(1, 3)}, trainer=Command(argv=["train"]))
    with pytest.raises(InvalidInputError, match="no program 'no-such-program'"):
        Command(argv=["no-such-program"]).prepare(None, {}, "loss")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="no shell splits"):
        sweep(space, trainer={"type": "command", "argv": "train --depth=3"})


def test_a_metric_of_the_users_own_says_its_direction() -> None:
    with pytest.raises(InvalidInputError, match=r"'profit' is to fall or to rise.*maximize"):
        sweep(metric="profit")
    assert sweep(metric="profit", direction="maximize").direction == "maximize"

"""Sweeps over pipelines of stages, the user's function and commands, on a real Ray."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from stagecraft.artifacts.artifact import Artifact, Kind
from stagecraft.artifacts.model import Model
from stagecraft.artifacts.report import Report
from stagecraft.errors import InvalidInputError
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Index, Standardize
from stagecraft.stages.evaluate import Evaluate
from stagecraft.stages.gbdt_encode import GBDTEncode
from stagecraft.stages.ps_train import PSTrain
from stagecraft.stages.sweep import Sweep
from stagecraft.stages.trainers import Command, Pipeline, PythonFunction, step
from stagecraft.tuning.attempt import Limits
from stagecraft.tuning.space import Choice, Integer, Uniform
from stagecraft.tuning.stopping import Stopping
from stagecraft.tuning.trial import Cause

if TYPE_CHECKING:
    from conftest import World

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray")]

PIPELINE = Pipeline(
    steps={
        "encode": step(
            EncodeColumns(
                columns={("wind", "hour"): Fill("median") | Standardize(), "origin": Index()}  # type: ignore[arg-type]
            ),
            dataset="train",
        ),
        "leaves": step(GBDTEncode(label="late", boosting={"rounds": 5}), dataset="encode.dataset"),  # type: ignore[arg-type]
        "train": step(PSTrain(label="late", epochs=1, workers=1, shards=0), dataset="leaves.dataset"),
        "evaluate": step(Evaluate(label="late"), model="train.model", dataset="validation"),
    }
)
FUNCTION = """
import json
import pyarrow.compute as pc


def fit(parameters, attempt):
    rows = attempt.datasets["train"].table()
    held_out = attempt.datasets["validation"].table()
    kept = attempt.checkpoint / "step"
    for step in range(1, 10):
        kept.write_text(str(step))
        attempt.report(step, parameters["x"] + 1 / step)
    (attempt.model / "model.json").write_text(json.dumps(parameters))
    return {
        "loss": parameters["x"],
        "offset": parameters["offset"],
        "rows": rows.num_rows,
        "late": pc.mean(held_out["late"]).as_py(),
        "seed": attempt.seed,
    }
"""
PROGRAM = """
import json, os, subprocess, sys, time

parameters = json.load(open(os.environ["STAGECRAFT_PARAMETERS"]))
assert sys.argv[1:] == [f"--rate={parameters['rate']}", os.environ["STAGECRAFT_TRAIN"]] + (
    [f"--depth={parameters['depth']}"] if "depth" in parameters else []
)
if parameters["kind"] == "sleeps":
    stays = "import time; time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", stays, os.environ["MARK"]], stdin=subprocess.DEVNULL)
    time.sleep(600)
if parameters["kind"] == "fails":
    sys.exit("no such kind")
if os.environ["STAGECRAFT_FINAL"] == "1":
    open(os.path.join(os.environ["STAGECRAFT_MODEL"], "weights"), "w").write(str(parameters["rate"]))
print("a line for people")
print(json.dumps({"step": 1, "loss": 2.0}), flush=True)
print(json.dumps({"loss": parameters["rate"], "parts": len(os.listdir(os.environ["STAGECRAFT_TRAIN"]))}))
json.dump({"extra": 7}, open(os.environ["STAGECRAFT_METRICS"], "w"))
"""


def run(world: World, **given: Any) -> tuple[Report, Model]:
    made = Sweep.validated(given).run(
        world.bench, train=world.raw, validation=world.validation, test=world.test
    )
    report, model = made["report"], made["model"]
    assert isinstance(report, Report)
    assert isinstance(model, Model)
    return report, model


def test_a_pipeline_runs_again_only_what_a_trial_changes(world: World) -> None:
    space = {"leaves.boosting.depth": Choice([2, 3]), "train.optimizer.alpha": Choice([0.02, 0.5])}
    report, model = run(world, trainer=PIPELINE, space=space, metric="auc", trials=4, searcher="grid")
    assert report.metrics["finished"] == 4
    assert report.metrics["auc"] == max(trial["metrics"]["auc"] for trial in report.meta["trials"]) > 0.75
    made = [world.bench.store.open(path.name) for path in Path(world.bench.store.root, "artifacts").iterdir()]

    def of(stage: str, kind: Kind) -> list[Artifact]:
        return [each for each in made if each.manifest.lineage["stage"] == stage and each.kind == kind]

    # One encoding, two sets of trees, four trainings and evaluations; then each once more for the model.
    assert len(of("gbdt_encode", Kind.MODEL)) == 2 + 1
    assert len(of("ps_train", Kind.MODEL)) == 4 + 1
    assert len(of("evaluate", Kind.REPORT)) == 4 + 1
    assert world.raw.rows + world.validation.rows in [
        each.meta["rows"] for each in of("encode", Kind.DATASET)
    ]
    readers = [
        each.manifest.lineage["stage"]
        for each in made
        if world.test.fingerprint in each.manifest.lineage.get("inputs", {}).values()
    ]
    assert sorted(readers) == ["evaluate", "final_fit", "final_fit", "sweep", "sweep"], "no step of the model"
    judged = Evaluate(label="late").run(world.bench, model=model, dataset=world.test)["report"]
    assert report.metrics["test_auc"] == pytest.approx(judged.meta["metrics"]["auc"])
    assert report.metrics["test_auc"] > 0.75


def test_a_function_is_given_rows_and_a_place_to_report_to(world: World, tmp_path: Path) -> None:
    (tmp_path / "trainings.py").write_text(FUNCTION)
    report, model = run(
        world,
        trainer=PythonFunction(
            function="trainings:fit", folder=str(tmp_path), arguments={"offset": 3, "x": 0.5}
        ),
        space={"x": Uniform(0, 1)},
        metric="loss",
        trials=8,
        searcher="random",
        stopping=Stopping(first=1, eta=3),
    )
    trials = report.meta["trials"]
    assert trials[0]["parameters"] == {"x": 0.5}, "its own argument is tried first"
    assert report.metrics["rows"] == world.raw.rows
    assert report.metrics["offset"] == 3
    assert report.metrics["late"] == pytest.approx(world.validation.table()["late"].to_numpy().mean())
    assert [len(trial["curve"]) for trial in trials if trial["state"] == "finished"][:1] == [9]
    assert {trial["state"] for trial in trials} == {"finished", "stopped"}
    assert not list(Path(world.bench.store.root, "checkpoints").rglob("step")), "what ended needs none"
    assert report.metrics["test_rows"] == world.raw.rows + world.validation.rows
    assert report.metrics["test_late"] == pytest.approx(world.test.table()["late"].to_numpy().mean())
    assert model.read_json("model.json") == {"offset": 3, **report.meta["best"]}
    with pytest.raises(InvalidInputError, match=r"the user's own left: model.json, parameters.json"):
        _ = model.chain


def test_a_command_is_given_its_parameters_and_ends_with_all_it_started(world: World, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    mark = f"stays-{tmp_path.name}"
    report, model = run(
        world,
        trainer=Command(
            argv=[sys.executable, str(program), "--rate={rate}", "{train}", "--depth={depth}"],
            environment={"MARK": mark},
        ),
        space={
            "kind": Choice(["works", "fails", "sleeps"]),
            "rate": Choice([0.25, 0.5]),
            "depth": Integer(1, 2, when={"kind": ["works"]}),
        },
        metric="loss",
        trials=8,
        searcher="grid",
        limits=Limits(seconds=4),
    )
    assert report.metrics["loss"] == 0.25
    assert report.metrics["extra"] == 7
    assert report.metrics["parts"] == 1
    assert model.read("weights") == b"0.25"
    assert model.read_json("parameters.json") == report.meta["best"]
    for trial in report.meta["trials"]:
        match trial["parameters"]["kind"]:
            case "works":
                assert trial["curve"] == [[1, 2.0]]
            case "fails":
                assert "ended with status 1: no such kind" in trial["message"]
            case "sleeps":
                assert trial["cause"] == Cause.TIME
    assert not [each for each in psutil.process_iter(["cmdline"]) if mark in (each.info["cmdline"] or [])]

"""Sweeps over pipelines of stages, the user's function and commands, on a real Ray."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from stagecraft.artifacts.report import Report
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
print("a line for people")
print(json.dumps({"step": 1, "loss": 2.0}), flush=True)
print(json.dumps({"loss": parameters["rate"], "parts": len(os.listdir(os.environ["STAGECRAFT_TRAIN"]))}))
json.dump({"extra": 7}, open(os.environ["STAGECRAFT_METRICS"], "w"))
"""


def run(world: World, **given: Any) -> Report:
    made = Sweep.validated(given).run(
        world.bench, train=world.commit("raw", world.raw), validation=world.validation
    )["report"]
    assert isinstance(made, Report)
    return made


def test_a_pipeline_runs_again_only_what_a_trial_changes(world: World) -> None:
    space = {"leaves.boosting.depth": Choice([2, 3]), "train.optimizer.alpha": Choice([0.02, 0.1, 0.5])}
    report = run(world, trainer=PIPELINE, space=space, metric="auc", trials=6, searcher="grid")
    assert report.metrics["finished"] == 6
    assert report.metrics["auc"] == max(trial["metrics"]["auc"] for trial in report.meta["trials"]) > 0.75
    made: dict[str, int] = {}
    drafts: dict[str, set[str]] = {}
    for folder in Path(world.bench.store.root, "artifacts").iterdir():
        artifact = world.bench.store.open(folder.name)
        stage = artifact.manifest.lineage["stage"]
        made[stage] = made.get(stage, 0) + 1
        drafts.setdefault(stage, set()).update(each.name for each in folder.iterdir() if each.is_dir())
    # Two outputs each of one encoding and two sets of trees, one of six trainings and evaluations.
    assert {name: made[name] for name in ("gbdt_encode", "ps_train", "evaluate")} == {
        "gbdt_encode": 4,
        "ps_train": 6,
        "evaluate": 6,
    }


def test_a_function_is_given_rows_and_a_place_to_report_to(world: World, tmp_path: Path) -> None:
    (tmp_path / "trainings.py").write_text(FUNCTION)
    report = run(
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
    assert report.metrics["rows"] == world.raw.num_rows
    assert report.metrics["offset"] == 3
    assert report.metrics["late"] == pytest.approx(world.validation.table()["late"].to_numpy().mean())
    assert [len(trial["curve"]) for trial in trials if trial["state"] == "finished"][:1] == [9]
    assert {trial["state"] for trial in trials} == {"finished", "stopped"}
    assert not list(Path(world.bench.store.root, "checkpoints").rglob("step")), "what ended needs none"


def test_a_command_is_given_its_parameters_and_ends_with_all_it_started(world: World, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    mark = f"stays-{tmp_path.name}"
    report = run(
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
    for trial in report.meta["trials"]:
        match trial["parameters"]["kind"]:
            case "works":
                assert trial["curve"] == [[1, 2.0]]
            case "fails":
                assert "ended with status 1: no such kind" in trial["message"]
            case "sleeps":
                assert trial["cause"] == Cause.TIME
    assert not [each for each in psutil.process_iter(["cmdline"]) if mark in (each.info["cmdline"] or [])]

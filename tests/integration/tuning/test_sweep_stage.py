"""The sweep stage on a real Ray: trees and the linear model over them, judged on held-out rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stagecraft.artifacts.report import Report
from stagecraft.errors import InvalidInputError
from stagecraft.stages.evaluate import Evaluate
from stagecraft.stages.leaf_trial import LeafTrial
from stagecraft.stages.sweep import Sweep
from stagecraft.stages.trainers import LeafRegression, PythonFunction
from stagecraft.tracking.reader import read_events
from stagecraft.tuning.space import Choice, Integer, LogUniform, Uniform

if TYPE_CHECKING:
    from conftest import World

SPACE: dict[str, Any] = {
    "boosting.rounds": Integer(3, 12),
    "boosting.learning_rate": LogUniform(0.1, 0.5),
    "boosting.depth": Choice([2, 3]),
    "optimizer.alpha": LogUniform(0.01, 1),
}


def sweep(**changes: Any) -> Sweep:
    made: Sweep = Sweep.validated({"trainer": trainer(), "space": SPACE, "trials": 5} | changes)
    return made


def trainer(**changes: Any) -> LeafRegression:
    given: dict[str, Any] = {"label": "late", "weight": "weight", "epochs": 1}
    return LeafRegression(**given | changes)


@pytest.mark.ray
@pytest.mark.usefixtures("ray")
def test_a_sweep_reports_its_best_trial_and_tracks_every_one(world: World) -> None:
    stage = sweep(searcher="gaussian_process", trials=7)
    report = stage.run(world.bench, train=world.train, validation=world.validation)["report"]

    assert isinstance(report, Report)
    trials = report.meta["trials"]
    assert len(trials) == stage.trials
    assert report.metrics["log_loss"] == min(trial["metrics"]["log_loss"] for trial in trials)
    assert report.metrics["auc"] > 0.8, "the trees find the interaction"
    assert set(report.meta["best"]) == set(SPACE)
    assert report.meta["boosting"]["rounds"] == report.meta["best"]["boosting.rounds"]
    assert report.meta["optimizer"]["alpha"] == report.meta["best"]["optimizer.alpha"]
    page = report.html()
    assert "<svg" in page
    assert "boosting.rounds" in page
    assert "http-equiv" in page

    told = read_events(world.bench.store, "tracking/sweep")
    values = {event.name: event.value for event in told.events}
    assert values == {"best_log_loss": pytest.approx(report.metrics["log_loss"]), "progress": 1.0}
    ended = {record.data["number"] for record in told.records if record.data.get("state") == "finished"}
    assert ended == set(range(stage.trials))
    assert told.records[-1].data["ended"] == "all trials are run"

    more = sweep(searcher="gaussian_process", trials=stage.trials + 1)
    longer = more.run(world.bench, train=world.train, validation=world.validation)["report"]
    assert longer.meta["trials"][: stage.trials] == trials, "more trials go on from the ones before"

    few = sweep(searcher="gaussian_process", trials=3)
    shorter = few.run(world.bench, train=world.train, validation=world.validation)["report"]
    assert shorter.meta["trials"] == trials[:3], "later trials are none of a shorter sweep's"
    assert shorter.meta["metrics"]["trials"] == 3
    assert shorter.meta["metrics"]["log_loss"] == min(trial["metrics"]["log_loss"] for trial in trials[:3])
    assert isinstance(shorter, Report)
    assert '<div class="name">trials</div><div class="value">3</div>' in shorter.html()


@pytest.mark.ray
@pytest.mark.usefixtures("ray")
def test_the_best_is_trained_once_more_and_judged_on_rows_that_nothing_saw(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {"train": world.train, "validation": world.validation, "test": world.test}
    stage = sweep(searcher="random", trials=3, metric="auc")

    class Killed(Exception):
        pass

    def killed(*_: Any, **__: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(LeafTrial, "finish", killed)
        patched.setattr("stagecraft.stages.sweep.Sweep._final", killed)
        with pytest.raises(Killed):
            stage.run(world.bench, **inputs)
    with monkeypatch.context() as patched:
        patched.setattr(LeafTrial, "__call__", killed)
        made = stage.run(world.bench, **inputs)
    report, model = made["report"], made["model"]
    assert isinstance(report, Report)
    assert report.metrics["finished"] == 3, "no trial is run again"
    judged = Evaluate(label="late").run(world.bench, model=model, dataset=world.test)["report"]
    for name in ("auc", "log_loss", "ks"):
        assert report.metrics[f"test_{name}"] == pytest.approx(judged.meta["metrics"][name], abs=1e-6)
        assert report.meta["test"][name] == report.metrics[f"test_{name}"]
    assert report.metrics["auc"] != report.metrics["test_auc"]
    assert "test auc" in report.html()
    told = [record.data for record in read_events(world.bench.store, "tracking/sweep").records]
    assert {"test": {"auc": report.metrics["test_auc"]}} in told

    first = sweep(searcher="random", trials=3, metric="auc", refit=False)
    alone = first.run(world.bench, **inputs)
    assert alone["report"].meta["trials"] == report.meta["trials"], "the search is the same"
    again = Evaluate(label="late").run(world.bench, model=alone["model"], dataset=world.validation)["report"]
    assert again.meta["metrics"]["auc"] == pytest.approx(report.metrics["auc"], abs=1e-6)
    assert alone["report"].meta["test"] != report.meta["test"]


@pytest.mark.ray
@pytest.mark.usefixtures("ray")
def test_a_sweep_begins_at_what_an_earlier_one_found_best(world: World, tmp_path: Path) -> None:
    (tmp_path / "parabola.py").write_text('def fit(p, attempt): return {"loss": (p["x"] - 0.7) ** 2}')
    function = PythonFunction(function="parabola:fit", folder=str(tmp_path))

    def tried(**changes: Any) -> dict[str, Any]:
        given = {"trainer": function, "space": {"x": Uniform(0, 1)}, "metric": "loss"}
        stage = sweep(**given | changes)
        made = stage.run(world.bench, train=world.train, validation=world.validation)
        return dict(made["report"].meta)

    earlier = tried(trials=12)
    later = tried(trials=2, seed=1)
    assert earlier["warm_start"]["start"] == []
    assert later["warm_start"]["considered"][0]["study"] == earlier["study"]
    assert later["trials"][0]["parameters"] == later["warm_start"]["start"][0] == earlier["best"]
    assert tried(trials=3, seed=1)["warm_start"] == later["warm_start"]
    assert tried(trials=2, seed=1, warm_start=False)["warm_start"] is None


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"space": {}}, "empty"),
        ({"space": {"boosting.leaves": Integer(1, 2)}}, "known are boosting.rounds"),
        ({"space": {"rounds": Integer(1, 2)}}, "no parameter 'rounds'"),
        ({"space": {"boosting.rounds": Uniform(1, 9)}}, "boosting.rounds does not take"),
        ({"space": {"boosting.subsample": Uniform(0, 1)}}, "boosting.subsample does not take 0"),
        ({"space": {"optimizer.alpha": Choice(["big"])}}, "optimizer.alpha does not take 'big'"),
        ({"constraints": {"small": "boosting.rounds < 0"}}, "none of 10000 random draws"),
        ({"constraints": {"small": "boosting.width < 9"}}, "no parameter 'boosting.width'"),
        ({"rounds": {"trials": 1}}, "rounds.trials"),
        ({"wall_seconds": 0}, "wall_seconds"),
        ({"trials": 0}, "greater than or equal to 1"),
        ({"searcher": "magic"}, "random"),
        ({"metric": "acu"}, "log_loss"),
    ],
)
def test_a_bad_sweep_is_refused_when_it_is_written(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidInputError, match=word):
        sweep(**changes)


def test_bad_rows_are_refused_before_any_trial(world: World) -> None:
    raw = world.validation
    one_class = world.commit("c", raw.table().filter(pc.field("late")))
    narrow = world.commit("d", raw.table().drop_columns(["wind"]))
    typed = world.commit("e", raw.table().set_column(0, "wind", pa.array(["strong"] * raw.rows, pa.string())))
    for changes, inputs, word in [
        ({"trainer": trainer(label="delay")}, {}, "sweep.trainer.label.*delay"),
        ({"trainer": trainer(weight="mass")}, {}, "mass"),
        ({}, {"train": raw}, "not encoded"),
        ({}, {"validation": one_class}, "one class"),
        ({}, {"validation": narrow}, "wind"),
        ({}, {"validation": typed}, "wind"),
        ({}, {"test": narrow}, "sweep.test.*wind"),
    ]:
        given: dict[str, Any] = {"train": world.train, "validation": raw} | inputs
        with pytest.raises(InvalidInputError, match=word):
            sweep(**changes).run(world.bench, **given)

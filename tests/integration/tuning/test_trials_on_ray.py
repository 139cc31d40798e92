"""Trials on a real Ray, as tasks and on Ray Tune: what ends a trial, and what ends the sweep."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import JobFailedError, UnreachableError
from stagecraft.tracking.reader import read_events
from stagecraft.tracking.writer import Tracker
from stagecraft.tuning.attempt import Attempt, Limits
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.run import Runner, run_trials
from stagecraft.tuning.space import Choice, Integer, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.stopping import Stopping
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Cause, Trial, TrialState

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray")]


def open_study(folder: Path, *kinds: str, seed: int = 0, **changes: Any) -> Study:
    given: dict[str, Any] = {
        "space": {"kind": Choice(list(kinds))} if kinds else {"x": Uniform(0, 1)},
        "objectives": {"loss": "minimize"},
        "searcher": "random",
        "concurrency": 2,
        "seed": seed,
    }
    return Study(Store(str(folder)), "studies/example", StudySpec(**given | changes))


def objective(parameters: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
    match parameters["kind"]:
        case "raises":
            raise ZeroDivisionError("no such depth")
        case "dies":
            os._exit(3)
        case "nan":
            return {"loss": float("nan")}
        case "nothing":
            return {}
        case "sleeps":
            time.sleep(60)
        case "grows":
            held = [bytearray(b"x") * (32 << 20) for _ in range(32)]
            time.sleep(60)
            return {"loss": len(held)}
    return {"loss": 1.5, "rows": 7}


@pytest.mark.parametrize("runner", ["tasks", "tune"])
def test_a_bad_trial_ends_alone_with_its_message(tmp_path: Path, runner: Runner) -> None:
    study = open_study(tmp_path, "good", "raises", "dies", "nan", "nothing", seed=1)
    seen: list[Trial] = []
    best = run_trials(study, objective, budget=Budget(trials=7), runner=runner, on_trial=seen.append)

    assert best.metrics == {"loss": 1.5, "rows": 7.0}
    assert sorted(trial.number for trial in seen) == list(range(7))
    words = {"raises": "no such depth", "dies": "died", "nan": "nan", "nothing": "no metric"}
    tried = {trial.parameters["kind"] for trial in study.trials}
    assert tried == {"good", *words}, "the seed tries every kind"
    for trial in study.failed:
        assert words[trial.parameters["kind"]] in (trial.message or "")
    assert all(trial.parameters["kind"] == "good" for trial in study.finished)

    def unwanted(_: Any, attempt: Attempt) -> dict[str, float]:
        raise AssertionError

    again = open_study(tmp_path, "good", *words, seed=1)
    assert run_trials(again, unwanted, budget=Budget(trials=7)) == best, "a study that is done runs nothing"
    assert again.trials == study.trials


def test_a_trial_that_takes_too_much_is_ended_alone(tmp_path: Path) -> None:
    study = open_study(tmp_path, "good", "sleeps", "grows", searcher="grid")
    run_trials(study, objective, budget=Budget(trials=9), limits=Limits(seconds=5, memory_bytes=512 << 20))
    causes = {trial.parameters["kind"]: trial.cause for trial in study.trials}
    assert causes == {"good": None, "sleeps": Cause.TIME, "grows": Cause.MEMORY}, "the grid ends the study"


def test_a_sweep_without_a_finished_trial_fails_with_the_first_error(tmp_path: Path) -> None:
    study = open_study(tmp_path, "raises", objectives={"loss": "minimize", "size": "minimize"})
    with pytest.raises(JobFailedError, match=r"none of the 1[01] trials.*ZeroDivisionError: no such depth"):
        run_trials(study, objective, budget=Budget(trials=500))


def test_a_trainer_that_never_tells_the_metric_ends_the_sweep_soon(tmp_path: Path) -> None:
    study = open_study(tmp_path, objectives={"auc": "maximize"})
    with pytest.raises(JobFailedError, match=r"none of the [23] trials.*no metric 'auc': it returned loss"):
        run_trials(study, lambda parameters, _: {"loss": parameters["x"]}, budget=Budget(trials=500))


@pytest.mark.parametrize("runner", ["tasks", "tune"])
def test_an_error_of_the_sweep_itself_is_not_swallowed(tmp_path: Path, runner: Runner) -> None:
    def broken(_: Trial) -> None:
        raise PermissionError("the disk is full")

    study = open_study(tmp_path, "good")
    with pytest.raises(PermissionError, match="disk is full"):
        run_trials(study, objective, budget=Budget(trials=50), runner=runner, on_trial=broken)
    assert len(study.trials) < 50


def stepping(parameters: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
    assert attempt.folder.is_dir()
    assert not list(attempt.folder.iterdir()), "its folder is its own"
    (attempt.folder / "seed").write_text(str(attempt.seed))
    for step in range(1, 10):
        attempt.report(step, parameters["x"] + 1 / step)
    return {"loss": parameters["x"], "drawn": random.random()}


@pytest.mark.parametrize("runner", ["tasks", "tune"])
def test_trials_that_report_steps_end_early_where_they_promise_little(tmp_path: Path, runner: Runner) -> None:
    study = open_study(tmp_path)
    best = run_trials(
        study,
        stepping,
        budget=Budget(trials=12),
        stopping=Stopping(rule="asha", first=1, eta=3),
        runner=runner,
        tracker=Tracker(Store(str(tmp_path)), "tracking/run"),
    )
    told = [record.data for record in read_events(Store(str(tmp_path)), "tracking/run").records]
    assert {each["number"] for each in told if "point" in each} == set(range(12)), "while they ran"
    assert {each["number"] for each in told if each.get("state") == "stopped"} == {
        trial.number for trial in study.stopped
    }
    assert best.state is TrialState.FINISHED
    assert [step for step, _ in best.curve] == list(range(1, 10))
    assert study.stopped
    assert len(study.finished) + len(study.stopped) == 12
    for trial in study.stopped:
        assert trial.metrics == {"loss": trial.curve[-1][1]}
        assert len(trial.curve) in (1, 3, 9)
        assert trial.parameters["x"] > best.parameters["x"]
    again = {trial.number: trial.metrics.get("drawn") for trial in study.finished}
    assert len(set(again.values())) == len(again), "each trial has a seed of its own"


def flattening(parameters: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
    """The loss falls towards x until its best step, and rises after it."""
    loss = 1.0
    for step in range(1, parameters["steps"] + 1):
        loss = parameters["x"] + 1 / step + max(step - 12, 0) / 50
        attempt.report(step, loss)
    return {"loss": loss}


@pytest.mark.parametrize("runner", ["tasks", "tune"])
def test_trials_that_cannot_become_the_best_end_early_and_stand_for_shorter_ones(
    tmp_path: Path, runner: Runner
) -> None:
    space = {"x": Uniform(0, 1), "steps": Integer(2, 40)}
    study = open_study(tmp_path, space=space, steps="steps", concurrency=1)
    best = run_trials(study, flattening, budget=Budget(trials=10), runner=runner)
    assert len(study.finished) == 10
    assert all(trial.parameters["steps"] <= 12 for trial in study.trials)
    assert best.metrics["loss"] == min(value for trial in study.trials for _, value in trial.curve)
    assert sum(len(trial.curve) for trial in study.trials) < 0.6 * 40 * 10


def slow(parameters: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
    time.sleep(0.4)
    return {"loss": parameters["x"], "cost": 2.0}


@pytest.mark.parametrize(("runner", "seconds"), [("tasks", 4), ("tune", 10)])
def test_a_budget_of_wall_time_is_kept_across_runs(tmp_path: Path, runner: Runner, seconds: float) -> None:
    study = open_study(tmp_path)
    began = time.monotonic()
    run_trials(study, slow, budget=Budget(wall_seconds=seconds), runner=runner)
    assert time.monotonic() - began < seconds * 1.05 + 0.4 + 3.0
    assert 1 < len(study.settled) < 50
    again = open_study(tmp_path)
    run_trials(again, slow, budget=Budget(wall_seconds=seconds), runner=runner)
    assert len(again.settled) <= len(study.trials), "the time of both runs counts"


def test_a_trial_larger_than_any_node_is_refused(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    with pytest.raises(UnreachableError, match="a trial takes 64 cores, and Ray's nodes have 2;"):
        run_trials(study, slow, budget=Budget(wall_seconds=2), limits=Limits(cpus=64))


def test_a_budget_of_cost_ends_a_sweep(tmp_path: Path) -> None:
    study = open_study(tmp_path)
    run_trials(study, slow, budget=Budget(cost=6.0))
    assert len(study.settled) in (3, 4)

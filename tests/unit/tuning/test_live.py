"""What a study tells while it runs, read as the tab of its task reads it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.tracking.reader import read_events
from stagecraft.tracking.writer import Tracker
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.live import POINTS, Live, Steps
from stagecraft.tuning.rounds import Rounds
from stagecraft.tuning.space import Choice, Integer, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Cause

FOLDER = "tracking/sweep"
SPEC = StudySpec(
    space={"kind": Choice(["a", "b"]), "x": Uniform(0, 1)},
    objectives={"auc": "maximize", "size": "minimize"},
    searcher="random",
    rounds=Rounds(trials=2),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def run(store: Store, trials: int, budget: Budget) -> None:
    """Run some trials; every third one fails, and the last stays as it began."""
    study = Study(store, "studies/example", SPEC)
    with Tracker(store, FOLDER) as tracker:
        live = Live(tracker, study, budget)
        live.begin()
        for place in range(trials):
            trial = study.ask(budget.trials)
            assert trial is not None
            live.asked(trial)
            if place == trials - 1:
                return
            if trial.number % 3 == 2:
                live.ended(study.fail(trial, Cause.RAISED, "x" * 5000, seconds=0.1))
                continue
            curve = [(step, trial.parameters["x"] / (step + 1)) for step in range(400)]
            metrics = {"auc": trial.parameters["x"], "size": 1 / 3, "cost": 2.0}
            live.ended(study.finish(trial, metrics, seconds=1 / 3, cpu=0.5, curve=curve))


def overlaid(store: Store) -> dict[int, dict[str, Any]]:
    trials: dict[int, dict[str, Any]] = {}
    for name, data, _ in read_events(store, FOLDER).records:
        if name == "trial":
            trials[data["number"]] = trials.get(data["number"], {}) | data
    return trials


def test_a_page_sees_each_trial_as_it_is(store: Store) -> None:
    run(store, 5, Budget(trials=10, cost=100))
    records = read_events(store, FOLDER).records
    header = records[0].data
    assert records[0].name == "sweep"
    assert header["objectives"] == {"auc": "maximize", "size": "minimize"}
    assert header["budget"] == {"trials": 10, "cost": 100}
    assert header["space"]["kind"]["options"] == ["a", "b"]
    assert header["study"] == "studies/example"

    told, study = overlaid(store), Study.opened(store, "studies/example")
    assert [told[number]["state"] for number in range(5)] == [
        "finished", "finished", "failed", "finished", "running",
    ]  # fmt: skip
    for trial in study.trials:
        assert told[trial.number]["parameters"]["kind"] == trial.parameters["kind"]
        assert told[trial.number]["parameters"]["x"] == pytest.approx(trial.parameters["x"], rel=1e-5)
    assert (told[1]["metrics"]["size"], told[1]["seconds"]) == (0.333333, 0.333333)
    assert told[3]["round"] == 1
    assert (told[2]["cause"], len(told[2]["message"])) == ("raised", 300)
    curve = told[0]["curve"]
    assert (len(curve), curve[0][0], curve[-1][0]) == (POINTS, 0, 399)
    assert [record.data["begins"] for record in records if record.name == "round"] == [2, 4]


def test_a_page_sees_a_trial_with_the_steps_that_it_stands_for(store: Store) -> None:
    space = {"x": Uniform(0, 1), "rounds": Integer(1, 9)}
    spec = StudySpec(space=space, objectives={"auc": "maximize"}, steps="rounds")
    study = Study(store, "studies/example", spec)
    with Tracker(store, FOLDER) as tracker:
        live = Live(tracker, study, Budget(trials=1))
        trial = study.ask()
        assert trial is not None
        live.asked(trial)
        said = [{"auc": 0.9}]
        live.ended(study.finish(trial, {"auc": 0.8}, seconds=1.0, curve=[(1.0, 0.9)], said=said))
    told = overlaid(store)[0]
    assert (told["parameters"]["rounds"], told["metrics"]) == (1, {"auc": 0.9})


def test_values_say_the_best_and_what_is_used(store: Store) -> None:
    run(store, 5, Budget(trials=100, cost=12))
    events = read_events(store, FOLDER).events
    progress = [event.value for event in events if event.name == "progress"]
    assert progress == pytest.approx([0.0, 2 / 12, 4 / 12, 4 / 12, 6 / 12])
    study = Study.opened(store, "studies/example")
    best = [event.value for event in events if event.name == "best_auc"]
    assert best[-1] == max(trial.metrics["auc"] for trial in study.finished)
    assert best == sorted(best)


def test_a_second_try_tells_what_the_first_one_left(store: Store) -> None:
    run(store, 4, Budget(trials=3 + 4))
    before = len(read_events(store, FOLDER).records)
    run(store, 1, Budget(trials=3 + 4))
    again = [record for record in read_events(store, FOLDER).records[before:] if record.name == "trial"]
    assert [record.data["number"] for record in again] == [0, 1, 2, 3, 3]
    assert [record.data.get("attempt", 1) for record in again][-1] == 2
    run(store, 0, Budget(trials=2))
    shorter = [record.data for record in read_events(store, FOLDER).records if record.name == "sweep"][-1]
    assert shorter["budget"]["trials"] == 2


def test_a_running_trial_tells_points_of_its_curve_now_and_then(store: Store) -> None:
    with Tracker(store, FOLDER) as tracker:
        steps = Steps(tracker, 7)
        steps(0, float("nan"))
        for step in range(1, 1000):
            steps(step, 1 / 3)
    told = [record.data for record in read_events(store, FOLDER).records]
    assert told[0] == {"number": 7, "point": [1, 0.333333]}
    assert len(told) < 10


def test_importance_is_told_at_the_end_and_costs_a_share_of_the_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("stagecraft.tuning.live.time.monotonic", lambda: now)
    study = Study(store, "studies/example", SPEC)
    with Tracker(store, FOLDER) as tracker:
        live = Live(tracker, study, Budget(trials=100))
        live.begin()
        for number in range(100):
            now = float(number)
            trial = study.ask()
            assert trial is not None
            metrics = {"auc": trial.parameters["x"], "size": float(trial.parameters["kind"] == "a")}
            live.ended(study.finish(trial, metrics, seconds=0.1))
        live.end("all trials are run")
    told = [record.data for record in read_events(store, FOLDER).records if record.name == "importance"]
    counts = [each["trials"] for each in told]
    assert counts[0] == 26, "not before it can pay"
    assert all(later >= 1.1 * earlier for earlier, later in itertools.pairwise(counts[:-1]))
    assert counts[-1] == 100
    assert len(counts) < 20
    assert told[-1]["objectives"]["auc"]["x"] > 0.9
    assert told[-1]["objectives"]["size"]["kind"] > 0.9

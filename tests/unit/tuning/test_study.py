"""The study: what it records, and how it goes on after a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.tuning.space import Choice, Integer, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Cause, Trial, TrialState

FOLDER = "studies/example"


def spec(**changes: Any) -> StudySpec:
    given: dict[str, Any] = {
        "space": {"x": Uniform(0, 1)},
        "objectives": {"loss": "minimize"},
        "searcher": "gaussian_process",
        "concurrency": 2,
    }
    return StudySpec(**given | changes)


def opened(store: Store, **changes: Any) -> Study:
    return Study(store, FOLDER, spec(**changes))


def judged(study: Study, trial: Trial) -> Trial:
    return study.finish(trial, {"loss": (trial.parameters["x"] - 0.3) ** 2}, seconds=1.0, cpu=1.0)


def asked(study: Study) -> Trial:
    trial = study.ask()
    assert trial is not None
    return trial


def run(study: Study, trials: int) -> list[Any]:
    """Run to the end, two at a time, the younger one ending first where it can."""
    running: list[Trial] = []
    while len(study.settled) < trials:
        while (trial := study.ask(trials)) is not None:
            running.append(trial)
        judged(study, running.pop())
    return [trial.parameters for trial in study.trials]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def test_a_shorter_sweep_has_the_first_trials_alone(store: Store) -> None:
    longer = opened(store)
    run(longer, 6)
    running = asked(longer)
    shorter = opened(store)
    first = shorter.first(3)
    assert first.trials == longer.trials[:3]
    assert len(first.settled) == 3
    assert first.best == min(longer.trials[:3], key=lambda trial: trial.metrics["loss"])
    assert (shorter.remaining(3), shorter.ask(3)) == (0, None), f"{running.name} is none of its own"
    assert shorter.remaining(7) == 1


def test_a_reopened_study_hands_out_no_finished_trial_again(store: Store) -> None:
    first = opened(store)
    done, interrupted = asked(first), asked(first)
    judged(first, done)

    second = opened(store)
    again = asked(second)
    assert (again.number, again.parameters) == (interrupted.number, interrupted.parameters)
    assert again.attempt == 2
    assert asked(second).number == 2
    assert [trial.number for trial in second.finished] == [0]


@pytest.mark.parametrize("killed_after", [1, 4, 7])
def test_a_crash_does_not_change_what_is_tried(store: Store, tmp_path: Path, killed_after: int) -> None:
    whole = run(Study(Store(str(tmp_path / "whole")), FOLDER, spec()), 8)
    run(opened(store), killed_after)
    assert run(opened(store), 8) == whole


def test_which_trial_ends_first_does_not_change_what_is_tried(store: Store, tmp_path: Path) -> None:
    first = Study(Store(str(tmp_path / "other")), FOLDER, spec())
    running = [asked(first), asked(first)]
    while len(first.trials) < 7:
        judged(first, running.pop(0))
        running.append(asked(first))
    assert run(opened(store), 7) == [trial.parameters for trial in first.trials]


def test_the_next_trial_waits_for_the_one_it_is_chosen_by(store: Store) -> None:
    study = opened(store)
    oldest, younger = asked(study), asked(study)
    judged(study, younger)
    assert study.ask() is None
    judged(study, oldest)
    assert asked(study).number == 2


def test_more_trials_go_on_from_the_ones_before(store: Store) -> None:
    begun = run(opened(store), 4)
    study = Study.opened(store, FOLDER)
    assert study.ask(4) is None
    assert study.remaining(6) == 2
    assert run(study, 6)[:4] == begun


@pytest.mark.parametrize(
    ("metrics", "word"),
    [
        ({}, "nothing"),
        ({"auc": 0.5}, "auc"),
        ({"loss": float("nan")}, "nan"),
        ({"loss": float("inf")}, "inf"),
        ({"loss": "good"}, "good"),
    ],
)
def test_a_trial_without_a_finite_metric_has_failed(store: Store, metrics: dict[str, Any], word: str) -> None:
    study = opened(store)
    trial = study.finish(asked(study), metrics, seconds=0.0)
    assert trial.state is TrialState.FAILED
    assert word in (trial.message or "")
    assert study.best is None


@pytest.mark.parametrize(("direction", "best"), [("minimize", 1.0), ("maximize", 3.0)])
def test_the_best_trial_follows_the_direction(
    store: Store, direction: Literal["minimize", "maximize"], best: float
) -> None:
    study = opened(store, objectives={"loss": direction}, searcher="random")
    for value in (2.0, 1.0, 3.0):
        study.finish(asked(study), {"loss": value}, seconds=0.0)
    study.fail(asked(study), Cause.RAISED, "no", seconds=0.0)
    assert study.best is not None
    assert study.best.metrics["loss"] == best


def test_failed_trials_are_kept_once_one_has_finished_and_tried_again_before(store: Store) -> None:
    study = opened(store)
    study.fail(asked(study), Cause.RAISED, "no", seconds=0.0)
    again = asked(opened(store))
    assert (again.number, again.attempt) == (0, 2)

    study = opened(store)
    judged(study, asked(study))
    study.fail(asked(study), Cause.RAISED, "no", seconds=0.0)
    assert asked(opened(store)).number == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"space": {"x": Uniform(0, 2)}}, "study.space"),
        ({"space": {"x": Uniform(0, 1), "y": Integer(1, 2)}}, "study.space"),
        ({"seed": 1}, "study.seed"),
        ({"objectives": {"auc": "minimize"}}, "study.objectives"),
        ({"searcher": "random"}, "study.searcher"),
    ],
)
def test_a_study_is_not_opened_with_another_specification(
    store: Store, changes: dict[str, Any], field: str
) -> None:
    opened(store)
    with pytest.raises(InvalidInputError, match=field):
        opened(store, **changes)


def test_a_damaged_study_is_refused(store: Store) -> None:
    study = opened(store)
    judged(study, asked(study))
    judged(study, asked(study))
    path = Path(store.root, FOLDER, "journal.jsonl")
    whole = path.read_bytes()
    path.write_bytes(b"{\n" + whole)
    with pytest.raises(CorruptArtifactError, match="record 1 "):
        opened(store)
    path.write_bytes(b"".join(line for line in whole.splitlines(True) if b'"number":0' not in line))
    with pytest.raises(CorruptArtifactError, match="missing"):
        opened(store)
    path.write_bytes(whole.replace(b'"loss"', b'"loss":1,"x"'))
    assert opened(store).trials[0].metrics["loss"] == 1, "what is whole is read"
    path.write_bytes(whole.replace(b'"seconds"', b'"hours"'))
    with pytest.raises(CorruptArtifactError, match="hours"):
        opened(store)


def test_a_trial_that_never_ends_is_given_up(store: Store) -> None:
    for attempt in (1, 2, 3):
        assert asked(opened(store)).attempt == attempt
    study = opened(store)
    assert asked(study).number == 1
    assert study.trials[0].cause is Cause.DIED


def test_of_several_objectives_the_front_is_kept(store: Store) -> None:
    study = opened(store, objectives={"loss": "minimize", "auc": "maximize"}, searcher="random")
    pairs = [(1.0, 0.5), (2.0, 0.9), (1.0, 0.5), (3.0, 0.8), (1.5, 0.5), (2.0, 0.95)]
    for loss, auc in pairs:
        study.finish(asked(study), {"loss": loss, "auc": auc}, seconds=0.0)
    assert [trial.number for trial in study.front] == [0, 2, 5]
    assert study.best is not None
    assert study.best.number == 0
    study.finish(asked(study), {"loss": 0.0}, seconds=0.0)
    assert study.failed[0].cause is Cause.NO_METRIC


@pytest.mark.parametrize("narrow", [0.5, 1.0])
def test_a_round_narrows_the_space_around_the_best_and_is_recorded(store: Store, narrow: float) -> None:
    changes: dict[str, Any] = {"rounds": {"trials": 6, "narrow": narrow}, "searcher": "random"}
    study = opened(store, **changes)
    run(study, 12)
    again = opened(store, **changes)
    run(again, 18)
    assert [(each.number, each.begins) for each in again.rounds] == [(1, 6), (2, 12)]
    for turned in again.rounds:
        dimension: Any = turned.space["x"]
        assert dimension.high - dimension.low == pytest.approx(narrow**turned.number)
        mine = [trial for trial in again.trials if trial.round == turned.number]
        assert len(mine) == 6
        assert all(dimension.low <= trial.parameters["x"] <= dimension.high for trial in mine)
        assert turned.best == again.first(turned.begins - 1).best.parameters  # type: ignore[union-attr]


def test_the_wall_time_of_all_runs_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.time", lambda: now)
    monkeypatch.setattr("time.monotonic", lambda: now)
    for _ in range(2):
        study = opened(store)
        study.begin()
        now += 5
        judged(study, asked(study))
        now += 100  # what happens after the last trial's end is not known any more
    assert opened(store).wall == 10.0


def test_starting_points_come_first_and_must_lie_in_the_space(store: Store) -> None:
    study = opened(store, start=[{"x": 0.25}])
    assert asked(study).parameters == {"x": 0.25}
    with pytest.raises(ValueError, match=r"start\[0\].x: 2 is out of bounds"):
        StudySpec(space={"x": Uniform(0, 1)}, objectives={"loss": "minimize"}, start=[{"x": 2}])


def test_an_effort_is_checked_before_any_trial(store: Store) -> None:
    space: dict[str, Any] = {
        "x": Uniform(1, 9),
        "kind": Choice(["a", "b"]),
        "deep": Integer(1, 9, when={"kind": ["a"]}),
    }
    study = opened(store, space=space, effort="x * 2", searcher="default")
    assert len(run(study, 10)) == 10
    for effort, word in [("y", "no parameter y"), ("deep * x", "no parameter deep"), ("kind", "float")]:
        with pytest.raises(ValueError, match=word):
            spec(space=space, effort=effort)


STEPS = {"space": {"x": Uniform(0, 1), "rounds": Integer(2, 8)}, "steps": "rounds", "concurrency": 1}


def reported(study: Study, trial: Trial, losses: list[float], **how: Any) -> Trial:
    """End a trial that reported a loss, and one more metric, at every step from 1 on."""
    said = [{"loss": loss, "at": float(step)} for step, loss in enumerate(losses, 1)]
    curve = [(float(step), loss) for step, loss in enumerate(losses, 1)]
    return study.finish(trial, said[-1] | {"cost": 3.0}, seconds=1.0, curve=curve, said=said, **how)


def test_a_trial_stands_for_one_that_ends_at_its_best_step(store: Store) -> None:
    study = opened(store, **STEPS, start=[{"x": 0.5, "rounds": 3}])
    trial = asked(study)
    assert trial.parameters == {"x": 0.5, "rounds": 8}, "as many as there are"
    ended = reported(study, trial, [0.1, 0.5, 0.3, 0.2, 0.4, 0.6, 0.7, 0.8])
    assert ended.parameters == {"x": 0.5, "rounds": 4}, "one step is too few for the space"
    assert ended.metrics == {"loss": 0.2, "at": 4.0, "cost": 3.0}, "the cost is that of all steps"
    assert study.best == opened(store, **STEPS, start=[{"x": 0.5, "rounds": 3}]).best == ended


def test_a_trial_that_ends_early_counts_by_its_best_step(store: Store) -> None:
    study = opened(store, **STEPS)
    ended = reported(study, asked(study), [0.9, 0.4, 0.5], stopped=True)
    assert (ended.state, ended.parameters["rounds"]) == (TrialState.FINISHED, 2)
    none = reported(study, asked(study), [0.3], stopped=True)
    assert (none.state, none.parameters["rounds"]) == (TrialState.STOPPED, 8)


def test_a_step_that_is_no_whole_number_stands_for_no_trial(store: Store) -> None:
    study = opened(store, **STEPS)
    curve = [(float("nan"), 0.1), (float("inf"), 0.1), (2.5, 0.1), (3.0, 0.4), (4.0, float("nan"))]
    said = [{"loss": loss} for _, loss in curve]
    ended = study.finish(asked(study), {"loss": 0.5}, seconds=1.0, curve=curve, said=said)
    assert (ended.parameters["rounds"], ended.metrics) == (3, {"loss": 0.4})


@pytest.mark.parametrize("searcher", ["default", "tpe"])
@pytest.mark.parametrize("rounds", [None, {"trials": 4}])
def test_a_searcher_learns_of_the_best_steps_or_does_not_see_them(
    store: Store, searcher: str, rounds: dict[str, int] | None
) -> None:
    space = {"x": Integer(1, 9), "rounds": Integer(2, 8)}
    changes = STEPS | {"searcher": searcher, "space": space, "rounds": rounds}
    study = opened(store, **changes)
    for number in range(9):
        reported(study, asked(study), [0.5] * (1 + number % 3) + [0.1, 0.5])
        if number == 5:
            study = opened(store, **changes)
    assert len({trial.parameters["x"] for trial in study.trials}) > 4
    assert {trial.parameters["rounds"] for trial in study.trials} == {2, 3, 4}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"steps": "depth"}, "steps"),
        ({"steps": "x"}, "steps"),
        ({"objectives": {"loss": "minimize", "seconds": "minimize"}}, "steps"),
        ({"space": {"x": Integer(0, 1), "rounds": Integer(1, 9, when={"x": [1]})}}, "steps"),
        ({"space": {"rounds": Integer(1, 9)}}, "space"),
        ({"constraints": {"work": "rounds * x < 3"}}, r"constraints\[work\]"),
        ({"effort": "rounds * x", "searcher": "tpe"}, "effort"),
    ],
)
def test_steps_are_a_whole_number_beside_what_is_searched(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(ValueError, match=rf"study\.{where}"):
        spec(**STEPS | changes)

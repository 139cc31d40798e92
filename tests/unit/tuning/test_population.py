"""Population based training: who goes on from whom, with which parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.stages.sweep import Sweep
from stagecraft.tuning.population import Population, PopulationBased, scaled
from stagecraft.tuning.space import Choice, Dimension, Integer, LogUniform, Space, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Cause, Trial

SPACE: dict[str, Dimension] = {
    "rate": LogUniform(0.001, 1),
    "depth": Integer(2, 9),
    "kind": Choice(["a", "b"]),
    "slope": Uniform(0, 1, when={"kind": ["a"]}),
}
POPULATION = Population(members=4, interval=5)


def opened(folder: Path, **changes: Any) -> Study:
    given: dict[str, Any] = {
        "space": SPACE,
        "objectives": {"loss": "minimize"},
        "population": POPULATION,
        "concurrency": 3,
        "seed": 1,
    }
    return Study(Store(str(folder)), "studies/population", StudySpec(**given | changes))


def end(study: Study, trial: Trial, losses: dict[int, float | None]) -> None:
    loss = losses.get(trial.number, float(trial.number))
    if loss is None:
        study.fail(trial, Cause.RAISED, "no", seconds=1.0)
    else:
        study.finish(trial, {"loss": loss}, seconds=1.0)


def run(
    study: Study, losses: dict[int, float | None], *, youngest_first: bool = False, trials: int = 12
) -> list[Trial]:
    running: list[Trial] = []
    while len(study.settled) < trials:
        while len(running) < study.spec.concurrency and (trial := study.ask(trials)) is not None:
            running.append(trial)
        if not running:
            break
        end(study, running.pop(-1 if youngest_first else 0), losses)
    return study.trials


def test_the_worst_goes_on_from_the_best_and_the_others_from_themselves(tmp_path: Path) -> None:
    study = opened(tmp_path)
    trials = run(study, {0: 3.0, 1: 1.0, 2: 9.0, 3: 2.0, 4: 1.0, 5: 4.0, 6: 2.0, 7: 3.0})
    assert len(trials) == 12, "three generations"
    assert [trial.parent for trial in trials] == [None] * 4 + [0, 1, 1, 3] + [4, 4, 6, 7]
    assert [POPULATION.until(trial.number) for trial in trials] == [5] * 4 + [10] * 4 + [15] * 4
    for trial in trials[4:]:
        assert trial.parent is not None
        before = trials[trial.parent].parameters
        assert (trial.parameters == before) == (trial.parent == trial.number - 4)
    assert all(Space(SPACE).check(trial.parameters) for trial in trials)
    assert [trial.parent for trial in opened(tmp_path).trials] == [trial.parent for trial in trials]


def test_neither_the_order_of_ends_nor_a_crash_changes_who_goes_on_from_whom(tmp_path: Path) -> None:
    losses = {number: float(number * 7 % 5) for number in range(12)}
    whole = [
        (trial.parent, trial.parameters)
        for trial in run(opened(tmp_path / "a"), losses)  # type: ignore[arg-type]
    ]
    run(opened(tmp_path / "b"), losses, youngest_first=True, trials=6)  # type: ignore[arg-type]
    interrupted = opened(tmp_path / "b")
    assert interrupted.ask() is not None
    again = run(opened(tmp_path / "b"), losses)  # type: ignore[arg-type]
    assert [(trial.parent, trial.parameters) for trial in again] == whole
    assert sorted(trial.attempt for trial in again) == [1] * 11 + [2]


def test_a_member_that_failed_goes_on_from_the_best_and_begins_anew_where_none_is_left(
    tmp_path: Path,
) -> None:
    trials = run(opened(tmp_path), {2: None, 1: None, **dict.fromkeys(range(4, 8))})
    assert [trial.parent for trial in trials[4:8]] == [0, 0, 0, 3]
    assert [trial.parent for trial in trials[8:]] == [None] * 4
    assert len({str(trial.parameters) for trial in trials[8:]}) == 4


def test_a_generation_waits_for_the_one_before(tmp_path: Path) -> None:
    study = opened(tmp_path, concurrency=9)
    first = [study.ask() for _ in range(4)]
    assert study.ask() is None
    for trial in first[1:]:
        assert trial is not None
        end(study, trial, {})
    assert study.ask() is None
    assert first[0] is not None
    end(study, first[0], {})
    assert study.ask() is not None


@pytest.mark.parametrize(
    ("dimension", "value", "factor", "wanted"),
    [
        (LogUniform(0.001, 1), 0.1, 1.2, 0.12),
        (LogUniform(0.001, 1), 0.9, 1.2, 1.0),
        (LogUniform(0.001, 1), 0.0011, 0.8, 0.001),
        (Uniform(0, 1), 0.5, 0.8, 0.4),
        (Uniform(-1, 1), -0.9, 1.2, -1.0),
        (Uniform(0, 1, step=0.25), 0.5, 1.2, 0.75),
        (Integer(1, 100), 50, 0.8, 40),
        (Integer(1, 100, log=True), 2, 1.2, 3),
        (Integer(1, 100), 1, 0.8, 1),
        (Integer(32, 256, step=32), 64, 0.8, 32),
        (Choice([1, 2, 4]), 2, 1.2, 2),
        (Choice([True, False]), True, 1.2, True),
    ],
)
def test_a_parameter_moves_within_its_dimension(
    dimension: Dimension, value: Any, factor: float, wanted: Any
) -> None:
    moved = scaled(dimension, value, factor)
    assert moved == pytest.approx(wanted)
    assert type(moved) is type(wanted)


def test_a_copy_keeps_to_the_constraints_and_draws_anew_as_often_as_it_is_told() -> None:
    space = Space({"x": Uniform(0, 10), "y": Uniform(0, 10)}, {"below": "x < y"})
    for share in (0.0, 1.0):
        population = Population(members=2, interval=1, resample=share)
        searcher = PopulationBased(space, population=population)
        kept = 0
        for number in range(0, 400, 2):
            for _ in range(2):
                searcher.tell({"x": 5.0, "y": 5.5}, [float(_)])
            copied = searcher.ask(number + 3)
            assert space.check(copied)
            kept += copied["x"] in (4.0, 6.0)
        assert kept == (200 if share == 0 else 0)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"population": {"interval": 0}}, "interval"),
        ({"population": {"interval": 1, "quantile": 0.6}}, "quantile"),
        ({"population": {"interval": 1, "factors": (1.1, 1.2)}}, "factors"),
        ({"population": {"interval": 1, "members": 1}}, "members"),
        ({"searcher": "tpe"}, "study.searcher: tpe beside a population"),
        ({"rounds": {"trials": 4}}, "study.rounds"),
    ],
)
def test_a_bad_population_is_refused(tmp_path: Path, changes: dict[str, Any], word: str) -> None:
    with pytest.raises((InvalidInputError, ValueError), match=word):
        opened(tmp_path, **changes)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"trainer": {"type": "leaf_regression", "label": "y"}}, "leaf_regression keeps no checkpoints"),
        ({"trials": 4}, "sweep.trials: 4 trials of 4 members"),
        ({"searcher": "tpe"}, "sweep.searcher: tpe beside a population"),
        ({"stopping": {"rule": "asha"}}, "sweep.stopping"),
        ({"rounds": {"trials": 4}}, "sweep.rounds"),
    ],
)
def test_a_sweep_whose_trainer_cannot_train_as_a_population_is_refused_when_it_is_written(
    changes: dict[str, Any], word: str
) -> None:
    space = {"boosting.learning_rate": LogUniform(0.1, 1)}
    given = {"trainer": {"type": "command", "argv": ["train"]}, "space": space, "population": POPULATION}
    assert Sweep.validated(given).trials == 20
    with pytest.raises(InvalidInputError, match=word):
        Sweep.validated(given | changes)

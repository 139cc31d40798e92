"""The export to Optuna, read by Optuna itself."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.tuning.optuna_export import export_to_optuna
from stagecraft.tuning.rounds import Rounds
from stagecraft.tuning.space import Choice, Integer, LogUniform, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Cause


def test_optuna_reads_what_was_exported(tmp_path: Path) -> None:
    spec = StudySpec(
        space={
            "kind": Choice(["a", None]),
            "rate": LogUniform(0.01, 1),
            "step": Uniform(0, 1, step=0.1, when={"kind": ["a"]}),
        },
        objectives={"auc": "maximize"},
        searcher="random",
    )
    study = Study(Store(str(tmp_path)), "studies/example", spec)
    for number in range(6):
        trial = study.ask()
        assert trial is not None
        if number == 3:
            study.fail(trial, Cause.DIED, "gone", seconds=1.0)
        else:
            curve = [(1, 0.2), (2, 0.1 * number)]
            study.finish(trial, {"auc": 0.1 * number}, seconds=2.0, curve=curve, stopped=number == 4)

    path = tmp_path / "sweep.log"
    export_to_optuna(study, path)
    read = optuna.load_study(study_name="sweep", storage=JournalStorage(JournalFileBackend(str(path))))
    states = ["COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "PRUNED", "COMPLETE"]
    assert [trial.state.name for trial in read.trials] == states
    assert read.best_value == 0.5
    for ours, theirs in zip(study.trials, read.trials, strict=True):
        assert theirs.params["rate"] == ours.parameters["rate"]
        assert theirs.params["kind"] == ours.parameters["kind"]
        assert ("step" in theirs.params) == ("step" in ours.parameters)
        assert [theirs.intermediate_values[int(step)] for step, _ in ours.curve] == [v for _, v in ours.curve]
    assert read.trials[3].user_attrs["message"] == "gone"
    assert read.trials[0].duration is not None
    with pytest.raises(InvalidInputError, match="there already"):
        export_to_optuna(study, path)


def test_several_objectives_conditions_and_uneven_steps(tmp_path: Path) -> None:
    spec = StudySpec(
        space={
            "booster": Choice(["trees", "linear", None]),
            "depth": Integer(1, 64, log=True, when={"booster": ["trees"]}),
            "grow": Choice([1, True, "1"], when={"booster": ["trees"]}),
            "leaves": Integer(8, 64, step=8, when={"grow": [True]}),
        },
        objectives={"auc": "maximize", "size": "minimize"},
        searcher="random",
        rounds=Rounds(trials=10),
    )
    study = Study(Store(str(tmp_path)), "studies/example", spec)
    for number in range(40):
        trial = study.ask()
        assert trial is not None
        if number % 10 == 3:
            study.fail(trial, Cause.RAISED, "no such depth", seconds=1.0)
            continue
        curve = [(0.25, 0.1), (0.5, 0.2), (3, 0.3)]
        metrics = {"auc": number / 40, "size": abs(number - 20)}
        study.finish(trial, metrics, seconds=2.0, cpu=1.0, curve=curve, stopped=number % 10 == 4)
    path = tmp_path / "sweep.log"
    export_to_optuna(study, path, name="two")
    read = optuna.load_study(study_name="two", storage=JournalStorage(JournalFileBackend(str(path))))
    assert read.metric_names == ["auc", "size"]
    assert {trial.number for trial in read.best_trials} == {trial.number for trial in study.front}
    states = [trial.state.name for trial in read.trials]
    assert (states.count("COMPLETE"), states.count("PRUNED"), states.count("FAIL")) == (32, 4, 4)
    for ours, theirs in zip(study.trials, read.trials, strict=True):
        assert theirs.params.keys() == ours.parameters.keys()
        assert theirs.params["booster"] == ours.parameters["booster"]
        if "leaves" in ours.parameters:
            assert theirs.params["leaves"] == ours.parameters["leaves"]
        if "grow" in ours.parameters:
            assert theirs.params["grow"] == repr(ours.parameters["grow"])
        if ours.curve:
            assert list(theirs.intermediate_values.values()) == [0.1, 0.2, 0.3]
    assert any("leaves" in trial.params for trial in read.trials)

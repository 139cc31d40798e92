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
from stagecraft.tuning.space import Choice, LogUniform, Uniform
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
        assert ("step" in theirs.params) == ("step" in ours.parameters)
        assert [theirs.intermediate_values[int(step)] for step, _ in ours.curve] == [v for _, v in ours.curve]
    assert read.trials[3].user_attrs["message"] == "gone"
    assert read.trials[0].duration is not None
    with pytest.raises(InvalidInputError, match="there already"):
        export_to_optuna(study, path)

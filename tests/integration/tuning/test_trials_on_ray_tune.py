"""Trials on a real Ray Tune: what ends a trial, and what ends the sweep."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import JobFailedError
from stagecraft.tuning.space import Choice
from stagecraft.tuning.study import Study, StudySpec
from stagecraft.tuning.trial import Trial
from stagecraft.tuning.trials import run_trials

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray")]


def open_study(folder: Path, *kinds: str, seed: int = 0) -> Study:
    space: dict[str, Any] = {"kind": Choice(list(kinds))}
    spec = StudySpec(space=space, metric="loss", direction="minimize", concurrency=2, seed=seed)
    return Study(Store(str(folder)), "studies/example", spec)


def objective(parameters: dict[str, Any]) -> dict[str, Any]:
    match parameters["kind"]:
        case "raises":
            raise ZeroDivisionError("no such depth")
        case "dies":
            os._exit(3)
        case "nan":
            return {"loss": float("nan")}
        case "nothing":
            return {}
    return {"loss": 1.5, "rows": 7}


def test_a_bad_trial_ends_alone_with_its_message(tmp_path: Path) -> None:
    study = open_study(tmp_path, "good", "raises", "dies", "nan", "nothing", seed=1)
    seen: list[Trial] = []
    best = run_trials(study, objective, trials=7, on_trial=seen.append)

    assert best.metrics == {"loss": 1.5, "rows": 7.0}
    assert sorted(trial.number for trial in seen) == list(range(7))
    words = {"raises": "no such depth", "dies": "died", "nan": "nan", "nothing": "no metric"}
    tried = {trial.parameters["kind"] for trial in study.trials}
    assert tried == {"good", *words}, "the seed tries every kind"
    for trial in study.failed:
        assert words[trial.parameters["kind"]] in (trial.message or "")
    assert all(trial.parameters["kind"] == "good" for trial in study.finished)

    def unwanted(_: Any) -> dict[str, float]:
        raise AssertionError

    again = open_study(tmp_path, "good", *words, seed=1)
    assert run_trials(again, unwanted, trials=7) == best, "a study that is done runs nothing"
    assert again.trials == study.trials


def test_a_sweep_without_a_finished_trial_fails_with_the_first_error(tmp_path: Path) -> None:
    with pytest.raises(JobFailedError, match=r"none of the 3 trials.*ZeroDivisionError: no such depth"):
        run_trials(open_study(tmp_path, "raises"), objective, trials=3)


def test_an_error_of_the_sweep_itself_is_not_swallowed(tmp_path: Path) -> None:
    def broken(_: Trial) -> None:
        raise PermissionError("the disk is full")

    study = open_study(tmp_path, "good")
    with pytest.raises(PermissionError, match="disk is full"):
        run_trials(study, objective, trials=50, on_trial=broken)
    assert len(study.trials) < 50

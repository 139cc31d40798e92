"""Trials as mapped tasks, in a DAG that Airflow runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError, JobFailedError
from stagecraft.tuning.mapping import best_of, mapped_trials
from stagecraft.tuning.space import Choice, Integer, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study


def spec(**changes: Any) -> StudySpec:
    given: dict[str, Any] = {
        "space": {"depth": Integer(2, 4), "kind": Choice(["a", "b"])},
        "objectives": {"loss": "minimize"},
        "searcher": "grid",
    }
    return StudySpec(**given | changes)


@pytest.mark.parametrize(("changes", "trials"), [({}, None), ({}, 4), ({"searcher": "random", "seed": 3}, 5)])
def test_mapped_trials_are_those_of_a_sweep(tmp_path: Path, changes: Any, trials: int | None) -> None:
    mapped = mapped_trials(spec(**changes), trials)
    study = Study(Store(str(tmp_path)), "studies/mapped", spec(**changes, concurrency=6))
    swept = [study.ask() for _ in mapped]
    assert [(trial.number, trial.parameters) for trial in swept if trial] == [
        (each["number"], each["parameters"]) for each in mapped
    ]
    assert len(mapped) == (trials or 6)


def test_the_best_of_mapped_trials_is_found_beside_failures() -> None:
    mapped = mapped_trials(spec())
    values: list[Any] = [0.5, None, float("nan"), 0.2, "low", 0.2]
    ended = [{**trial, "metrics": {"loss": value}} for trial, value in zip(mapped, values, strict=True)]
    assert best_of(spec(), [*reversed(ended), None])["number"] == 3
    assert best_of(spec(objectives={"loss": "maximize"}), ended)["number"] == 0
    with pytest.raises(JobFailedError, match="finite loss"):
        best_of(spec(), [ended[1], None, {"number": 7, "parameters": {}}])


@pytest.mark.parametrize(
    ("changes", "trials", "word"),
    [
        ({"searcher": "tpe"}, 4, "learn from the trials before"),
        ({"searcher": "random", "rounds": {"trials": 2}}, 4, "learn from"),
        ({"searcher": "random"}, None, "1 to 1024"),
        ({"searcher": "random"}, 0, "1 to 1024"),
        ({"space": {f"x{place}": Uniform(0, 1) for place in range(5)}}, None, "1 to 1024"),
    ],
)
def test_what_cannot_be_mapped_is_refused(changes: Any, trials: int | None, word: str) -> None:
    with pytest.raises(InvalidInputError, match=word):
        mapped_trials(spec(**changes), trials)

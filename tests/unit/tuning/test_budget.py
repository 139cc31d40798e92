"""Budgets: which limit ends a sweep."""

from __future__ import annotations

from typing import Any

import pytest

from stagecraft.tuning.budget import Budget
from stagecraft.tuning.space import Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.trial import Trial, TrialState
from stagecraft.tuning.trials import Trials

SPEC = StudySpec(space={"x": Uniform(0, 1)}, objectives={"loss": "minimize"})
TRIALS = Trials(
    SPEC,
    [
        Trial(
            number=0, parameters={}, state=TrialState.FINISHED, cpu=2.0, metrics={"loss": 1.0, "cost": 3.0}
        ),
        Trial(number=1, parameters={}, state=TrialState.FAILED, cpu=4.0),
    ],
    [],
)


@pytest.mark.parametrize(
    ("limits", "word"),
    [
        ({}, None),
        ({"wall_seconds": 10.5, "cpu_seconds": 6.5, "cost": 3.5}, None),
        ({"wall_seconds": 10}, "wall_seconds"),
        ({"cpu_seconds": 6}, "cpu_seconds"),
        ({"cost": 3}, "cost: 3 of 3 are used"),
        ({"wall_seconds": 99, "cost": 2}, "cost"),
    ],
)
def test_the_first_limit_that_is_reached_is_named(limits: dict[str, Any], word: str | None) -> None:
    found = Budget(**limits).used_up(TRIALS, wall=10.0)
    assert found is None if word is None else word in (found or "")


def test_running_trials_have_a_twentieth_of_the_time_and_a_usual_trials() -> None:
    assert Budget(wall_seconds=60).deadline(usual=4.0) == pytest.approx(67.0)
    assert Budget(cpu_seconds=60).deadline(usual=4.0) is None


@pytest.mark.parametrize("limits", [{"trials": 0}, {"wall_seconds": 0}, {"cost": -1}, {"hours": 3}])
def test_a_bad_budget_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        Budget(**limits)

"""Early stopping: which trials a rule lets go on."""

from __future__ import annotations

import math
import random
from typing import Any, Literal

import pytest

from stagecraft.tuning.stopping import Stopper, Stopping


def steps_of(stopping: Stopping, losses: list[float], steps: int = 27) -> list[int]:
    """Run trials one after the other; return how many steps each made."""
    stopper = Stopper(stopping)
    made = []
    for number, loss in enumerate(losses):
        for step in range(1, steps + 1):
            if stopper.stops(number, step, loss + 1 / step):
                break
        made.append(step)
    return made


@pytest.mark.parametrize("rule", ["asha", "hyperband", "median"])
def test_the_best_goes_on_and_most_others_do_not(rule: Literal["asha", "hyperband", "median"]) -> None:
    losses = [number / 60 for number in range(60)]
    random.Random(1).shuffle(losses)
    made = steps_of(Stopping(rule=rule), losses)
    assert made[losses.index(0.0)] == 27
    assert sum(made) < 0.7 * 27 * len(losses)
    assert all(step in (1, 3, 9, 27) for step in made), "decisions fall at rungs alone"


def test_a_rung_keeps_one_in_eta() -> None:
    made = steps_of(Stopping(eta=3), [float(-number) for number in range(9)])
    assert made == [27] * 9, "each is the best so far"
    made = steps_of(Stopping(eta=3), [float(number) for number in range(9)])
    assert made == [27, 27, 1, 1, 1, 1, 1, 1, 1]


def test_a_bracket_of_hyperband_leaves_slow_starters_more_steps() -> None:
    made = steps_of(Stopping(rule="hyperband", brackets=3), [float(number) for number in range(30)])
    assert [min(made[bracket::3]) for bracket in range(3)] == [1, 3, 9]


def test_a_step_between_rungs_counts_for_the_one_before() -> None:
    stopper = Stopper(Stopping(first=4, eta=2))
    assert [stopper.stops(0, step, 1.0) for step in (3, 5, 11)] == [False] * 3
    assert not stopper.stops(1, 3, 9.0)
    assert stopper.stops(1, 6, 9.0)


def test_a_loss_that_is_none_ends_the_trial() -> None:
    assert Stopper(Stopping()).stops(0, 1, math.nan)


@pytest.mark.parametrize("changes", [{"rule": "magic"}, {"first": 0}, {"eta": 1}, {"rungs": 3}])
def test_a_bad_rule_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        Stopping(**changes)

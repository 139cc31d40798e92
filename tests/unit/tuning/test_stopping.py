"""Early stopping: which trials a rule lets go on."""

from __future__ import annotations

import math
import random
from typing import Any, Literal

import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.stopping import Stopping, stopper_of


def steps_of(stopping: Stopping, losses: list[float], steps: int = 27) -> list[int]:
    """Run trials one after the other; return how many steps each made."""
    stopper = stopper_of(stopping)
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
    stopper = stopper_of(Stopping(first=4, eta=2))
    assert [stopper.stops(0, step, 1.0) for step in (3, 5, 11)] == [False] * 3
    assert not stopper.stops(1, 3, 9.0)
    assert stopper.stops(1, 6, 9.0)


def test_a_loss_that_is_none_ends_the_trial() -> None:
    assert stopper_of(Stopping()).stops(0, 1, math.nan)


def curve(best: float, power: float, total: int = 200) -> list[float]:
    """Losses that flatten: ``best`` is where they lead to."""
    return [best + step**-power for step in range(1, total + 1)]


def extrapolated(curves: list[list[float]]) -> list[int]:
    """Run trials one after the other by extrapolation; return how many steps each made."""
    stopper = stopper_of(Stopping(rule="extrapolation"), total=len(curves[0]))
    made = []
    for number, losses in enumerate(curves):
        for step, loss in enumerate(losses, 1):
            if stopper.stops(number, step, loss):
                break
        made.append(step)
    return made


def test_extrapolation_never_stops_what_would_become_the_best_on_curves_that_flatten() -> None:
    draw = random.Random(2)
    curves = [curve(draw.uniform(0, 0.3), draw.uniform(0.1, 2)) for _ in range(200)]
    made = extrapolated(curves)
    best = math.inf
    for steps, losses in zip(made, curves, strict=True):
        if losses[-1] < best:
            assert steps == len(losses)
        best = min(best, losses[steps - 1])
    assert sum(made) < 0.5 * sum(map(len, curves))


def test_extrapolation_lets_a_slow_starter_go_on_that_a_rung_would_stop() -> None:
    quick, slow = curve(0.1, 2.0), curve(0.0, 0.6)
    assert extrapolated([quick, slow]) == [200, 200]
    assert slow[26] > quick[26], "a rung at 27 steps would have stopped it"


def test_extrapolation_stops_where_the_curve_turns() -> None:
    turns = [0.5 - 0.01 * step for step in range(1, 20)] + [0.5] * 181
    assert extrapolated([curve(0.0, 1.0), turns])[1] < 25


def test_extrapolation_goes_by_the_last_third_whatever_the_trainer_reports() -> None:
    stopper = stopper_of(Stopping(rule="extrapolation"), total=100)
    assert not stopper.stops(0, 100, 0.1)
    assert not stopper.stops(1, 50, 0.5), "one report has no slope"
    assert not stopper.stops(1, 60, 0.4), "nor have two that are close to each other"
    assert not stopper.stops(1, 75, 0.2), "0.3 in half as many steps more leads below 0"
    assert not stopper.stops(2, 50, 0.5)
    assert stopper.stops(2, 75, 0.4), "0.1 in half as many steps more leads to 0.33, and 0.1 is there already"


def test_a_trial_that_begins_again_is_judged_by_its_new_reports() -> None:
    stopper = stopper_of(Stopping(rule="extrapolation"), total=100)
    assert not stopper.stops(0, 100, 0.1)
    assert not stopper.stops(1, 50, 0.9)
    assert not stopper.stops(1, 40, 0.5)
    assert not stopper.stops(1, 50, 0.5), "no report of its own is a third older"
    assert stopper.stops(1, 75, 0.5)


def test_extrapolation_asks_for_the_steps() -> None:
    with pytest.raises(InvalidInputError, match="stopping"):
        Stopping(rule="extrapolation").check(None)
    Stopping(rule="extrapolation").check("rounds")
    Stopping().check(None)


@pytest.mark.parametrize("changes", [{"rule": "magic"}, {"first": 0}, {"eta": 1}, {"rungs": 3}])
def test_a_bad_rule_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        Stopping(**changes)

"""Importance against variances worked out by hand, and against Optuna's own functional ANOVA."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import optuna
import pytest

from stagecraft.tuning.importance import importance
from stagecraft.tuning.space import Choice, Integer, LogUniform, Space, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.tpe import frozen
from stagecraft.tuning.trial import Trial, TrialState
from stagecraft.tuning.trials import Trials


def study(space: dict[str, Any], loss: Callable[[dict[str, Any]], float], trials: int = 1000) -> Trials:
    spec = StudySpec(space=space, objectives={"loss": "minimize", "other": "maximize"})
    source, drawn = random.Random(0), Space(spec.space)
    made = []
    for number in range(trials):
        parameters = drawn.sample(source)
        metrics = {"loss": loss(parameters), "other": -2.0 * loss(parameters)}
        made.append(Trial(number=number, parameters=parameters, state=TrialState.FINISHED, metrics=metrics))
    return Trials(spec, made, [])


def test_a_sum_is_parted_by_the_variances_of_its_terms() -> None:
    space = {"big": LogUniform(0.001, 1000), "small": Integer(1, 10**6, log=True), "none": Uniform(-5, 5)}

    def loss(parameters: dict[str, Any]) -> float:
        units = Space(space).to_unit(parameters)  # big, none, small
        return 3 * units[0] + units[2]

    found = importance(study(space, loss))
    assert list(found) == ["big", "small", "none"]
    assert found["big"] == pytest.approx(0.9, abs=0.03)
    assert found["small"] == pytest.approx(0.1, abs=0.03)
    assert found["none"] < 0.01
    assert importance(study(space, loss), "other") == pytest.approx(found, abs=1e-6)


def test_what_two_do_only_together_is_neither_ones() -> None:
    space = {"x": Uniform(-1, 1), "y": Uniform(-1, 1)}
    found = importance(study(space, lambda given: given["x"] * given["y"]))
    assert sum(found.values()) < 0.1


def test_options_have_no_order() -> None:
    space = {"kind": Choice(["a", None, 3, True]), "x": Uniform(0, 1)}
    heights = {"a": 0.0, "None": 4.0, "3": 1.0, "True": 3.0}  # Their variance is 2.5, that of x 1.5.
    found = importance(study(space, lambda given: heights[str(given["kind"])] + 18**0.5 * given["x"]))
    assert found["kind"] == pytest.approx(2.5 / 4, abs=0.04)
    assert found["x"] == pytest.approx(1.5 / 4, abs=0.04)


def test_a_conditional_parameter_counts_where_it_is_used() -> None:
    """Where a third of all trials has it, and nothing else matters, all of the variance is its own."""
    space = {
        "kind": Choice(["linear", "trees", "net"]),
        "depth": Uniform(0, 1, when={"kind": ["trees"]}),
        "grow": Choice(["leaf", "level"], when={"kind": ["trees"]}),
        "leaves": Uniform(0, 1, when={"grow": ["leaf"], "kind": ["trees"]}),
    }
    found = importance(study(space, lambda given: given.get("depth", 0.5)))
    assert found["depth"] == pytest.approx(1.0, abs=0.03)

    # kind: 2/9; leaves: 1/12 in a sixth of all trials.
    found = importance(study(space, lambda given: (given["kind"] == "net") + 4 * given.get("leaves", 0.5)))
    kind, leaves = 2 / 9, 16 / 12 / 6
    assert found["kind"] == pytest.approx(kind / (kind + leaves), abs=0.05)
    assert found["leaves"] == pytest.approx(leaves / (kind + leaves), abs=0.05)


def test_optunas_own_says_the_same() -> None:
    space = {"x": Uniform(0, 1), "y": Uniform(0, 1), "kind": Choice(["a", "b", "c"]), "n": Integer(1, 8)}

    def loss(given: dict[str, Any]) -> float:
        return given["x"] ** 2 + given["x"] * given["y"] + 0.3 * (given["kind"] == "b") + 0.02 * given["n"]

    ours = study(space, loss, trials=300)
    theirs = optuna.create_study()
    whole = Space(space)
    theirs.add_trials([frozen(whole, trial.parameters, [trial.metrics["loss"]]) for trial in ours.trials])
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=32, seed=0)
    # Optuna divides by the sum of the main effects.
    wanted = evaluator.evaluate(theirs)
    found = importance(ours)
    assert {name: share / sum(found.values()) for name, share in found.items()} == pytest.approx(
        {name: share / sum(wanted.values()) for name, share in wanted.items()}, abs=0.03
    )


def test_one_diverged_trial_does_not_hide_the_rest() -> None:
    space = {"x": Uniform(0, 1), "y": Uniform(0, 1)}
    found = importance(study(space, lambda given: 1e6 if given["y"] > 0.998 else given["x"], trials=400))
    assert found["x"] > 0.8


def test_nothing_is_said_of_too_little() -> None:
    space = {"x": Uniform(0, 1)}
    assert importance(study(space, lambda given: given["x"], trials=9)) == {}
    assert importance(study(space, lambda given: 1.0, trials=50)) == {}
    many = study(space, lambda given: given["x"], trials=5000)
    assert importance(many)["x"] == pytest.approx(1.0)

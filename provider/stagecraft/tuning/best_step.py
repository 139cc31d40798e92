"""Trials that stand for shorter ones: who reports steps has trained all that fewer steps come to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stagecraft.tuning.space import Parameters
from stagecraft.tuning.spec import StudySpec


def best_step(
    spec: StudySpec,
    parameters: Parameters,
    metrics: Mapping[str, Any],
    said: Sequence[Mapping[str, Any]],
    curve: Sequence[tuple[float, float]],
    stopped: bool,
) -> tuple[Parameters, Mapping[str, Any]] | None:
    """Return the parameters with the best number of steps of a trial, and the metrics there; fewer of equals.

    :param parameters: of the trial, with the most steps
    :param metrics: at the end
    :param said: at each point of the curve
    :param stopped: whether it was ended early, so that the end stands for no number of steps of its own
    :returns: None where the study's space has none of the steps that it came to

    >>> from stagecraft.tuning.space import Integer, Uniform
    >>> space = {"x": Uniform(0, 1), "rounds": Integer(2, 9)}
    >>> spec = StudySpec(space=space, objectives={"auc": "maximize"}, steps="rounds")
    >>> said = [{"auc": 0.9}, {"auc": 0.7}, {"auc": 0.8}]
    >>> curve = [(1, 0.9), (2, 0.7), (4, 0.8)]
    >>> best_step(spec, {"x": 0.5, "rounds": 9}, {"auc": 0.6}, said, curve, stopped=False)
    ({'x': 0.5, 'rounds': 4}, {'auc': 0.8})
    """
    assert spec.steps is not None
    dimension = spec.space[spec.steps]
    found = [
        (step, there)
        for (step, value), there in zip(curve, said, strict=True)
        if math.isfinite(value) and float(step).is_integer() and dimension.contains(int(step))
    ]
    if not stopped:
        found.append((spec.total, metrics))
    if not found:
        return None
    step, best = min(found, key=lambda each: (spec.losses(each[1]), each[0]))
    spent = {"cost": metrics["cost"]} if "cost" in metrics else {}
    return {**parameters, spec.steps: int(step)}, {**best, **spent}

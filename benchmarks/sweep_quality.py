"""What searchers find for how much CPU, on real tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from peers.searchers import Optuna, Ours, OursStepwise, Pruned, ScikitOptimize, Search
from sweep_trial import DEFAULTS, EFFORT, SPACE, STEPS, Trainer

TRIALS = 40
OURS, TPE = "ours", "Optuna TPE"
SEARCHES: dict[str, Callable[[int], Search]] = {
    OURS: lambda seed: OursStepwise(SPACE, seed, [DEFAULTS], EFFORT, STEPS),
    "ours, no trial stopped": lambda seed: Ours("default", SPACE, seed, [DEFAULTS], EFFORT),
    "random": lambda seed: Ours("random", SPACE, seed, []),
    TPE: lambda seed: Optuna(SPACE, seed),
    "Optuna TPE, median pruner": lambda seed: Pruned(SPACE, seed),
    "scikit-optimize GP": lambda seed: ScikitOptimize(SPACE, seed),
}
PEERS = ("random", TPE, "scikit-optimize GP")


class Point(NamedTuple):
    """A trial that ended.

    :param cpu: seconds so far, of all trials and of the searcher itself
    :param test: NaN where an earlier trial was better by validation
    """

    cpu: float
    validation: float
    test: float


def trace(search: Search, trainer: Trainer, trials: int, cpu: float) -> list[Point]:
    """Search until ``trials`` trials are done and ``cpu`` seconds are used."""
    points: list[Point] = []
    used, best = 0.0, 0.0
    while len(points) < trials or used < cpu:
        began = time.process_time()
        parameters = search.ask()
        used += time.process_time() - began
        judged = trainer(parameters, best, search.stops)
        best = max(best, judged.validation)
        used += judged.cpu
        began = time.process_time()
        search.tell(judged.parameters, -judged.validation, judged.cpu)
        used += time.process_time() - began
        points.append(Point(used, judged.validation, judged.test))
    return points


def best_at(points: list[Point], cpu: float) -> Point:
    """Return the best by validation of what ended within ``cpu`` seconds."""
    return max((point for point in points if point.cpu <= cpu), key=lambda point: point.validation)


def reached(points: list[Point], validation: float) -> float:
    """Return the CPU seconds after which a search had come to ``validation``; infinite where it had not."""
    return min((point.cpu for point in points if point.validation >= validation), default=float("inf"))

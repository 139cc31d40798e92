"""What a trivial trial costs, ours beside Ray Tune: the difference between many trials and few, a trial."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from cost import tree_cpu

from stagecraft.artifacts.store import Store
from stagecraft.jobs.ray_session import ray_session
from stagecraft.tuning.attempt import Attempt
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.run import run_trials
from stagecraft.tuning.space import Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study

AT_A_TIME = 2


class TrialCost(NamedTuple):
    """:param wall: seconds a trial
    :param cpu: CPU seconds a trial, of all processes
    """

    wall: float
    cpu: float


def trivial(parameters: dict[str, Any], attempt: Attempt | None = None) -> dict[str, float]:
    """Return a metric at once."""
    return {"loss": parameters["x"] ** 2}


def costs(ours: int, tune: int, tune_by_default: int) -> dict[str, TrialCost]:
    """Return the cost of a trial of each.

    :param ours: how many trials are measured, beyond those that warm up
    """
    with ray_session(num_cpus=AT_A_TIME), tempfile.TemporaryDirectory() as folder:
        return {
            "ours, committed": _marginal(lambda trials: _ours(Path(folder), trials), 20, ours),
            "Ray Tune, reuse_actors": _marginal(lambda trials: _tune(folder, trials, reuse=True), 4, tune),
            "Ray Tune": _marginal(lambda trials: _tune(folder, trials, reuse=False), 2, tune_by_default),
        }


def _marginal(run: Callable[[int], None], few: int, more: int) -> TrialCost:
    times = []
    for trials in (few, few, few + more):  # The first one warms up.
        began, cpu = time.monotonic(), tree_cpu()
        run(trials)
        times.append((time.monotonic() - began, tree_cpu() - cpu))
    _, short, long = times
    return TrialCost((long[0] - short[0]) / more, (long[1] - short[1]) / more)


def _ours(folder: Path, trials: int) -> None:
    spec = StudySpec(
        space={"x": Uniform(-1, 1)},
        objectives={"loss": "minimize"},
        searcher="random",
        concurrency=AT_A_TIME,
    )
    study = Study(Store(tempfile.mkdtemp(dir=folder)), "studies/trivial", spec)
    run_trials(study, trivial, budget=Budget(trials=trials))
    assert len(study.finished) == trials


def _tune(folder: str, trials: int, *, reuse: bool) -> None:
    from ray import tune

    def one(config: dict[str, Any]) -> None:
        tune.report(trivial(config))

    found = tune.Tuner(
        tune.with_resources(one, {"cpu": 1}),
        param_space={"x": tune.uniform(-1, 1)},
        tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=AT_A_TIME, reuse_actors=reuse),
        run_config=tune.RunConfig(storage_path=tempfile.mkdtemp(dir=folder), verbose=0),
    ).fit()
    assert len(found) == trials
    assert not found.errors, found.errors[0]

"""What a trivial trial costs, ours beside Ray Tune."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from cost import look

from stagecraft.artifacts.store import Store
from stagecraft.jobs.ray_session import ray_session
from stagecraft.tuning.attempt import Attempt
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.run import run_trials
from stagecraft.tuning.space import Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study

AT_A_TIME, WATCH = 2, 0.5


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
    """Return the cost of a trial of each: of a whole sweep on a Ray that is warm, by its number of trials.

    :param ours: how many trials a sweep of ours has
    """
    with ray_session(num_cpus=AT_A_TIME), tempfile.TemporaryDirectory() as folder:
        return {
            "ours, committed": _measured(lambda trials: _ours(Path(folder), trials), ours),
            "Ray Tune, reuse_actors": _measured(lambda trials: _tune(folder, trials, reuse=True), tune),
            "Ray Tune": _measured(lambda trials: _tune(folder, trials, reuse=False), tune_by_default),
        }


def _measured(run: Callable[[int], None], trials: int) -> TrialCost:
    run(AT_A_TIME)  # Warms up.
    wall, cpu = measured(lambda: run(trials))
    return TrialCost(wall / trials, cpu / trials)


def measured(work: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds of wall time, and the CPU seconds of all processes, that work takes."""
    used: dict[tuple[int, float], float] = {}
    look(psutil.Process(), used)
    before, began, done = dict(used), time.monotonic(), threading.Event()

    def watch() -> None:
        while not done.wait(WATCH):
            look(psutil.Process(), used)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        work()
    finally:
        done.set()
        thread.join()
    wall = time.monotonic() - began
    look(psutil.Process(), used)
    return wall, sum(seconds - before.get(process, 0.0) for process, seconds in used.items())


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

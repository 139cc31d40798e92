"""A sweep in a process of its own, ended by SIGKILL in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stagecraft.artifacts.store import Store
from stagecraft.tuning.space import Integer, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import TrialState

pytestmark = pytest.mark.ray

TRIALS = 10
SPEC = StudySpec(
    space={"x": Uniform(0, 1), "y": Integer(1, 9)},
    objectives={"loss": "minimize"},
    searcher="gaussian_process",
    concurrency=2,
)
PROGRAM = """
import sys, time
from stagecraft.artifacts.store import Store
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.run import run_trials
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study

store, ended, spec, trials = sys.argv[1:]

def objective(parameters, attempt):
    time.sleep(0.4)
    with open(ended, "a") as file:
        file.write(f"{parameters['x']}\\n")
    return {"loss": (parameters["x"] - 0.3) ** 2 + parameters["y"]}

study = Study(Store(store), "studies/example", StudySpec.model_validate_json(spec))
run_trials(study, objective, budget=Budget(trials=int(trials)))
"""


def test_a_killed_sweep_goes_on_and_repeats_no_finished_trial(tmp_path: Path) -> None:
    store, ended = Store(str(tmp_path / "store")), tmp_path / "ended"
    command = [sys.executable, "-c", PROGRAM, store.root, str(ended), SPEC.model_dump_json(), str(TRIALS)]
    first = subprocess.Popen(command)
    try:
        finished = _wait_for_trials(store, first, 3)
    finally:
        processes = _descendants(first.pid)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    assert processes, "it was in the middle"
    # Ray's two idle agents try to reach the dead cluster for a minute or two before they end.
    working = [process for process in processes if "Agent" not in process.info["name"]]
    _, alive = psutil.wait_procs(working, timeout=120)
    alive = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert not alive, "Ray ends with the process that started it"

    before = _study(store)
    assert {trial.number for trial in before.finished} >= finished
    ran_before = len(ended.read_text().split())
    subprocess.run(command, check=True)

    after = _study(store)
    assert [trial.state for trial in after.trials] == [TrialState.FINISHED] * TRIALS
    for trial in before.finished:
        assert after.trials[trial.number] == trial
    for trial in before.trials:
        assert after.trials[trial.number].parameters == trial.parameters
    assert len(ended.read_text().split()) - ran_before == TRIALS - len(before.finished)


def _descendants(pid: int) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    for process in found:
        process.info = process.as_dict(["name"])
    return found


def _study(store: Store) -> Study:
    return Study(store, "studies/example", SPEC)


def _wait_for_trials(store: Store, process: subprocess.Popen[bytes], wanted: int) -> set[int]:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None, "it ended too early"
        finished = {trial.number for trial in _study(store).finished}
        if len(finished) >= wanted:
            return finished
        time.sleep(0.05)
    raise AssertionError("no trial ended in time")

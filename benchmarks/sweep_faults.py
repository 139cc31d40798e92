"""Kill a sweep's driver, trials and raylet at seeded random moments: what is run again then."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from stagecraft.artifacts.store import Store
from stagecraft.tuning.attempt import Attempt
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.journal import Journal
from stagecraft.tuning.population import Population
from stagecraft.tuning.run import run_trials
from stagecraft.tuning.space import Integer, Uniform
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.study import Study

TRIALS, SECONDS = 16, 0.15
VICTIMS = ("driver", "trial", "raylet")
POPULATION = Population(members=4, interval=1)
STUDY = "studies/faults"
TRIES = 4
DRIVER = """
import sys
sys.path.insert(0, {folder!r})
from sweep_faults import drive
drive(*sys.argv[1:])
"""


class Fault(NamedTuple):
    """What came of a sweep in which something was killed.

    :param repeated: how many trials began after they had finished
    :param begun_again: how many began more than once
    :param finished: how many trials finished in the end
    """

    victim: str
    kind: str
    repeated: int
    begun_again: int
    finished: int


def drive(folder: str, kind: str) -> None:
    """Sweep: the driver's process.

    :param kind: ``search``, or ``population``: members that count in their checkpoints
    """
    population = POPULATION if kind == "population" else None

    def objective(parameters: dict[str, Any], attempt: Attempt) -> dict[str, float]:
        with open(Path(folder, "begun"), "a") as file:
            file.write(f"{attempt.number} {time.time()}\n")
        loss = (parameters["x"] - 0.3) ** 2 + parameters["y"]
        time.sleep(SECONDS)
        if population is not None:
            kept = attempt.checkpoint / "steps"
            step = int(kept.read_text()) + 1 if kept.exists() else 1
            kept.write_text(str(step))
            attempt.report(step, loss)
        return {"loss": loss}

    spec = StudySpec(
        space={"x": Uniform(0, 1), "y": Integer(1, 9)},
        objectives={"loss": "minimize"},
        population=population,
        concurrency=2,
    )
    run_trials(Study(Store(folder), STUDY, spec), objective, budget=Budget(trials=TRIALS))


def faults(runs: int, seed: int = 0) -> list[Fault]:
    """Run sweeps, kill something in each, and let each go on to its end."""
    with tempfile.TemporaryDirectory() as folder:
        return [_fault(Path(folder, str(run)), random.Random(f"{seed}/{run}"), run) for run in range(runs)]


def _fault(folder: Path, draw: random.Random, run: int) -> Fault:
    folder.mkdir()
    victim, after = VICTIMS[run % len(VICTIMS)], draw.randrange(TRIALS - 4) + draw.random()
    kind = ("search", "population")[run // len(VICTIMS) % 2]
    driver = _start(folder, kind)
    _wait(folder, driver, after)
    processes = [driver.pid] if victim == "driver" else _found(driver, victim)
    if processes:
        os.kill(draw.choice(processes), signal.SIGKILL)
    for _ in range(TRIES):
        if driver.wait(timeout=120) == 0:
            break
        driver = _start(folder, kind)
    records = [record["trial"] for record in Journal(Store(str(folder)), STUDY).read() if "trial" in record]
    ended = {
        trial["number"]: trial["ended"] for trial in reversed(records) if trial.get("state") == "finished"
    }
    begun = [line.split() for line in (folder / "begun").read_text().splitlines()]
    numbers = [int(number) for number, _ in begun]
    return Fault(
        victim,
        kind,
        sum(float(when) > ended.get(int(number), float("inf")) for number, when in begun),
        sum(numbers.count(number) > 1 for number in set(numbers)),
        len(ended),
    )


def _start(folder: Path, kind: str) -> subprocess.Popen[bytes]:
    code = DRIVER.format(folder=str(Path(__file__).parent))
    with open(folder / "log", "ab") as log:
        return subprocess.Popen([sys.executable, "-c", code, str(folder), kind], stdout=log, stderr=log)


def _wait(folder: Path, driver: subprocess.Popen[bytes], trials: float) -> None:
    """Wait until so many trials have begun, and a part of the next one's time is over."""
    while driver.poll() is None:
        path = folder / "begun"
        if path.exists() and len(path.read_text().splitlines()) > int(trials):
            time.sleep(trials % 1 * SECONDS)
            return
        time.sleep(0.005)


def _found(driver: subprocess.Popen[bytes], victim: str) -> list[int]:
    found = []
    for process in psutil.Process(driver.pid).children(recursive=True):
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if ("raylet/raylet" in words.split(" ")[0]) if victim == "raylet" else "ray::_trial" in words:
            found.append(process.pid)
    return found


if __name__ == "__main__":
    print(json.dumps([fault._asdict() for fault in faults(int(sys.argv[1]))]))

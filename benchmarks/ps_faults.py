"""Kill workers, shards, pairs of them, drivers at seeded moments: what is trained, and how soon it goes on.

``python benchmarks/ps_faults.py --runs 50`` prints what ``run`` returns.
"""

from __future__ import annotations

import argparse
import hashlib
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

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

ROWS, GROUPS, DIMENSION, FEATURES = 160_000, 16, 1 << 16, 16
CREWS = {"Pair": (2, 2), "Worker": (2, 1), "Shard": (2, 3), "driver": (2, 2)}
"""Who is killed, in a crew of so many workers and shards."""

MODES = ("bsp", "async")
TOLERANCE = 0.0005
DRIVER = """
import sys
sys.path.insert(0, {folder!r})
from ps_faults import drive
drive(*sys.argv[1:])
"""


class Outcome(NamedTuple):
    """What a training came to.

    :param bits: of the state, or ""
    :param recoveries: seconds until all actors went on, for each that was lost
    """

    loss: float
    bits: str
    recoveries: list[float]


def make_rows(path: Path, seed: int) -> None:
    """Write rows of a logistic regression."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(scale=0.5, size=DIMENSION)
    offsets = pa.array(np.arange(0, ROWS * FEATURES + 1, FEATURES, dtype=np.int32))
    keys = np.sort(rng.zipf(1.3, (ROWS, FEATURES)) % (DIMENSION // FEATURES - 1), axis=1)
    keys += 1 + np.arange(FEATURES) * (DIMENSION // FEATURES)
    label = rng.random(ROWS) < 1 / (1 + np.exp(-truth[keys].sum(axis=1)))
    columns = {
        "indices": pa.ListArray.from_arrays(offsets, pa.array(keys.astype(np.int32).reshape(-1))),
        "values": pa.ListArray.from_arrays(offsets, pa.array(np.ones(keys.size, np.float32))),
        "label": pa.array(label.astype(np.float32)),
    }
    pq.write_table(pa.table(columns), path, row_group_size=ROWS // GROUPS)


def drive(folder: str, mode: str, workers: str, shards: str) -> None:
    """Train, and leave what came of it in ``outcome.json``: the driver's process."""
    from stagecraft.artifacts.store import Store
    from stagecraft.jobs.ray_session import ray_session
    from stagecraft.parameter_server.checkpoint import Checkpoints
    from stagecraft.parameter_server.consistency import BSP, Async
    from stagecraft.parameter_server.models import LogisticRegression
    from stagecraft.parameter_server.optimizer import FTRL
    from stagecraft.parameter_server.plan import Plan
    from stagecraft.parameter_server.rows import Columns
    from stagecraft.parameter_server.units import RowGroup
    from stagecraft.transforms.layout import Feature, Layout

    rows = f"{Path(folder).parent}/rows.parquet"
    plan = Plan(
        store=Store(folder),
        columns=Columns(Layout.of([Feature("key", "slot", DIMENSION - 1)]), "label", None, None, sparse=True),
        groups=[RowGroup(rows, group, ROWS // GROUPS) for group in range(GROUPS)],
        model=LogisticRegression(),
        optimizer=FTRL(),
        epochs=3,
        batch_rows=512,
        workers=int(workers),
        shards=int(shards),
        consistency=BSP() if mode == "bsp" else Async(),
    )
    with ray_session(num_cpus=plan.workers + plan.shards):
        from stagecraft.parameter_server.train import train

        trained = train(
            plan,
            Checkpoints(plan.store, "run"),
            checkpoint_seconds=0.5,
            on_round=lambda progress: Path(folder, "progress").write_text(str(progress.values["progress"])),
        )
    digest = hashlib.sha256(trained.fitted.keys.tobytes() + trained.fitted.state.tobytes()).hexdigest()
    outcome = Outcome(trained.ledger.epochs[-1]["loss"], digest, trained.recoveries)
    Path(folder, "outcome.json").write_text(json.dumps(outcome._asdict()))


def start(folder: Path, mode: str, crew: tuple[int, int]) -> subprocess.Popen[bytes]:
    code = DRIVER.format(folder=str(Path(__file__).parent))
    with open(folder / "log", "ab") as log:
        command = [sys.executable, "-c", code, str(folder), mode, *map(str, crew)]
        return subprocess.Popen(command, stdout=log, stderr=log)


def actors(driver: psutil.Process, kind: str) -> list[psutil.Process]:
    """Return a driver's actors of a class."""
    found = []
    for process in driver.children(recursive=True):
        try:
            if "".join(process.cmdline()[:1]).startswith(f"ray::{kind}"):
                found.append(process)
        except psutil.Error:  # It has ended meanwhile.
            continue
    return found


def train_once(root: Path, name: str, mode: str, victim: str | None, moment: float) -> tuple[Outcome, bool]:
    """Train, and kill the victim once so much is trained; return whether that was in time."""
    folder = root / name
    folder.mkdir()
    crew = CREWS[victim or "driver"]
    driver = start(folder, mode, crew)
    struck = False
    while driver.poll() is None:
        if victim and not struck and _progress(folder) >= moment:
            struck = _strike(driver, victim)
            if struck and victim == "driver":
                driver.wait()
                driver = start(folder, mode, crew)
        time.sleep(0.02)
    if driver.returncode:
        raise RuntimeError(f"{name} failed: {(folder / 'log').read_text()[-2000:]}")
    return Outcome(**json.loads((folder / "outcome.json").read_text())), struck


def _progress(folder: Path) -> float:
    try:
        return float((folder / "progress").read_text() or 0)
    except FileNotFoundError:
        return 0.0


def _strike(driver: subprocess.Popen[bytes], victim: str) -> bool:
    process = psutil.Process(driver.pid)
    targets = [process] if victim == "driver" else actors(process, victim)
    if not targets:
        return False
    target = random.choice(targets)
    os.kill(target.pid, signal.SIGKILL)
    return True


def run(runs: int, seed: int = 0) -> dict[str, Any]:
    """Train once without faults in each mode, then ``runs`` times with one at a random moment.

    :return: ``passed``: bulk synchronous runs that end with other bits, and asynchronous ones whose log loss
        is farther than :data:`TOLERANCE`, are listed in ``failures``; ``recovery_seconds`` after detection
    """
    rng = random.Random(seed)
    random.seed(seed)
    failures: list[str] = []
    recoveries: list[float] = []
    gaps: list[float] = []
    kills = dict.fromkeys(CREWS, 0)
    with tempfile.TemporaryDirectory(prefix="ps-faults-") as place:
        root = Path(place)
        make_rows(root / "rows.parquet", seed)
        clean = {mode: train_once(root, f"clean-{mode}", mode, None, 0)[0] for mode in MODES}
        for number in range(runs):
            mode, victim = MODES[number % 2], list(CREWS)[number // 2 % len(CREWS)]
            moment = rng.uniform(0, 0.95)
            found, struck = train_once(root, f"run-{number}", mode, victim, moment)
            kills[victim] += struck
            recoveries += found.recoveries
            if mode == "bsp" and found.bits != clean[mode].bits:
                failures.append(f"run {number}: {victim} killed at {moment:.2f}: other bits")
            if mode == "async":
                gaps.append(abs(found.loss - clean[mode].loss))
                if gaps[-1] > TOLERANCE:
                    failures.append(
                        f"run {number}: {victim} killed at {moment:.2f}: log loss {gaps[-1]:+.5f}"
                    )
    return {
        "passed": not failures,
        "failures": failures,
        "runs": runs,
        "kills": kills,
        "recovery_seconds": max(recoveries, default=0.0),
        "recovery_seconds_median": float(np.median(recoveries)) if recoveries else 0.0,
        "async_gap": max(gaps, default=0.0),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps(run(options.runs, options.seed), indent=1))

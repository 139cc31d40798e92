"""Our training as a process of its own: ``python ps_ours.py DATASET RESULT '{"shards": 0, …}'``.

With ``"on_ray": true`` among the settings a training in place is an actor of a local Ray.

Everything is counted: the interpreter's start, Ray, the checks of the rows, checkpoints, and the committed
model, whose address is written to RESULT.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from stagecraft.artifacts.artifact import Artifact
from stagecraft.jobs.garbage import collect_rarely
from stagecraft.jobs.ray_session import ray_session
from stagecraft.stages.base import Workbench
from stagecraft.stages.ps_train import PSTrain
from stagecraft.tracking.writer import Tracker


def main(dataset: str, result: str, settings: str) -> None:
    given = json.loads(settings)
    with ray_session(given["workers"]) if given.pop("on_ray", False) else nullcontext():
        train(dataset, result, given)


def train(dataset: str, result: str, settings: dict[str, Any]) -> None:
    rows = Artifact.load(dataset)
    engine = cast(Any, SimpleNamespace(name="none"))  # Training reads the files itself.
    bench = Workbench(engine, rows.store, Tracker.nowhere(), cache=False)
    model = PSTrain(**settings).run(bench, dataset=rows)["model"]
    Path(result).write_text(model.uri)


if __name__ == "__main__":
    collect_rarely()  # As a job's process does.
    main(*sys.argv[1:])

"""What each worker of a service says of itself, in a file below the service's root."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from stagecraft.serving.manifest_file import write_whole

FOLDER = "workers"


class WorkerState(BaseModel):
    """A worker process and what it serves.

    :param started: when the process began, seconds since the epoch; tells it from another of the same pid
    :param generation: the manifest's generation that it follows
    :param models: model → versions that it answers for
    :param error: what it could not load, and why
    :param drift: model → version → raw column → population stability index of what was asked lately
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    started: float
    generation: int
    models: dict[str, list[str]]
    error: str | None = None
    drift: dict[str, dict[str, dict[str, float]]] = {}


class Workers:
    """The workers' states. Workers share no channel but this folder.

    :param root: the service's folder
    """

    def __init__(self, root: str | Path) -> None:
        self.folder = Path(root) / FOLDER

    def report(
        self,
        generation: int,
        models: dict[str, list[str]],
        error: str | None,
        drift: Mapping[tuple[str, str, str], float] | None = None,
    ) -> None:
        """Write this process's state.

        :param drift: (model, version, column) → population stability index
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        pid = os.getpid()
        state = WorkerState(
            pid=pid, started=_started(pid) or 0, generation=generation, models=models, error=error
        )
        for (model, version, column), value in (drift or {}).items():
            state.drift.setdefault(model, {}).setdefault(version, {})[column] = round(value, 4)
        write_whole(self._path(pid), state.model_dump_json(), durable=False)

    def leave(self) -> None:
        """Remove this process's state, and what dead workers left."""
        self._path(os.getpid()).unlink(missing_ok=True)
        alive = {self._path(state.pid) for state in self.alive()}
        for path in self.folder.glob("*.json"):
            if path not in alive:
                path.unlink(missing_ok=True)

    def alive(self) -> list[WorkerState]:
        """The states of the workers whose processes live."""
        states = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                state = WorkerState.model_validate_json(path.read_bytes())
            except (FileNotFoundError, ValidationError):  # It left, or is of another version of this package.
                continue
            if _started(state.pid) == state.started:
                states.append(state)
        return states

    def _path(self, pid: int) -> Path:
        return self.folder / f"{pid}.json"


def _started(pid: int) -> float | None:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None

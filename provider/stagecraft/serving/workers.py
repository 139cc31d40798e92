"""What each worker of a service says of itself, in a file below the service's root."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from stagecraft.artifacts.store import Store
from stagecraft.serving.manifest_file import write_whole

FOLDER = "workers"
INSTANCE = "STAGECRAFT_SERVING_INSTANCE"
"""What tells one instance from another on the same machine; the machine's name where it is not set."""
SHARE_SECONDS, STALE_SECONDS = 5.0, 20.0


class WorkerState(BaseModel):
    """A worker process and what it serves.

    :param instance: the machine or pod
    :param started: when the process began, seconds since the epoch; tells it from another of the same pid
    :param generation: the manifest's generation that it follows
    :param models: model → versions that it answers for
    :param error: what it could not load, and why
    :param drift: model → version → raw column → population stability index of what was asked lately
    :param peers: how many workers its instance should have
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    instance: str
    pid: int
    started: float
    generation: int
    models: dict[str, list[str]]
    error: str | None = None
    drift: dict[str, dict[str, dict[str, float]]] = {}
    peers: int = 1


class Workers:
    """The workers' states. Workers share no channel but this folder.

    Instances that follow one manifest on an object store tell each other there, every few seconds.

    :param root: the service's folder
    :param peers: how many workers this instance should have
    :param shared: the folder that several instances share; None: there is one instance
    """

    def __init__(self, root: str | Path, peers: int = 1, shared: Store | None = None) -> None:
        self.folder = Path(root) / FOLDER
        self.peers, self.shared = peers, shared
        self.instance = os.environ.get(INSTANCE) or socket.gethostname()
        self._state: WorkerState | None = None
        self._due = 0.0

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
            instance=self.instance,
            pid=pid,
            started=_started(pid) or 0,
            generation=generation,
            models=models,
            error=error,
            peers=self.peers,
        )
        for (model, version, column), value in (drift or {}).items():
            state.drift.setdefault(model, {}).setdefault(version, {})[column] = round(value, 4)
        write_whole(self._path(pid), state.model_dump_json(), durable=False)
        self._state, self._due = state, 0.0

    def share(self) -> None:
        """Tell the other instances, if there may be any: what has changed at once, else now and then."""
        if self.shared is not None and self._state is not None and time.monotonic() >= self._due:
            self._due = time.monotonic() + SHARE_SECONDS
            self.shared.write(self._shared_uri(self._state), self._state.model_dump_json().encode())

    def leave(self) -> None:
        """Remove this process's state, and what dead workers left."""
        self._path(os.getpid()).unlink(missing_ok=True)
        alive = {self._path(state.pid) for state in self.alive()}
        for path in self.folder.glob("*.json"):
            if path not in alive:
                path.unlink(missing_ok=True)
        if self.shared is not None and self._state is not None:
            self.shared.remove(self._shared_uri(self._state))

    def alive(self) -> list[WorkerState]:
        """The states of this instance's workers whose processes live."""
        states = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                state = WorkerState.model_validate_json(path.read_bytes())
            except (FileNotFoundError, ValidationError):  # It left, or is of another version of this package.
                continue
            if _started(state.pid) == state.started:
                states.append(state)
        return states

    def elsewhere(self) -> list[WorkerState]:
        """The states of the workers of other instances that told theirs lately."""
        if self.shared is None:
            return []
        states, filesystem = [], self.shared.filesystem
        filesystem.invalidate_cache()
        for path in sorted(filesystem.glob(f"{self.shared.strip(self.shared.uri(FOLDER))}/*.json")):
            try:
                if time.time() - filesystem.modified(path).timestamp() > STALE_SECONDS:
                    continue
                state = WorkerState.model_validate_json(filesystem.cat_file(path))
            except (FileNotFoundError, ValidationError):
                continue
            if state.instance != self.instance:
                states.append(state)
        return states

    def _path(self, pid: int) -> Path:
        return self.folder / f"{pid}.json"

    def _shared_uri(self, state: WorkerState) -> str:
        assert self.shared is not None
        return self.shared.uri(FOLDER, f"{state.instance}-{state.pid}.json")


def expected(states: list[WorkerState]) -> int:
    """Return how many workers the instances of some states should have."""
    return sum({state.instance: state.peers for state in states}.values())


def _started(pid: int) -> float | None:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None

"""Running the command of a trial."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagecraft.errors import JobFailedError
from stagecraft.stages.command import PLACE, Command
from stagecraft.stages.trainer import keep_files
from stagecraft.tuning.attempt import trained
from stagecraft.tuning.space import Parameters

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft
    from stagecraft.tuning.attempt import Attempt

GUARD = 'exec 3<&0; (cat <&3; kill -KILL "-$0") >/dev/null 2>&1 &'
TOLD = 2000
"""So many of the last characters of what a command that failed said are kept."""


@dataclass(frozen=True)
class CommandTrial:
    """Runs the command in the trial's folder.

    :param folders: name of a dataset → the folder of its Parquet files
    """

    command: Command
    folders: Mapping[str, str]
    metric: str

    def __call__(self, parameters: Parameters, attempt: Attempt) -> dict[str, Any]:
        whole = {**self.command.arguments, **parameters}
        told = attempt.folder / "metrics.json"
        known = attempt.folder / "parameters.json"
        known.write_text(json.dumps(whole))
        given: dict[str, Any] = {
            **self.folders,
            "parameters": known,
            "metrics": told,
            "model": attempt.model,
            "checkpoint": attempt.checkpoint,
            "seed": attempt.seed,
            "final": int(attempt.final),
        }
        variables = {f"STAGECRAFT_{name.upper()}": str(value) for name, value in given.items()}
        environment = {**os.environ, **self.command.environment, **variables}
        metrics: dict[str, Any] = {}
        said = attempt.folder / "stderr"
        with (
            said.open("wb") as errors,
            _started(self._argv({**whole, **given}), environment, errors) as process,
        ):
            for line in process.stdout:
                metrics.update(self._told(line, attempt))
            status = process.wait()
        if status:
            last = said.read_bytes()[-TOLD:].decode(errors="replace").strip()
            raise JobFailedError(f"the command ended with status {status}: {last or 'it said nothing'}")
        if told.exists():
            metrics.update(json.loads(told.read_text()))
        return metrics

    def finish(self, parameters: Parameters, attempt: Attempt, draft: Draft) -> Mapping[str, Any]:
        metrics = trained(self, parameters, attempt)
        keep_files(attempt, draft, {**self.command.arguments, **parameters}, metrics)
        return metrics

    def _argv(self, values: Mapping[str, Any]) -> list[str]:
        """Return the command line of a trial, without the arguments for parameters that it has not."""
        return [
            PLACE.sub(lambda found: _text(values[found[1]]), argument)
            for argument in self.command.argv
            if all(name in values for name in PLACE.findall(argument))
        ]

    def _told(self, line: bytes, attempt: Attempt) -> dict[str, Any]:
        """Return the metrics of a line, having reported its step."""
        try:
            told = json.loads(line)
        except ValueError:
            return {}
        if not isinstance(told, dict):
            return {}
        step = told.pop("step", None)
        if step is not None and self.metric in told:
            attempt.report(step, told[self.metric], **told)
        return told


@contextmanager
def _started(argv: list[str], environment: Mapping[str, str], errors: Any) -> Iterator[Any]:
    """Start a command at the head of a process group; nothing of the group outlives the block or us."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=dict(environment),
        cwd=os.path.dirname(errors.name),
        start_new_session=True,
    )
    # The guard is nobody's child, and its pipe ends with this process, however that ends.
    guard = subprocess.Popen(
        ["sh", "-c", GUARD, str(process.pid)], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        guard.communicate()


def _text(value: Any) -> str:
    """Return a value as it stands in an argument: true, false and null as JSON has them."""
    return str(value) if isinstance(value, str | Path) else json.dumps(value)

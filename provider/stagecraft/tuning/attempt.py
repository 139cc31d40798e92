"""A trial in its process: what it is given, what it may use, and what it hands back."""

from __future__ import annotations

import math
import os
import random
import resource
import shutil
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from stagecraft.tuning.space import Parameters
from stagecraft.tuning.trial import Cause

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.tuning.handover import Handover

WATCH = 0.1
VERDICT = "ended-by"


class Limits(BaseModel):
    """What a trial may use.

    :param memory_bytes: of its process and of those that it started
    :param seconds: of wall time
    :param cpus: cores that are kept for it
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory_bytes: int | None = Field(default=None, ge=1 << 20)
    seconds: float | None = Field(default=None, gt=0)
    cpus: float = Field(default=1, gt=0)

    def within(self, seconds: float) -> Limits:
        """Return these limits with so many seconds of wall time at most."""
        least = min(seconds, math.inf if self.seconds is None else self.seconds)
        return (
            self if least == self.seconds or least == math.inf else self.model_copy(update={"seconds": least})
        )


class Stopped(Exception):
    """Raised within a trial that is to end early."""


class Reached(Stopped):
    """Raised within a member of a population that has come to the step where it is compared."""


@dataclass
class Attempt:
    """What a trial is given beside its parameters.

    :param number: the trial's
    :param seed: of the trial's own random draws; the same for every attempt
    :param folder: the trial's own, empty, removed after it
    :param checkpoint: a folder that outlives the trial's process: what it holds at a call of :meth:`report`
        is there when the trial is begun again, or when another one of a population goes on from it
    :param handover: where the checkpoint comes from and goes to, of a member of a population
    :param datasets: ``train``, to learn from, and ``validation``, to be judged on
    :param final: whether this is the last training of the best parameters: on what were training and
        validation rows, judged on test rows, which nothing may be chosen by
    """

    number: int
    seed: int
    folder: Path
    checkpoint: Path = Path()
    handover: Handover | None = field(default=None, repr=False)
    datasets: Mapping[str, Dataset] = field(default_factory=dict, repr=False)
    final: bool = False
    stops: Callable[[int, float, float], bool] | None = field(default=None, repr=False)
    tells: Callable[[float, float], None] | None = field(default=None, repr=False)
    curve: list[tuple[float, float]] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    metric: str = ""

    @property
    def until(self) -> float:
        """The step at which this trial ends, however far the trainer would go; infinite where none is set."""
        return math.inf if self.handover is None else self.handover.until

    @property
    def model(self) -> Path:
        """A folder, empty at first: what is in it after the last training is the sweep's model."""
        folder = self.folder / "model"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def reported(self) -> dict[str, Any]:
        """The metrics that were reported last."""
        return self.said[-1]

    def report(self, step: float, value: float, **metrics: Any) -> None:
        """Tell how far the trial has come.

        :param step: rounds, epochs … so far, more than before
        :param value: of the study's first objective
        :param metrics: of the trial as it is, beside it, for where it ends here
        :raises Stopped: it is to end; let it pass
        """
        self.curve.append((step, value))
        self.said.append({**metrics, self.metric: value})
        if self.tells is not None:
            self.tells(step, value)
        if self.stops is not None and self.stops(self.number, step, value):
            raise Stopped
        if step >= self.until:
            raise Reached


Objective = Callable[[Parameters, Attempt], Mapping[str, Any]]
"""Runs one trial: parameters → metrics by their names. It is copied to the trials' processes once."""


@dataclass(frozen=True)
class Outcome:
    """What a trial's process hands back.

    :param seconds: of wall time
    :param cpu: CPU seconds of the process and of those that it started and that ended
    :param said: the metrics of every point of the curve
    :param stopped: whether it was ended early
    :param message: what it raised, or None
    """

    metrics: dict[str, Any]
    seconds: float
    cpu: float
    curve: list[tuple[float, float]]
    said: list[dict[str, Any]] = field(default_factory=list)
    stopped: bool = False
    message: str | None = None
    trace: str | None = None
    cause: Cause = Cause.RAISED


def run(
    objective: Objective, parameters: Parameters, attempt: Attempt, metric: str, limits: Limits
) -> Outcome:
    """Run one trial in this process; return its metrics, or what it raised."""
    shutil.rmtree(attempt.folder, ignore_errors=True)
    attempt.folder.mkdir(parents=True)
    if attempt.checkpoint != Path():
        attempt.checkpoint.mkdir(parents=True, exist_ok=True)
    random.seed(attempt.seed)
    attempt.metric = metric
    began, used = time.monotonic(), _cpu()

    def outcome(metrics: Mapping[str, Any], **how: Any) -> Outcome:
        shutil.rmtree(attempt.folder, ignore_errors=True)
        taken = time.monotonic() - began, _cpu() - used
        return Outcome(dict(metrics), *taken, attempt.curve, attempt.said, **how)

    try:
        with _watched(limits, attempt.folder):
            metrics = _handed_on(objective, dict(parameters), attempt)
    except Stopped:
        return outcome(attempt.reported, stopped=True)
    except Exception as error:  # noqa: BLE001 - whatever a trial raises ends that trial alone
        cause = Cause.MEMORY if isinstance(error, MemoryError) else Cause.RAISED
        message = f"{type(error).__name__}: {error}"
        return outcome({}, message=message, trace=traceback.format_exc(), cause=cause)
    if not isinstance(metrics, Mapping):
        return outcome(
            {}, message=f"it returned {metrics!r} in place of metrics by name", cause=Cause.NO_METRIC
        )
    return outcome(metrics)


def trained(objective: Objective, parameters: Parameters, attempt: Attempt) -> Mapping[str, Any]:
    """Return what the objective returns, or what it had reported last where it has come to its step."""
    try:
        return objective(parameters, attempt)
    except Reached:
        return attempt.reported


def _handed_on(objective: Objective, parameters: Parameters, attempt: Attempt) -> Any:
    """Train from the checkpoint of another trial, and keep one for others, in a population."""
    if attempt.handover is None:
        return objective(parameters, attempt)
    attempt.handover.begin(attempt.checkpoint)
    metrics = trained(objective, parameters, attempt)
    attempt.handover.end(attempt.checkpoint)
    return metrics


def seed_of(study: int, number: int) -> int:
    """Return the seed of a trial."""
    return random.Random(f"{study}/trial/{number}").getrandbits(32)


def verdict(folder: Path) -> tuple[Cause, str]:
    """Return why the process of a trial died, as far as it left word in its folder."""
    try:
        cause, message = (folder / VERDICT).read_text().split("\n")
    except (OSError, ValueError):
        return Cause.DIED, "the trial's process died"
    return Cause(cause), message


@contextmanager
def _watched(limits: Limits, folder: Path) -> Iterator[None]:
    """End this process where it uses more than it may: nothing else stops what does not look."""
    if limits.memory_bytes is None and limits.seconds is None:
        yield
        return
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(limits, folder, done), daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()


def _watch(limits: Limits, folder: Path, done: threading.Event) -> None:
    began = time.monotonic()
    while not done.wait(WATCH):
        if limits.seconds is not None and time.monotonic() - began > limits.seconds:
            _end(folder, Cause.TIME, f"it took more than {limits.seconds:g} seconds")
        if limits.memory_bytes is not None and (used := _memory()) > limits.memory_bytes:
            _end(
                folder, Cause.MEMORY, f"it took {used:,} bytes of memory; it may take {limits.memory_bytes:,}"
            )


def _end(folder: Path, cause: Cause, message: str) -> None:
    import psutil

    (folder / VERDICT).write_text(f"{cause}\n{message}")
    for child in psutil.Process().children(recursive=True):
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(child.pid) == child.pid:  # A command: what it started may have left the family.
                os.killpg(child.pid, signal.SIGKILL)
            child.kill()
    os._exit(1)


def _memory() -> int:
    import psutil

    own = psutil.Process()
    used = 0
    for process in [own, *own.children(recursive=True)]:
        try:
            used += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return used


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime

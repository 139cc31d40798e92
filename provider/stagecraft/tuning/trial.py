"""The record of a trial."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class TrialState(StrEnum):
    """Where a trial stands. ``running`` without a living sweep means that it was interrupted."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


class Cause(StrEnum):
    """Why a trial failed."""

    RAISED = "raised"
    DIED = "died"
    NO_METRIC = "no metric"
    NOT_FINITE = "not finite"
    MEMORY = "memory"
    TIME = "time"


class Trial(BaseModel):
    """One set of parameters and what came of it.

    :param number: counts from 0, in the order of asking
    :param attempt: 1, or more where the trial was interrupted and begun again
    :param round: the round of the study that asked for it, from 0
    :param parent: the trial from whose checkpoint it goes on, in population based training; None where it
        begins at the start
    :param metrics: what the objective returned; where it was stopped early, what it had reported last
    :param curve: what it reported on its way: (step, value of the study's first objective)
    :param seconds: wall time of the last attempt
    :param cpu: CPU seconds of the last attempt
    :param ended: when, in seconds since 1970
    :param message: why it failed
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    number: int
    parameters: dict[str, Any]
    state: TrialState = TrialState.RUNNING
    attempt: int = 1
    round: int = 0
    parent: int | None = None
    metrics: dict[str, float] = {}
    curve: list[tuple[float, float]] = []
    seconds: float = 0.0
    cpu: float = 0.0
    ended: float | None = None
    cause: Cause | None = None
    message: str | None = None

    @property
    def name(self) -> str:
        return f"trial-{self.number:03d}"

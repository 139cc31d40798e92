"""The record of a trial."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class TrialState(StrEnum):
    """Where a trial stands. ``running`` without a living sweep means that it was interrupted."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class Trial(BaseModel):
    """One set of parameters and what came of it.

    :param number: counts from 0, in the order of asking
    :param attempt: 1, or more where the trial was interrupted and begun again
    :param metrics: what the objective returned
    :param seconds: wall time of the last attempt
    :param message: why it failed
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    number: int
    parameters: dict[str, Any]
    state: TrialState = TrialState.RUNNING
    attempt: int = 1
    metrics: dict[str, float] = {}
    seconds: float = 0.0
    message: str | None = None

    @property
    def name(self) -> str:
        return f"trial-{self.number:03d}"

"""How much a sweep may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from stagecraft.tuning.trials import Trials

GRACE = 0.05


class Budget(BaseModel):
    """What ends a sweep, whichever comes first; all runs of a study count together.

    No trial begins once it is used up. A trial that runs then may end; one that is not done when a twentieth
    of the wall time and the length of a usual trial have gone by is ended, and counts as interrupted.

    :param trials: how many in all
    :param wall_seconds: while a sweep runs, its start included
    :param cpu_seconds: the CPU seconds of all trials
    :param cost: the sum of the metric ``cost`` that trials return, in its own unit

    >>> Budget(trials=20, wall_seconds=3600).trials
    20
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    trials: int = Field(default=10_000, ge=1)
    wall_seconds: float | None = Field(default=None, gt=0)
    cpu_seconds: float | None = Field(default=None, gt=0)
    cost: float | None = Field(default=None, gt=0)

    def used_up(self, study: Trials, wall: float) -> str | None:
        """Return which limit is reached, but for the trials', or None.

        :param wall: seconds that the study's sweeps ran so far
        """
        spent = {
            "wall_seconds": wall,
            "cpu_seconds": sum(trial.cpu for trial in study.trials),
            "cost": sum(trial.metrics.get("cost", 0.0) for trial in study.trials),
        }
        for name, used in spent.items():
            limit = getattr(self, name)
            if limit is not None and used >= limit:
                return f"{name}: {used:.4g} of {limit:.4g} are used"
        return None

    def deadline(self, usual: float) -> float | None:
        """Return after how many seconds of wall time running trials are ended.

        :param usual: how long a trial takes, in seconds
        """
        return None if self.wall_seconds is None else self.wall_seconds * (1 + GRACE) + usual

"""The ledger: which units are finished, and what was seen on the way."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field


class Point(BaseModel):
    """A point of the training's history.

    :param step: steps done
    :param loss: mean progressive loss of the round that ended there: each row's loss before the model
        learned from it
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    loss: float


class Ledger(BaseModel):
    """What a run has finished. Epochs are dealt alike each time, so the finished units are a count.

    :param epoch: the epoch under way, from 0
    :param rounds: rounds of that epoch that are finished
    :param step: steps applied, over all epochs
    :param rows: rows trained on, over all epochs
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epoch: int = Field(default=0, ge=0)
    rounds: int = Field(default=0, ge=0)
    step: int = Field(default=0, ge=0)
    rows: int = Field(default=0, ge=0)
    history: list[Point] = []

    def finish_round(self, *, steps: int, rows: int, loss: float) -> Self:
        """Return the ledger after one more round.

        :param loss: the round's mean progressive loss
        """
        step = self.step + steps
        return self.model_copy(
            update={
                "rounds": self.rounds + 1,
                "step": step,
                "rows": self.rows + rows,
                "history": [*self.history, Point(step=step, loss=loss)],
            }
        )

    def finish_epoch(self) -> Self:
        """Return the ledger at the start of the next epoch."""
        return self.model_copy(update={"epoch": self.epoch + 1, "rounds": 0})

"""The ledger: which units are finished, and what was seen on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

POINTS = 1024


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
    :param history: rounds, evenly spaced: at most :data:`POINTS`
    :param loss: the sum of the weighted losses of the epoch under way, and ``weight`` that of its weights
    :param skipped: row group → reason → rows that were left out
    :param epochs: the metrics of each finished epoch, ``loss`` and what the caller measured
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epoch: int = Field(default=0, ge=0)
    rounds: int = Field(default=0, ge=0)
    step: int = Field(default=0, ge=0)
    rows: int = Field(default=0, ge=0)
    loss: float = 0.0
    weight: float = 0.0
    history: list[Point] = []
    epochs: list[dict[str, float]] = []
    skipped: dict[int, dict[str, int]] = {}

    def finish_round(
        self,
        *,
        steps: int,
        rows: int,
        loss: float,
        weight: float,
        skipped: Mapping[int, dict[str, int]] | None = None,
    ) -> Self:
        """Return the ledger after one more round.

        :param loss: the sum of its rows' weighted losses, each before the model learned from it
        :param weight: the sum of their weights
        :param skipped: of its row groups: rows that were left out
        """
        step, rounds = self.step + steps, self.rounds + 1
        return self.model_copy(
            update={
                "rounds": rounds,
                "step": step,
                "rows": self.rows + rows,
                "loss": self.loss + loss,
                "weight": self.weight + weight,
                "skipped": {**self.skipped, **(skipped or {})},
                "history": _thinned([*self.history, Point(step=step, loss=loss / weight if weight else 0.0)]),
            }
        )

    @property
    def skipped_rows(self) -> int:
        """Rows that were left out of each epoch."""
        return sum(sum(reasons.values()) for reasons in self.skipped.values())

    def finish_epoch(self, metrics: Mapping[str, float]) -> Self:
        """Return the ledger at the start of the next epoch.

        :param metrics: what was measured of the model, beside the epoch's progressive loss
        """
        loss = self.loss / self.weight if self.weight else 0.0
        return self.model_copy(
            update={
                "epoch": self.epoch + 1,
                "rounds": 0,
                "loss": 0.0,
                "weight": 0.0,
                "epochs": [*self.epochs, {"loss": loss, **metrics}],
            }
        )


def _thinned(history: list[Point]) -> list[Point]:
    """Drop every other point of a history that has grown too long, and keep the last."""
    return history[::-2][::-1] if len(history) > POINTS else history

"""What is seen of a run while it goes on: its events, within a hundredth of its time, and early stopping."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.parameter_server.ledger import Ledger
    from stagecraft.parameter_server.share import Stats

WINDOW_SECONDS = 10.0
SHARE = 0.01

Pull = Callable[["np.ndarray"], "np.ndarray"]
"""Keys, int64, to their weights, float32[keys, width], as they are at the moment."""


class EarlyStopping(BaseModel):
    """Ends the training after epochs without progress.

    It looks at the metrics of whole epochs, which the ledger keeps, so a run that went back to a checkpoint
    stops where one without faults does.

    :param metric: ``loss`` (progressive), or of validation rows ``validation_loss`` or ``auc``
    :param patience: epochs that may pass without progress
    :param minimum: what counts as progress over the best epoch so far

    >>> stopping = EarlyStopping(metric="auc", patience=2)
    >>> stopping.ends([{"auc": 0.7}, {"auc": 0.8}, {"auc": 0.8}])
    False
    >>> stopping.ends([{"auc": 0.7}, {"auc": 0.8}, {"auc": 0.8}, {"auc": 0.79}])
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Literal["loss", "validation_loss", "auc"] = "validation_loss"
    patience: int = Field(default=1, ge=1, le=1000)
    minimum: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    def ends(self, epochs: list[dict[str, float]]) -> bool:
        """Whether the training ends after these epochs.

        :param epochs: each one's metrics
        """
        best, since = float("inf"), 0
        for metrics in epochs:
            value = metrics[self.metric] * (-1 if self.metric == "auc" else 1)
            since = 0 if value < best - self.minimum else since + 1
            best = min(best, value) if since else value
        return since >= self.patience


class Progress(NamedTuple):
    """What a round has come to.

    :param values: ``loss`` (its mean progressive loss), ``rows_per_second`` (of the last seconds),
        ``progress`` (the share of the rows of all epochs); now and then ``keys`` (those that the model
        holds), ``staleness`` and ``staleness_max`` (steps that others pushed between a worker's pull and its
        push) and ``shard_memory`` (bytes of all shards), and what the caller validates
    """

    step: int
    values: dict[str, float]


class Budget:
    """Spends at most a share of the time since it was made."""

    def __init__(self, share: float = SHARE, clock: Callable[[], float] = time.monotonic) -> None:
        self._share, self._clock = share, clock
        self._began, self._spent = clock(), 0.0

    @property
    def left(self) -> bool:
        return self._spent <= self._share * (self._clock() - self._began)

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time of the block."""
        began = self._clock()
        try:
            yield
        finally:
            self._spent += self._clock() - began


class Monitor:
    """Turns rounds into :class:`Progress`.

    :param rows: those of all epochs
    :param stats: asks the shards for their :class:`~stagecraft.parameter_server.share.Stats`
    :param validate: measures the model as it is
    """

    def __init__(
        self,
        rows: int,
        stats: Callable[[], list[Stats]],
        pull: Pull,
        validate: Callable[[Pull], Mapping[str, float]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rows, self._stats, self._pull, self._validate = rows, stats, pull, validate
        self._clock = clock
        self._looking, self._validating = Budget(clock=clock), Budget(clock=clock)
        self._recent: deque[tuple[float, int]] = deque()

    def begin(self, ledger: Ledger) -> None:
        """Begin to count rows: at the start, and after each return to a checkpoint."""
        self._recent.clear()
        self._recent.append((self._clock(), ledger.rows))

    def progress(self, ledger: Ledger) -> Progress:
        """Return what the round has come to that the ledger has just taken up."""
        values = {
            "loss": ledger.history[-1].loss,
            "rows_per_second": self._speed(ledger.rows),
            "progress": ledger.rows / self._rows,
        }
        if self._looking.left:
            with self._looking.spending():
                values.update(summary(self._stats()))
        if self._validate is not None and self._validating.left:
            with self._validating.spending():
                values.update(self._validate(self._pull))
        return Progress(ledger.step, values)

    def _speed(self, rows: int) -> float:
        now = self._clock()
        self._recent.append((now, rows))
        while len(self._recent) > 2 and self._recent[1][0] < now - WINDOW_SECONDS:
            self._recent.popleft()
        began, before = self._recent[0]
        return (rows - before) / max(now - began, 1e-9)


def summary(stats: list[Stats]) -> dict[str, float]:
    """Return what all shards together look like."""
    pushes = sum(found.pushes for found in stats)
    return {
        "keys": float(sum(found.keys for found in stats)),
        "staleness": sum(found.behind for found in stats) / pushes if pushes else 0.0,
        "staleness_max": max(found.furthest for found in stats),
        "shard_memory": float(sum(found.bytes for found in stats)),
    }

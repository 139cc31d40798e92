"""When checkpoints are taken, and their writing in the background."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stagecraft.parameter_server.checkpoint import Checkpoint, Checkpoints

if TYPE_CHECKING:
    from stagecraft.parameter_server.alone import Alone
    from stagecraft.parameter_server.crew import Crew
    from stagecraft.parameter_server.ledger import Ledger

SHARE = 0.03


class Saver:
    """Takes a checkpoint every so often: copied while no round is half done, written while rounds go on.

    Checkpoints get rarer by themselves where the pause that one makes would be more than a share of the time.

    :param seconds: time between checkpoints; with 0 each is committed before the next round begins
    """

    def __init__(self, crew: Crew | Alone, checkpoints: Checkpoints, seconds: float) -> None:
        self._crew, self._checkpoints, self._seconds = crew, checkpoints, seconds
        self._saved, self._pause = time.monotonic(), 0.0
        self._writing: tuple[Ledger, list[Any]] | None = None

    @property
    def due(self) -> bool:
        """Whether it is time for the next checkpoint; never while one is written."""
        wait = max(self._seconds, self._pause / SHARE) if self._seconds else 0.0
        return self._writing is None and time.monotonic() - self._saved >= wait

    def save(self, ledger: Ledger) -> None:
        """Begin a checkpoint of the shards as they are after the rounds of the ledger."""
        began = time.monotonic()
        self._writing = ledger, self._crew.snapshot(ledger.step)
        self._saved = time.monotonic()
        self._pause = self._saved - began
        if not self._seconds:
            self.commit(wait=True)

    def commit(self, *, wait: bool = False) -> None:
        """Commit the checkpoint under way, once all its parts are written."""
        if self._writing is None:
            return
        ledger, futures = self._writing
        parts = self._crew.parts(futures, wait=wait)
        if parts is not None:
            self._checkpoints.commit(Checkpoint(ledger=ledger, parts=parts))
            self._writing = None

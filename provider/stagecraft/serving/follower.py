"""What a worker does beside its answers: it follows the manifest, tells its state, reports and judges."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from stagecraft.serving.table import ModelTable
from stagecraft.serving.workers import Workers

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0


class Follower:
    """Follows the manifest until the worker ends, or its supervisor has died without a word.

    :param duties: what is called about once a second, off the event loop; one that fails is called again
    """

    def __init__(
        self, table: ModelTable, workers: Workers, duties: Sequence[Callable[[], None]] = ()
    ) -> None:
        self.table, self.workers, self.duties = table, workers, duties
        self._told: Any = None
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Load what the manifest says, and follow it from now on."""
        self.workers.leave()
        await self._follow()
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._serve_duties())]

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self._do_duties)
        self.workers.leave()

    async def _watch(self) -> None:
        supervisor = os.getppid()
        while os.getppid() == supervisor:
            try:
                await self._follow()
            except Exception:  # A full disk, say: the worker must go on answering, and try again.
                log.exception("The worker cannot follow the manifest %s", self.table.file)
                await asyncio.sleep(TICK_SECONDS)
            await asyncio.sleep(self.table.file.poll_seconds)
        os.kill(os.getpid(), signal.SIGTERM)

    async def _follow(self) -> None:
        await self.table.refresh()
        if self._told != (state := self.table.state()):
            self.workers.report(*state)
            self._told = state

    async def _serve_duties(self) -> None:
        while True:
            begun = time.monotonic()
            await asyncio.to_thread(self._do_duties)
            await asyncio.sleep(max(0.1, TICK_SECONDS - (time.monotonic() - begun)))

    def _do_duties(self) -> None:
        for duty in self.duties:
            try:
                duty()
            except Exception:
                log.exception("A worker's duty failed")

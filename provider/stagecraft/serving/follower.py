"""What a worker does beside its answers: it follows the manifest, tells its state, reports and judges."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from typing import Any

from stagecraft.artifacts.store import Store
from stagecraft.serving.access_log import AccessLog
from stagecraft.serving.judge import Judge
from stagecraft.serving.monitor import Monitor
from stagecraft.serving.samples import Samples
from stagecraft.serving.settings import Settings
from stagecraft.serving.table import ModelTable
from stagecraft.serving.workers import Workers

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0


class Follower:
    """Follows the manifest until the worker ends, or its supervisor has died without a word.

    About once a second, off the event loop, it hands on what the monitor has seen: to the metrics, the judge,
    the logs.
    """

    def __init__(self, table: ModelTable, workers: Workers, monitor: Monitor, settings: Settings) -> None:
        self.table, self.workers, self.monitor = table, workers, monitor
        folder = settings.request_log
        request_log = Store(folder, settings.store().storage_options) if folder else None
        self.samples = Samples(table, monitor, request_log)
        self._judge = Judge(table, monitor, settings.root)
        self._access_log = AccessLog(monitor)
        self._told: Any = None
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Load what the manifest says, and follow it from now on."""
        # Here, not above: BentoML has said by now where the workers' metrics are.
        from stagecraft.serving.metrics import Metrics

        self._metrics = Metrics()
        self.workers.leave()
        await self._follow()
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._hand_on())]

    async def end(self) -> None:
        """Hand on what is left, and take leave."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self._hand_on_once)
        self.samples.write()
        self._judge.leave()
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
        if self._told != (state := (*self.table.state(), self.samples.drift)):
            self.workers.report(*state)
            self._told = state

    async def _hand_on(self) -> None:
        while True:
            begun = time.monotonic()
            await asyncio.to_thread(self._hand_on_once)
            await asyncio.sleep(max(0.1, TICK_SECONDS - (time.monotonic() - begun)))

    def _hand_on_once(self) -> None:
        for duty in (
            self._report,
            self._judge.look,
            self._access_log.look,
            self.samples.look,
            self.workers.share,
        ):
            try:
                duty()
            except Exception:  # Again in a second; the other duties matter too.
                log.exception("A duty of the worker failed")

    def _report(self) -> None:
        self._metrics.export(self.monitor, self.table, self.samples.drift)

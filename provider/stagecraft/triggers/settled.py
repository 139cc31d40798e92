"""A trigger that fires only after the scheduler has seen its task defer."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from airflow.triggers.base import BaseTrigger, TriggerEvent


class SettledTrigger(BaseTrigger):
    """Fires with what :meth:`wait` returns, but not within :attr:`settle_seconds` of its start.

    Airflow 3.3 fails a task that runs again before the scheduler has read that its worker deferred it
    ("finished with state success, but the task instance's state attribute is running"); a busy scheduler
    takes seconds to read it, a short job none to end.
    """

    settle_seconds: ClassVar[float] = 5

    @abstractmethod
    async def wait(self) -> dict[str, Any]:
        """Return the event once there is one."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        settled = time.monotonic() + self.settle_seconds
        event = await self.wait()
        await asyncio.sleep(max(0, settled - time.monotonic()))
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

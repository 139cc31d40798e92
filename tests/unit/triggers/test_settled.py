from __future__ import annotations

import asyncio
import time
from typing import Any

from stagecraft.triggers.settled import SettledTrigger


class Instant(SettledTrigger):
    settle_seconds = 0.3

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "Instant", {}

    async def wait(self) -> dict[str, Any]:
        return {"found": True}


def test_fires_once_the_scheduler_had_time_to_see_its_task_defer() -> None:
    began = time.monotonic()
    event = asyncio.run(anext(Instant().run()))
    assert time.monotonic() - began >= 0.3
    assert event.payload == {"found": True}

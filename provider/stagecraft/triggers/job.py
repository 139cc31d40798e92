"""Following a job from the triggerer, so that no worker waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from stagecraft.hooks.runner import arunner_of
from stagecraft.hooks.store import StoreHook
from stagecraft.jobs.job import State

if TYPE_CHECKING:
    from stagecraft.jobs.runner import Handle, Runner


class JobTrigger(BaseTrigger):
    """Fires when a job has ended; its log lines go to the task's log as they come.

    :param handle: finds the job
    :param store_conn_id: connection of the artifact store
    :param spark_conn_id: connection of the Spark cluster, where the job runs there
    :param ray_conn_id: connection of the Ray cluster, where the job runs there
    :param poll_interval: seconds between two looks
    """

    def __init__(
        self,
        *,
        handle: Handle,
        store_conn_id: str,
        spark_conn_id: str | None,
        ray_conn_id: str | None,
        poll_interval: float,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.handle = handle
        self.store_conn_id = store_conn_id
        self.spark_conn_id = spark_conn_id
        self.ray_conn_id = ray_conn_id
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "stagecraft.triggers.job.JobTrigger",
            {
                "handle": self.handle,
                "store_conn_id": self.store_conn_id,
                "spark_conn_id": self.spark_conn_id,
                "ray_conn_id": self.ray_conn_id,
                "poll_interval": self.poll_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        runner = await self._runner()
        offset = self.handle.get("offset", 0)
        while True:
            state = await asyncio.to_thread(runner.state, self.handle)
            text, offset = await asyncio.to_thread(runner.read_log, self.handle, offset)
            for line in text.splitlines():
                self.log.info(line)
            if state is not State.RUNNING:
                yield TriggerEvent({"state": str(state)})  # type: ignore[no-untyped-call]
                return
            await asyncio.sleep(self.poll_interval)

    async def on_kill(self) -> None:
        """End the job where a person ended the deferred task; a triggerer's restart does not come here."""
        runner = await self._runner()
        await asyncio.to_thread(runner.kill, self.handle)

    async def _runner(self) -> Runner:
        store = await StoreHook(self.store_conn_id).astore()
        return await arunner_of(
            store,
            place=self.handle["place"],
            spark_conn_id=self.spark_conn_id,
            ray_conn_id=self.ray_conn_id,
        )

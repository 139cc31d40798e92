"""Following a job from the triggerer, so that no worker waits for it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from stagecraft.hooks.runner import arunner_of
from stagecraft.hooks.store import StoreHook
from stagecraft.jobs.job import State
from stagecraft.jobs.runner import Watch
from stagecraft.triggers.settled import SettledTrigger

if TYPE_CHECKING:
    from stagecraft.jobs.runner import Handle, Runner


TIMED_OUT = "timed out"


class JobTrigger(SettledTrigger):
    """Fires when a job has ended; its log lines go to the task's log as they come.

    :param handle: finds the job
    :param store_conn_id: connection of the artifact store
    :param spark_conn_id: connection of the Spark cluster, where the job runs there
    :param ray_conn_id: connection of the Ray cluster, where the job runs there
    :param kubernetes_conn_id: connection of the Kubernetes cluster, where the job runs there in a pod
    :param poll_interval: seconds between two looks
    :param deadline: when the job is ended, in seconds since the epoch; never where None
    """

    def __init__(
        self,
        *,
        handle: Handle,
        store_conn_id: str,
        spark_conn_id: str | None,
        ray_conn_id: str | None,
        poll_interval: float,
        deadline: float | None = None,
        kubernetes_conn_id: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.handle = handle
        self.store_conn_id = store_conn_id
        self.spark_conn_id = spark_conn_id
        self.ray_conn_id = ray_conn_id
        self.kubernetes_conn_id = kubernetes_conn_id
        self.poll_interval = poll_interval
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "stagecraft.triggers.job.JobTrigger",
            {
                "handle": self.handle,
                "store_conn_id": self.store_conn_id,
                "spark_conn_id": self.spark_conn_id,
                "ray_conn_id": self.ray_conn_id,
                "kubernetes_conn_id": self.kubernetes_conn_id,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
            },
        )

    async def wait(self) -> dict[str, Any]:
        runner = await self._runner()
        watch = Watch(runner, self.handle)
        while True:
            seen = await asyncio.to_thread(watch.look)
            for line in seen.text.splitlines():
                self.log.info(line)
            if seen.state is not State.RUNNING:
                return {"state": str(seen.state)}
            if self.deadline is not None and time.time() > self.deadline:
                await asyncio.to_thread(runner.kill, self.handle)
                return {"state": TIMED_OUT}
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
            kubernetes_conn_id=self.kubernetes_conn_id,
        )

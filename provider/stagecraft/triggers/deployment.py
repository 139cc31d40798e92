"""Waits for a deployment without holding a worker."""

from __future__ import annotations

import asyncio
from typing import Any

from airflow.providers.common.compat.sdk import BaseHook

from stagecraft.errors import StagecraftError, UnreachableError
from stagecraft.hooks.serving import Endpoint
from stagecraft.serving.deployment import Deployment, missing
from stagecraft.triggers.settled import SettledTrigger
from stagecraft.triggers.status import ask_status


class DeploymentTrigger(SettledTrigger):
    """Fires once every worker of the service serves a deployment, or once that cannot happen any more.

    :param deployment: name, version, generation, url
    :param conn_id: the service's connection
    :param poke_interval: seconds between two looks
    """

    def __init__(self, deployment: dict[str, Any], conn_id: str, poke_interval: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.deployment, self.conn_id, self.poke_interval = deployment, conn_id, poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("deployment", "conn_id", "poke_interval")
        return f"{type(self).__module__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def wait(self) -> dict[str, Any]:
        try:
            await self._served()
        except StagecraftError as error:
            return {"served": False, "error": str(error)}
        return {"served": True, "error": None}

    async def _served(self) -> None:
        """Return once every worker serves the deployment."""
        import httpx

        endpoint = Endpoint.of(await BaseHook.aget_connection(self.conn_id))
        deployment = Deployment.of("deployment_trigger.deployment", self.deployment)
        endpoint.check("deployment_trigger.conn_id", deployment)
        said = None
        async with httpx.AsyncClient(
            headers=endpoint.headers, timeout=30, trust_env=endpoint.trust_environment
        ) as client:
            while True:
                try:
                    waiting = missing(deployment, await ask_status(client, endpoint, self.conn_id))
                except UnreachableError as error:
                    waiting = str(error)
                if waiting is None:
                    return
                if waiting != said:
                    self.log.info("Waiting: %s", waiting)
                    said = waiting
                await asyncio.sleep(self.poke_interval)

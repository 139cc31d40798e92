"""Waits until a service's status says something, without holding a worker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from stagecraft.errors import InvalidInputError, UnreachableError
from stagecraft.hooks.serving import Endpoint, check_answer, check_status, unreachable
from stagecraft.serving.conditions import CONDITIONS
from stagecraft.triggers.settled import SettledTrigger

if TYPE_CHECKING:
    import httpx


class StatusTrigger(SettledTrigger):
    """Fires once a condition finds something in the status of a service.

    :param condition: one of :data:`stagecraft.serving.conditions.CONDITIONS`
    :param arguments: what it is called with
    :param conn_id: the service's connection
    :param poke_interval: seconds between two looks
    """

    def __init__(self, condition: str, arguments: dict[str, Any], conn_id: str, poke_interval: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.condition, self.arguments = condition, arguments
        self.conn_id, self.poke_interval = conn_id, poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("condition", "arguments", "conn_id", "poke_interval")
        return f"{type(self).__module__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def wait(self) -> dict[str, Any]:
        import httpx

        try:
            endpoint = Endpoint.of(await BaseHook.aget_connection(self.conn_id))
            async with httpx.AsyncClient(
                headers=endpoint.headers, timeout=30, trust_env=endpoint.trust_environment
            ) as client:
                found = await self._found(client, endpoint)
        except InvalidInputError as error:
            return {"found": None, "error": str(error)}
        return {"found": found, "error": None}

    async def _found(self, client: httpx.AsyncClient, endpoint: Endpoint) -> dict[str, Any]:
        while True:
            try:
                status = await ask_status(client, endpoint, self.conn_id)
            except UnreachableError as error:
                self.log.info("Waiting: %s", error)
            else:
                if (found := CONDITIONS[self.condition](status, **self.arguments)) is not None:
                    return found
            await asyncio.sleep(self.poke_interval)


async def ask_status(client: httpx.AsyncClient, endpoint: Endpoint, conn_id: str) -> dict[str, Any]:
    """Return a service's status.

    :raises UnreachableError: it does not answer
    :raises InvalidInputError: it refuses the token
    """
    import httpx

    try:
        answer = await client.get(f"{endpoint.url}/status")
    except httpx.HTTPError as error:
        raise UnreachableError(unreachable(endpoint, error, f"correct {conn_id!r}")) from error
    try:
        body = answer.json()
    except ValueError:
        body = answer.text[:200]
    return check_status(endpoint, check_answer(endpoint, "GET /status", answer.status_code, body))

"""The services that every gRPC server should have: health (``grpc.health.v1``) and reflection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Any

from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection, reflection_pb2  # type: ignore[import-untyped]

from stagecraft.serving.rpc.heads import Head
from stagecraft.serving.rpc.messages import Message
from stagecraft.serving.rpc.methods import Methods, Streaming, Unary
from stagecraft.serving.rpc.status import CallError, Code

HEALTH = "grpc.health.v1.Health"
REFLECTIONS = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
"""The two are the same but for their names."""
Status = health_pb2.HealthCheckResponse


class Health:
    """Says whether the worker serves: from its start until it leaves.

    :param services: names that may be asked; the empty one means the whole server
    """

    def __init__(self, services: Iterable[str]) -> None:
        self.services = ("", *services)
        self._left = asyncio.Event()

    def methods(self) -> Methods:
        request = health_pb2.HealthCheckRequest
        return {
            f"/{HEALTH}/Check": Unary(request, answer=self.check),
            f"/{HEALTH}/List": Unary(health_pb2.HealthListRequest, answer=self.list),
            f"/{HEALTH}/Watch": Streaming(request, answer=self.watch),
        }

    def leave(self) -> None:
        """Serve no more; who watches is told, and ends."""
        self._left.set()

    async def check(self, request: Any, head: Head) -> Message:
        if request.service not in self.services:
            raise CallError(Code.NOT_FOUND, f"there is no service {request.service!r}")
        return self._status()

    async def list(self, request: Any, head: Head) -> Message:
        statuses = {service: self._status() for service in self.services}
        answer: Message = health_pb2.HealthListResponse(statuses=statuses)
        return answer

    async def watch(self, requests: AsyncIterator[Any], head: Head) -> AsyncGenerator[Message]:
        async for request in requests:
            known = request.service in self.services
            yield self._status() if known else Status(status=Status.SERVICE_UNKNOWN)
            await self._left.wait()
            if known:
                yield self._status()
            raise CallError(Code.UNAVAILABLE, "the service leaves")

    def _status(self) -> Any:
        return Status(status=Status.NOT_SERVING if self._left.is_set() else Status.SERVING)


class Reflection:
    """Describes the services, to clients that do not know them.

    :param services: their names
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._servicer = reflection.ReflectionServicer([*services, HEALTH, *REFLECTIONS])

    def methods(self) -> Methods:
        info = Streaming(reflection_pb2.ServerReflectionRequest, answer=self.info)
        return {f"/{service}/ServerReflectionInfo": info for service in REFLECTIONS}

    async def info(self, requests: AsyncIterator[Any], head: Head) -> AsyncGenerator[Message]:
        async for request in requests:
            for answer in self._servicer.ServerReflectionInfo(iter([request]), None):
                yield answer

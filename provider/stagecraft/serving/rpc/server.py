"""A worker's gRPC server: it shares its port with the other workers."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from stagecraft.serving.answers import Answers
from stagecraft.serving.control import Control
from stagecraft.serving.rpc import management, prediction
from stagecraft.serving.rpc.address import tls
from stagecraft.serving.rpc.connection import Connection, Service
from stagecraft.serving.rpc.standard import Health, Reflection
from stagecraft.serving.settings import Settings

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
HANDSHAKE_SECONDS = 20.0
HEARD_SECONDS = 1.0
"""How long a client has to hear that the server leaves."""
LEAVE_SECONDS = 15.0
"""How long calls have to end after that."""


class Server:
    """Answers calls until it is stopped.

    :param settings: where to listen, and with which certificate
    """

    def __init__(self, service: Service, settings: Settings, health: Health) -> None:
        self.service, self.settings, self.health = service, settings, health
        self._server: asyncio.Server | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen.

        :raises OSError: that cannot be
        """
        loop = asyncio.get_running_loop()
        context = tls(self.settings)
        self._server = await loop.create_server(
            lambda: Connection(self.service),
            self.settings.grpc_host,
            self.settings.grpc_port,
            reuse_port=True,
            backlog=1024,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if context else None,
        )
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Answer what was asked, take no more, and close."""
        if self._server is None or self._looking is None:
            return
        self._server.close()
        self.health.leave()
        connections = self.service.connections
        for connection in list(connections):
            connection.leave()
        await self._until_gone(HEARD_SECONDS)
        for connection in list(connections):
            connection.leave_now()
        await self._until_gone(LEAVE_SECONDS)
        for connection in list(connections):
            connection.transport.abort()
        self._looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._looking

    async def _until_gone(self, seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while self.service.connections and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for connection in list(self.service.connections):
                try:
                    connection.look(loop.time())
                except Exception:  # The other connections matter too.
                    log.exception("A connection is in disorder")
                    connection.transport.abort()


async def serve(answers: Answers, control: Control, settings: Settings) -> Server:
    """Start a server of everything that the service does over gRPC."""
    names = (prediction.SERVICE, management.SERVICE)
    health, reflection = Health(names), Reflection(names)
    own = (prediction.Prediction(answers), management.Management(control))
    methods = {path: method for each in (*own, health, reflection) for path, method in each.methods().items()}
    server = Server(Service(methods, settings.max_body, settings.max_seconds), settings, health)
    await server.start()
    return server

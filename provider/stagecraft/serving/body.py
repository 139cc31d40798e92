"""Bodies of requests: JSON, and not too large."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class JSONBody:
    """ASGI middleware: every body is JSON, whatever its header says, so no form, file or pickle is parsed.

    A body of more than ``limit`` bytes, announced or chunked, is answered with 413 before it is read whole.
    """

    def __init__(self, app: App, limit: int) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self.limit:
            await self._refuse(send)
            return
        messages: list[Message] = []
        size, more = 0, True
        while more:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            more = bool(message.get("more_body")) and message["type"] == "http.request"
            if size > self.limit:
                await self._refuse(send)
                return
        waiting = iter(messages)

        async def replay() -> Message:
            return next(waiting, None) or await receive()

        headers = [entry for entry in scope["headers"] if entry[0] != b"content-type"]
        headers.append((b"content-type", b"application/json"))
        await self.app({**scope, "headers": headers}, replay, send)

    async def _refuse(self, send: Send) -> None:
        body = json.dumps({"error": f"the body is larger than {self.limit} bytes"}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})

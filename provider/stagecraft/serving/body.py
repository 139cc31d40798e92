"""What is asked of a request before anything reads it: a body that is not too large or late, a token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from stagecraft.serving.http.forms import Form

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Body:
    """ASGI middleware: a body is JSON, whatever its header says, so no form, file or pickle is parsed.

    Only predictions may have one of :class:`stagecraft.serving.http.forms.Form`. A body of more than
    ``limit`` bytes, announced or chunked, is answered with 413 before it is read whole; one that takes more
    than ``seconds`` to arrive with 408.
    """

    def __init__(self, app: App, limit: int, seconds: float) -> None:
        self.app, self.limit, self.seconds = app, limit, seconds

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self.limit:
            await self._too_large(send)
            return
        messages: list[Message] = []
        try:
            async with asyncio.timeout(self.seconds):
                whole = await self._read(receive, messages)
        except TimeoutError:
            await _refuse(send, 408, f"the body took more than {self.seconds:g} seconds", close=True)
            return
        if not whole:
            await self._too_large(send)
            return
        waiting = iter(messages)

        async def replay() -> Message:
            return next(waiting, None) or await receive()

        await self.app({**scope, "headers": _typed(scope)}, replay, send)

    async def _read(self, receive: Receive, messages: list[Message]) -> bool:
        """Take a body's messages; return whether it ended within the limit."""
        size, more = 0, True
        while more:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            more = bool(message.get("more_body")) and message["type"] == "http.request"
            if size > self.limit:
                return False
        return True

    async def _too_large(self, send: Send) -> None:
        await _refuse(send, 413, f"the body is larger than {self.limit} bytes", close=True)


class Token:
    """ASGI middleware: what asks for predictions shows the token, where the service has one for them.

    :param allows: whether a header ``Authorization`` will do
    """

    def __init__(self, app: App, allows: Callable[[bytes], bool]) -> None:
        self.app, self.allows = app, allows

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/predict"):
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not self.allows(given):
                status, word = (403, "the token is wrong") if given else (401, "a token is needed: Bearer …")
                await _refuse(send, status, word)
                return
        await self.app(scope, receive, send)


def _typed(scope: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Return the headers with the type of the body as it is read."""
    given = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
    form = Form.of(given) if scope["path"].startswith("/models/") else Form.JSON
    headers = [entry for entry in scope["headers"] if entry[0] != b"content-type"]
    return [*headers, (b"content-type", form.value.encode())]


async def _refuse(send: Send, status: int, error: str, *, close: bool = False) -> None:
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if close:
        headers.append((b"connection", b"close"))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""What a connection may take to send a request's head: bytes, and time. Uvicorn itself would wait on."""

from __future__ import annotations

from asyncio import Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD = 64 << 10
"""A request whose head is longer is answered with 431."""
HEAD_SECONDS = 20.0
"""A connection that takes longer to send a head is closed."""


class LimitedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, which refuses heads that are too long or too late."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.reading = False
        """Whether Uvicorn's parser is inside a message."""
        self.unread = 0
        """Bytes since the parser last finished a head or a piece of a body."""
        self.head_timer: Any = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.head_timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.unread += len(data)
        super().data_received(data)
        if self.transport.is_closing() or not self.reading or not self.unread:
            return
        if self.unread > LONGEST_HEAD:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self.head_timer is None:
            self.head_timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def on_message_begin(self) -> None:
        self.reading = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.unread = 0
        self.stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.unread = 0
        self.stop_timer()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.reading, self.unread = False, 0
        self.stop_timer()
        super().on_message_complete()

    def is_idle(self) -> bool:
        """Whether Uvicorn owes no answer, and the client takes those that it gets."""
        return (
            (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def stop_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def _late(self) -> None:
        self.head_timer = None
        if self.reading:
            self._refuse(b"408 Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: bytes) -> None:
        """Close the connection, with a word where no answer to an earlier request is on its way."""
        if self.is_idle():
            self.transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        self.transport.close()

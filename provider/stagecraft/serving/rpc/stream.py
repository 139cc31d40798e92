"""A call on a connection: what has come of its requests, and what is to be sent of its answers."""

from __future__ import annotations

import asyncio
from collections import deque
from struct import Struct

from stagecraft.serving.rpc.heads import Head
from stagecraft.serving.rpc.methods import Method
from stagecraft.serving.rpc.status import CallError, Code

PREFIX = Struct(">BL")
"""What stands before a message: whether it is compressed, and its length."""


class Stream:
    """A stream of HTTP/2 that carries a call.

    :param window: bytes that the client takes now
    :param credit: bytes that the client may send now
    :param due: when the call is late, by the loop's clock
    """

    __slots__ = (
        *("arrived", "begun", "buffer", "changed", "credit", "due", "end", "ended", "head", "messages"),
        *("method", "number", "pending", "task", "waits", "window"),
    )

    def __init__(self, number: int, method: Method, head: Head, window: int, credit: int) -> None:
        self.number, self.method, self.head = number, method, head
        self.window, self.credit = window, credit
        self.due: float | None = None
        self.waits: float | None = None
        """Since when the client is to send the rest of a message, or to take one."""
        self.buffer = bytearray()
        self.messages: deque[bytes] = deque()
        self.arrived = 0
        """Messages so far."""
        self.ended = False
        """Whether the client has sent all."""
        self.begun = False
        """Whether the answer's head is sent."""
        self.pending = bytearray()
        """Messages that the client does not take yet."""
        self.end: bytes | None = None
        """The headers that end the call, once all is sent."""
        self.task: asyncio.Task[None] | None = None
        self.changed: asyncio.Event | None = None

    def feed(self, data: bytes, most: int) -> None:
        """Take bytes of messages.

        :param most: bytes of a message
        :raises CallError: they are none
        """
        if not self.buffer and len(data) >= PREFIX.size:
            packed, size = PREFIX.unpack_from(data)
            if not packed and size == len(data) - PREFIX.size <= most:
                self.messages.append(data[PREFIX.size :])
                self.arrived += 1
                return
        buffer = self.buffer
        buffer += data
        while len(buffer) >= PREFIX.size:
            packed, size = PREFIX.unpack_from(buffer)
            if packed:
                raise self._packed(packed)
            if size > most:
                raise CallError(Code.RESOURCE_EXHAUSTED, f"the body is larger than {most} bytes")
            whole = PREFIX.size + size
            if len(buffer) < whole:
                return
            self.messages.append(bytes(buffer[PREFIX.size : whole]))
            self.arrived += 1
            del buffer[:whole]

    def _packed(self, packed: int) -> CallError:
        if packed == 1 and self.head.encoding != b"identity":
            text = "the body is compressed; what would do: one that is not"
            return CallError(Code.UNIMPLEMENTED, text)
        return CallError(Code.INVALID_ARGUMENT, f"a message is marked with {packed} and not compressed")

    def wake(self) -> None:
        """Have the call look what has changed."""
        if self.changed is not None:
            self.changed.set()

    async def change(self) -> None:
        """Wait until something has come, or was sent."""
        if self.changed is None:
            self.changed = asyncio.Event()
        await self.changed.wait()
        self.changed.clear()

"""A client's connection: the calls on it, answered on the worker's own event loop.

A call of one request and one answer that needs no waiting is answered in the loop's turn that brought it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from stagecraft.serving.rpc import frames
from stagecraft.serving.rpc.frames import ConnectionFault, Fault, Kind, frame, number
from stagecraft.serving.rpc.heads import BEGIN, OK, Heads, block, trailers
from stagecraft.serving.rpc.http2 import STREAM_CREDIT, STREAMS, Http2
from stagecraft.serving.rpc.methods import Methods, Streaming, Unary
from stagecraft.serving.rpc.status import CallError, Code
from stagecraft.serving.rpc.stream import PREFIX, Stream

HELD_BODIES = 4
"""A connection's requests that have not arrived whole may be as large as so many of the largest."""
RESETS = 100
"""Calls that may be given up beyond as many as were answered."""
IDLE_SECONDS = 300.0
CALL_SECONDS = 60.0
"""A call of one answer takes no longer."""
BEGIN_FRAME = (len(BEGIN) >> 8, len(BEGIN) & 0xFF, Kind.HEADERS, frames.END_HEADERS)
END_FRAME = (len(OK) >> 8, len(OK) & 0xFF, Kind.HEADERS, frames.END_HEADERS | frames.END_STREAM)


@dataclass
class Service:
    """What the connections of a server share.

    :param most: bytes of a message
    :param seconds: that a message may take to arrive, or to be taken
    """

    methods: Methods
    most: int
    seconds: float
    connections: set[Connection] = field(default_factory=set)


class Connection(Http2):
    """Answers the calls of one client."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service
        self.streams: dict[int, Stream] = {}
        self.answered = self.resets = 0
        self._heads = Heads()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            transport.close()
        self.service.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.service.connections.discard(self)
        for stream in self.streams.values():
            if stream.task is not None:
                stream.task.cancel()
        self.streams.clear()

    def look(self, now: float) -> None:
        """End what is late; to be called a few times a second."""
        seconds = self.service.seconds
        if not self.agreed and now - self.since > seconds:
            self.transport.close()
        elif self.stuck is not None and now - self.stuck > seconds:
            self.transport.abort()
        elif not self.streams and now - self.seen > IDLE_SECONDS:
            self.leave_now()
        for stream in list(self.streams.values()):
            if stream.due is not None and now > stream.due:
                self._fail(stream, CallError(Code.DEADLINE_EXCEEDED, "the call took longer than it may"))
            elif stream.waits is not None and now - stream.waits > seconds:
                if stream.pending:
                    self._reset(stream, Fault.CANCEL)
                else:
                    late = f"the body took more than {seconds:g} seconds"
                    self._fail(stream, CallError(Code.DEADLINE_EXCEEDED, late))
        self.write()

    # What comes.

    def check(self) -> None:
        if self.resets > RESETS + self.answered:
            raise ConnectionFault(Fault.ENHANCE_YOUR_CALM, "too many calls are given up")

    def headers(self, stream: int, flags: int, block: bytes) -> None:
        head = self._heads.read(block)
        if stream > self.last:
            self.last = stream
            if self.last_taken is None or stream <= self.last_taken:  # Else it knows to ask elsewhere.
                self._begin(stream, head, bool(flags & frames.END_STREAM))
        elif call := self.streams.get(stream):  # Trailers.
            if call.ended or not flags & frames.END_STREAM:
                self._reset(call, Fault.PROTOCOL_ERROR)
            else:
                self._ended(call)

    def data(self, stream: int, flags: int, content: bytes, size: int) -> None:
        call = self.streams.get(stream)
        if call is None:
            return  # It was on its way when the call ended.
        call.credit -= size
        if call.ended or call.credit < 0:
            self._reset(call, Fault.STREAM_CLOSED if call.ended else Fault.FLOW_CONTROL_ERROR)
            return
        try:
            call.feed(content, self.service.most)
            if call.buffer:
                self._check_held()
        except CallError as error:
            self._fail(call, error)
            return
        if flags & frames.END_STREAM:
            self._ended(call)
            return
        if isinstance(call.method, Streaming):
            call.waits = (call.waits or self.seen) if call.buffer else None
            call.wake()
        self._renew(call)

    def client_reset(self, stream: int) -> None:
        self.resets += 1
        if call := self.streams.get(stream):
            self._drop(call)

    def more_window(self, stream: int, size: int) -> None:
        if call := self.streams.get(stream):
            call.window += size
            if size == 0 or call.window > frames.LARGEST_WINDOW:
                self._reset(call, Fault.FLOW_CONTROL_ERROR if size else Fault.PROTOCOL_ERROR)
            else:
                self._flush(call)

    def new_windows(self, change: int) -> None:
        for call in self.streams.values():
            call.window += change

    def is_done(self) -> bool:
        return not self.streams

    def _begin(self, stream: int, head: Any, ended: bool) -> None:
        if head is None or len(self.streams) >= STREAMS:
            self.resets += 1
            fault = Fault.PROTOCOL_ERROR if head is None else Fault.REFUSED_STREAM
            self.output.append(frame(Kind.RST_STREAM, 0, stream, number(fault)))
            return
        if head.http_status != 200:
            self._end(stream, block((b":status", b"%d" % head.http_status)), ended)
            return
        method = self.service.methods.get(head.path)
        try:
            if method is None:
                raise CallError(Code.UNIMPLEMENTED, f"there is no method {head.path}")
            method.admit(head)
        except Exception as error:  # noqa: BLE001 - The client is told; what nobody expects is logged.
            found = CallError.of(error)
            self._end(stream, trailers(found.code, found.text, begun=False), ended)
            return
        call = self.streams[stream] = Stream(stream, method, head, self.stream_window, STREAM_CREDIT)
        seconds = head.timeout
        if isinstance(method, Unary):
            seconds = CALL_SECONDS if seconds is None else min(seconds, CALL_SECONDS)
            call.waits = self.seen
        else:
            call.task = self.loop.create_task(self._converse(call))
        call.due = None if seconds is None else self.seen + seconds
        if ended:
            self._ended(call)

    def _check_held(self) -> None:
        most = HELD_BODIES * self.service.most
        if sum(len(call.buffer) for call in self.streams.values()) > most:
            raise CallError(Code.RESOURCE_EXHAUSTED, f"the bodies on their way are larger than {most} bytes")

    def _renew(self, call: Stream) -> None:
        """Have the client send more, unless messages wait."""
        if call.credit < STREAM_CREDIT // 2 and not call.messages and not call.ended:
            more = number(STREAM_CREDIT - call.credit)
            self.output.append(frame(Kind.WINDOW_UPDATE, 0, call.number, more))
            call.credit = STREAM_CREDIT

    def _ended(self, call: Stream) -> None:
        """The client has sent all."""
        call.ended, call.waits = True, None
        if call.buffer:
            self._fail(call, CallError(Code.INVALID_ARGUMENT, "the last message is cut off"))
        elif isinstance(call.method, Streaming):
            call.wake()
        elif call.arrived != 1:
            text = f"{call.arrived} requests; what would do: one"
            self._fail(call, CallError(Code.UNIMPLEMENTED, text))
        else:
            self._answer(call)

    # What is answered.

    def _answer(self, call: Stream) -> None:
        """Answer a call of one request: now where that can be, and else in a task."""
        method, data = call.method, call.messages.popleft()
        assert isinstance(method, Unary)
        try:
            request = method.read(data)
            answer = None if method.at_once is None else method.at_once(request, call.head)
        except Exception as error:  # noqa: BLE001 - The client is told; what nobody expects is logged.
            self._fail(call, error)
            return
        if answer is None:
            call.task = self.loop.create_task(self._wait(call, method, request))
        else:
            self._reply(call, answer.SerializeToString())

    async def _wait(self, call: Stream, method: Unary, request: Any) -> None:
        try:
            answer = await method.answer(request, call.head)
        except Exception as error:  # noqa: BLE001 - The client is told; what nobody expects is logged.
            self._fail(call, error)
        else:
            self._reply(call, answer.SerializeToString())
        self.write()

    async def _converse(self, call: Stream) -> None:
        """Answer a call of several requests or answers."""
        method = call.method
        assert isinstance(method, Streaming)
        try:
            async with aclosing(method.answer(self._requests(call), call.head)) as answers:
                async for answer in answers:
                    self._put(call, answer.SerializeToString())
                    self.write()
                    while call.pending:
                        await call.change()
        except Exception as error:  # noqa: BLE001 - The client is told; what nobody expects is logged.
            self._fail(call, error)
        else:
            self._finish(call, OK if call.begun else BEGIN + OK)
        self.write()

    async def _requests(self, call: Stream) -> AsyncIterator[Any]:
        while call.messages or not call.ended:
            if not call.messages:
                await call.change()
                continue
            message = call.messages.popleft()
            self._renew(call)
            yield call.method.read(message)

    def _reply(self, call: Stream, message: bytes) -> None:
        """Send the only answer of a call, at once where the client takes it whole."""
        size = PREFIX.size + len(message)
        if size > min(self.window, call.window, self.longest) or self.paused or self.table_update:
            self._put(call, message)
            self._finish(call, OK)
            return
        self.window -= size
        self.answered += 1
        at, pack = call.number, frames.HEAD.pack
        head = pack(size >> 8, size & 0xFF, Kind.DATA, 0, at) + PREFIX.pack(0, len(message))
        self.output += (pack(*BEGIN_FRAME, at), BEGIN, head, message, pack(*END_FRAME, at), OK)
        del self.streams[at]
        if self.last_taken is not None:
            self.close_if_done()

    def _fail(self, call: Stream, error: Exception) -> None:
        """End a call with an error, unless it has ended."""
        if self.streams.get(call.number) is call:
            found = CallError.of(error)
            call.pending.clear()
            self._finish(call, trailers(found.code, found.text, begun=call.begun))

    def _put(self, call: Stream, message: bytes) -> None:
        if not call.begun:
            call.begun = True
            self.output.append(self._head_frame(call.number, BEGIN, 0))
        call.pending += PREFIX.pack(0, len(message)) + message
        self._flush(call)

    def _finish(self, call: Stream, end: bytes) -> None:
        call.end = end
        self._flush(call)

    def flush(self) -> None:
        for call in list(self.streams.values()):
            if call.pending:
                self._flush(call)

    def _flush(self, call: Stream) -> None:
        """Put out what the client takes of a call's answers."""
        pending = call.pending
        while pending and not self.paused:
            size = min(len(pending), self.window, call.window, self.longest)
            if size <= 0:
                break
            self.output.append(frame(Kind.DATA, 0, call.number, bytes(pending[:size])))
            del pending[:size]
            self.window -= size
            call.window -= size
            call.waits = None
        if pending:
            call.waits = call.waits or self.loop.time()
            return
        call.wake()
        if call.end is not None:
            self.answered += 1
            self._end(call.number, call.end, call.ended)
            self._drop(call)

    def _end(self, stream: int, headers: bytes, ended: bool) -> None:
        """End a stream, and have the client send no more of it."""
        self.output.append(self._head_frame(stream, headers, frames.END_STREAM))
        if not ended:
            self.output.append(frame(Kind.RST_STREAM, 0, stream, number(Fault.NO_ERROR)))

    def _head_frame(self, stream: int, headers: bytes, flags: int) -> bytes:
        headers, self.table_update = self.table_update + headers, b""
        return frame(Kind.HEADERS, flags | frames.END_HEADERS, stream, headers)

    def _reset(self, call: Stream, fault: Fault) -> None:
        self.resets += 1
        self.output.append(frame(Kind.RST_STREAM, 0, call.number, number(fault)))
        self._drop(call)

    def _drop(self, call: Stream) -> None:
        del self.streams[call.number]
        if call.task is not None and call.task is not asyncio.current_task():
            call.task.cancel()
        self.close_if_done()

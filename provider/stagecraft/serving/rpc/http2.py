"""A connection of HTTP/2 as a server speaks it (RFC 9113): frames, settings, windows, farewells.

Nothing here holds more than a limit: what a client does not take makes the server read no more of it.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import cast

from stagecraft.serving.rpc import frames
from stagecraft.serving.rpc.frames import ConnectionFault, Fault, Kind, Setting, frame, number

STREAMS = 100
"""Streams at a time."""
STREAM_CREDIT, CREDIT = 256 << 10, 4 << 20
"""Bytes that a client may send of a stream, and of all, before it hears that they were taken."""
LONGEST_BLOCK = 64 << 10
"""Bytes of a block of headers at most."""
LARGEST_LIST = 16 << 10
"""Bytes of headers at most, as HTTP/2 counts them."""
TABLE = 4096
"""Bytes of the table of headers, where nothing else was agreed on."""
LEAVING = b"leaving?"


class Http2(asyncio.Protocol):
    """Takes frames apart, and does with those of the connection itself what is to be done.

    What subclasses put out waits in :attr:`output` until :meth:`write`.

    :ivar window: bytes that the client takes now
    :ivar stream_window: bytes that it takes of a new stream
    :ivar longest: bytes of a frame that it takes
    :ivar last: the newest stream that it began
    :ivar last_taken: the last stream that is served, once either side leaves
    :ivar seen: when it last sent something, by the loop's clock
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.greeted = self.agreed = self.paused = False
        self.output: list[bytes] = []
        self.window = self.stream_window = frames.WINDOW
        self.longest = frames.LONGEST
        self.last = 0
        self.last_taken: int | None = None
        self.credit = CREDIT
        self.table_update = b""
        """What the next headers begin with."""
        self._rest = b""
        self._block: tuple[int, int, bytearray] | None = None
        """A stream, its flags, and the headers that came of it so far."""
        self.seen = self.since = self.loop.time()
        self.stuck: float | None = None
        """Since when the client takes nothing."""

    @abstractmethod
    def headers(self, stream: int, flags: int, block: bytes) -> None:
        """Take a whole block of headers."""

    @abstractmethod
    def data(self, stream: int, flags: int, content: bytes, size: int) -> None:
        """Take a piece of a body; ``size`` counts against its window, padding and all."""

    @abstractmethod
    def client_reset(self, stream: int) -> None:
        """The client gives a stream up."""

    @abstractmethod
    def more_window(self, stream: int, size: int) -> None:
        """The client takes more of a stream."""

    @abstractmethod
    def new_windows(self, change: int) -> None:
        """The client takes more or less of every stream, by ``change`` bytes."""

    @abstractmethod
    def flush(self) -> None:
        """Put out what waits: the client takes more."""

    @abstractmethod
    def is_done(self) -> bool:
        """Whether no stream is open."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        ours = {
            Setting.MAX_CONCURRENT_STREAMS: STREAMS,
            Setting.INITIAL_WINDOW_SIZE: STREAM_CREDIT,
            Setting.MAX_HEADER_LIST_SIZE: LARGEST_LIST,
        }
        more = frame(Kind.WINDOW_UPDATE, 0, 0, number(CREDIT - frames.WINDOW))
        self.transport.write(frames.settings(ours) + more)

    def data_received(self, data: bytes) -> None:
        self.seen = self.loop.time()
        if self._rest:
            data = self._rest + data
        try:
            self._rest = data[self._take(data) :]
            self.check()
        except ConnectionFault as fault:
            self._rest = b""
            self._go_away(self.last, fault.fault, fault.text)
            self.write()
            self.transport.close()
        else:
            self.write()

    def check(self) -> None:
        """Refuse a client that asks too much.

        :raises ConnectionFault: it does
        """

    def pause_writing(self) -> None:
        self.paused, self.stuck = True, self.loop.time()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.paused, self.stuck = False, None
        self.transport.resume_reading()
        self.flush()
        self.write()

    def write(self) -> None:
        """Send what was put out."""
        if self.output:
            data = b"".join(self.output)
            self.output.clear()
            if not self.transport.is_closing():
                self.transport.write(data)

    def leave(self) -> None:
        """Have the client open another connection; what it has asked for is answered.

        It may still ask until it has heard so, which its answer to a ping tells: see :meth:`leave_now`.
        """
        if not self.agreed:
            self.transport.close()
            return
        self._go_away(frames.LARGEST_WINDOW, Fault.NO_ERROR)
        self.output.append(frame(Kind.PING, 0, 0, LEAVING))
        self.write()

    def leave_now(self) -> None:
        """Take no further stream, and close the connection once none is open."""
        if self.last_taken is None:
            self.last_taken = self.last
            self._go_away(self.last, Fault.NO_ERROR)
            self.close_if_done()

    def close_if_done(self) -> None:
        """Close the connection, where a side leaves and no stream is open."""
        if self.last_taken is not None and self.is_done():
            self.write()
            self.transport.close()

    def _go_away(self, last: int, fault: Fault, text: str = "") -> None:
        self.output.append(frame(Kind.GOAWAY, 0, 0, number(last) + number(fault) + text.encode()))

    def _take(self, data: bytes) -> int:
        """Take whole frames; return how many bytes they are."""
        at, size = 0, len(data)
        if not self.greeted:
            if not data.startswith(frames.PREFACE[:size]):
                raise ConnectionFault(Fault.PROTOCOL_ERROR, "this port speaks gRPC alone")
            if size < len(frames.PREFACE):
                return 0
            self.greeted, at = True, len(frames.PREFACE)
        while size - at >= frames.HEAD_SIZE:
            high, low, kind, flags, stream = frames.HEAD.unpack_from(data, at)
            length = high << 8 | low
            if length > frames.LONGEST:
                raise ConnectionFault(Fault.FRAME_SIZE_ERROR, f"a frame of {length} bytes")
            start = at + frames.HEAD_SIZE
            if start + length > size:
                break
            at = start + length
            self._frame(kind, flags, stream & frames.LARGEST_WINDOW, data[start:at])
        return at

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if not self.agreed:
            if kind != Kind.SETTINGS or flags & frames.ACK:
                raise ConnectionFault(Fault.PROTOCOL_ERROR, "settings come first")
            self.agreed = True
        if self._block is not None and (kind != Kind.CONTINUATION or stream != self._block[0]):
            raise ConnectionFault(Fault.PROTOCOL_ERROR, "headers were not ended")
        if kind == Kind.DATA:
            self._data(stream, flags, payload)
        elif kind == Kind.HEADERS:
            if stream % 2 == 0:
                raise ConnectionFault(Fault.PROTOCOL_ERROR, "a client's streams are odd")
            more = flags & (frames.PADDED | frames.PRIORITIZED)
            block = frames.unpadded(payload, more) if more else payload
            if flags & frames.END_HEADERS:
                self.headers(stream, flags, block)
            else:
                self._block = stream, flags, bytearray(block)
        elif kind == Kind.WINDOW_UPDATE:
            self._window_update(stream, payload)
        elif kind == Kind.CONTINUATION:
            self._continuation(flags, payload)
        elif kind == Kind.RST_STREAM:
            if stream == 0 or stream > self.last or len(payload) != 4:
                raise ConnectionFault(Fault.PROTOCOL_ERROR, "a malformed reset")
            self.client_reset(stream)
        elif kind == Kind.PRIORITY:
            if stream == 0 or len(payload) != 5:
                raise ConnectionFault(Fault.PROTOCOL_ERROR, "a malformed priority")
        elif kind == Kind.PUSH_PROMISE:
            raise ConnectionFault(Fault.PROTOCOL_ERROR, "a client promises nothing")
        elif kind in (Kind.SETTINGS, Kind.PING, Kind.GOAWAY):
            if stream != 0:
                raise ConnectionFault(Fault.PROTOCOL_ERROR, "a frame of the connection has a stream")
            self._connection_frame(kind, flags, payload)

    def _connection_frame(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == Kind.SETTINGS:
            if not flags & frames.ACK:
                for setting, value in frames.read_settings(payload):
                    self._setting(setting, value)
                self.output.append(frame(Kind.SETTINGS, frames.ACK, 0))
                self.flush()
            elif payload:
                raise ConnectionFault(Fault.FRAME_SIZE_ERROR, "an acknowledgement says nothing")
        elif kind == Kind.PING:
            if len(payload) != 8:
                raise ConnectionFault(Fault.FRAME_SIZE_ERROR, "a ping is of 8 bytes")
            if not flags & frames.ACK:
                self.output.append(frame(Kind.PING, frames.ACK, 0, payload))
            elif payload == LEAVING:
                self.leave_now()
        elif len(payload) < 8:
            raise ConnectionFault(Fault.FRAME_SIZE_ERROR, "a malformed farewell")
        else:
            self.last_taken = frames.LARGEST_WINDOW if self.last_taken is None else self.last_taken
            self.close_if_done()

    def _setting(self, setting: int, value: int) -> None:
        if setting == Setting.INITIAL_WINDOW_SIZE:
            if value > frames.LARGEST_WINDOW:
                raise ConnectionFault(Fault.FLOW_CONTROL_ERROR, f"a window of {value} bytes")
            self.new_windows(value - self.stream_window)
            self.stream_window = value
        elif setting == Setting.MAX_FRAME_SIZE:
            if not frames.LONGEST <= value < 1 << 24:
                raise ConnectionFault(Fault.PROTOCOL_ERROR, f"frames of {value} bytes")
            self.longest = value
        elif setting == Setting.HEADER_TABLE_SIZE and value < TABLE:
            self.table_update = b"\x20"  # No table is used here, and the client must be told.
        elif setting == Setting.ENABLE_PUSH and value > 1:
            raise ConnectionFault(Fault.PROTOCOL_ERROR, "push is on or off")

    def _continuation(self, flags: int, payload: bytes) -> None:
        if self._block is None:
            raise ConnectionFault(Fault.PROTOCOL_ERROR, "there are no headers to continue")
        stream, first, block = self._block
        block += payload
        is_last = flags & frames.END_HEADERS
        if len(block) > LONGEST_BLOCK or not (payload or is_last):
            raise ConnectionFault(Fault.ENHANCE_YOUR_CALM, "the headers are too long")
        if is_last:
            self._block = None
            self.headers(stream, first, bytes(block))

    def _data(self, stream: int, flags: int, payload: bytes) -> None:
        if stream > self.last or stream % 2 == 0:
            raise ConnectionFault(Fault.PROTOCOL_ERROR, "data of a stream that never began")
        size = len(payload)
        self.credit -= size
        if self.credit < CREDIT // 2:
            self.output.append(frame(Kind.WINDOW_UPDATE, 0, 0, number(CREDIT - self.credit)))
            self.credit = CREDIT
        if flags & frames.PADDED:
            payload = frames.unpadded(payload, frames.PADDED)
        self.data(stream, flags, payload, size)

    def _window_update(self, stream: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise ConnectionFault(Fault.FRAME_SIZE_ERROR, "a malformed window")
        if stream > self.last:
            raise ConnectionFault(Fault.PROTOCOL_ERROR, "the window of a stream that never began")
        size = int.from_bytes(payload, "big") & frames.LARGEST_WINDOW
        if stream:
            self.more_window(stream, size)
            return
        self.window += size
        if size == 0 or self.window > frames.LARGEST_WINDOW:
            fault = Fault.FLOW_CONTROL_ERROR if size else Fault.PROTOCOL_ERROR
            raise ConnectionFault(fault, f"a window of {self.window} bytes")
        self.flush()

"""The fast lane: prediction requests answered on BentoML's own port before its framework sees them.

Uvicorn's protocol parses, answers and queues every request but those in the plainest framing that
:class:`stagecraft.serving.http.lane.Lane` can answer: whatever is odd about a request, its framing or its
content, Uvicorn and BentoML see to, so that there is one behaviour.
"""

from __future__ import annotations

from asyncio import Transport
from functools import partial
from importlib.metadata import version
from typing import Any

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stagecraft.serving.http.heads import END
from stagecraft.serving.http.lane import Lane

LONGEST_HEAD = 64 << 10
"""A request whose head is longer is answered with 431."""
HEAD_SECONDS = 20.0
"""A connection that takes longer to send a head is closed."""
HOLD_SECONDS = 0.5
"""How long the lane waits for the rest of a body, before it leaves the request to Uvicorn."""
TESTED = ((0, 34), (0, 54))
"""The oldest and the newest Uvicorn whose protocol the lane is known to fit."""


def install(lane: Lane) -> str | None:
    """Make Uvicorn's servers of this process take the lane.

    :returns: why that cannot be; None where it was done
    """
    found = version("uvicorn")
    oldest, newest = TESTED
    if not oldest <= tuple(map(int, found.split(".")[:2])) <= newest:
        return f"uvicorn {found} is none of {oldest[0]}.{oldest[1]} … {newest[0]}.{newest[1]}"
    uvicorn.config.HTTP_PROTOCOLS["auto"] = partial(FastProtocol, lane)  # type: ignore[assignment]
    return None


class FastProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with the lane before it.

    The lane is taken between messages alone: while Uvicorn reads a request, or owes an answer, all is its.
    """

    def __init__(self, lane: Lane, **options: Any) -> None:
        super().__init__(**options)
        self.lane = lane
        self.reading = False
        """Whether Uvicorn's parser is inside a message."""
        self.unread = 0
        """Bytes since the parser last finished a head or a piece of a body."""
        self.held = bytearray()
        """A request whose body has not arrived whole, and how long it will be."""
        self.whole = 0
        self.last_answer = 0.0
        self.head_timer: Any = None
        self.hold_timer: Any = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.head_timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.held:
            self.held += data
            if len(self.held) < self.whole:
                return
            data = self._release()
        if not self.reading and self._is_idle():
            data = self._answered(data)
        if data:
            self._hand_over(data)

    def shutdown(self) -> None:
        if self.held:
            self._hand_over(self._release())
        super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection; the lane's answers move the time without a new timer each."""
        self.timeout_keep_alive_task = None
        left = self.last_answer + self.timeout_keep_alive - self.loop.time()
        if left > 0 or self.held:
            self.timeout_keep_alive_task = self.loop.call_later(
                max(left, HOLD_SECONDS), self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def on_message_begin(self) -> None:
        self.reading = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.unread = 0
        self._stop_timers()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.unread = 0
        self._stop_timers()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.reading, self.unread = False, 0
        self._stop_timers()
        super().on_message_complete()

    def _is_idle(self) -> bool:
        """Whether Uvicorn owes no answer, and the client takes those that it gets."""
        return (
            (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _answered(self, data: bytes) -> bytes:
        """Answer the requests that the lane knows; return what is left for Uvicorn."""
        lane, start, answers, close = self.lane, 0, [], False
        began = lane.clock()
        while start < len(data) and not close:
            end = data.find(END, start) + len(END)
            if end < len(END):
                break
            head = lane.heads.read(data[start:end])
            if head is None:
                break
            stop = end + head.length
            if stop > len(data):
                self._hold(data[start:], stop - start)
                start = len(data)
                break
            answer = lane.answer(head, data[end:stop], began)
            if answer is None:
                break
            start, close = stop, head.close
            answers.append(lane.framed(head, answer, self.server_state.default_headers))
        if answers:
            self.transport.write(answers[0] if len(answers) == 1 else b"".join(answers))
            self._note(len(answers), close)
        return b"" if close else data[start:]

    def _note(self, answers: int, close: bool) -> None:
        self.server_state.total_requests += answers
        self.last_answer = self.loop.time()
        if self.head_timer is not None:
            self._stop_timers()
        if close:
            self.transport.close()
        elif self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _hold(self, data: bytes, whole: int) -> None:
        self.held += data
        self.whole = whole
        self.hold_timer = self.loop.call_later(HOLD_SECONDS, lambda: self._hand_over(self._release()))

    def _release(self) -> bytes:
        data = bytes(self.held)
        self.held.clear()
        if self.hold_timer is not None:
            self.hold_timer.cancel()
            self.hold_timer = None
        return data

    def _hand_over(self, data: bytes) -> None:
        """Leave bytes to Uvicorn, which itself would take a head of any size, for any time."""
        self.unread += len(data)
        super().data_received(data)
        if self.transport.is_closing() or not self.reading or not self.unread:
            return
        if self.unread > LONGEST_HEAD:
            self._refuse(b"431 Request Header Fields Too Large")
        elif self.head_timer is None:
            self.head_timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def _late(self) -> None:
        self.head_timer = None
        if self.reading:
            self._refuse(b"408 Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: bytes) -> None:
        """Close the connection, with a word where no answer to an earlier request is on its way."""
        if self._is_idle():
            self.transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        self.transport.close()

    def _stop_timers(self) -> None:
        for timer in (self.head_timer, self.hold_timer):
            if timer is not None:
                timer.cancel()
        self.head_timer = self.hold_timer = None

"""The fast lane: prediction requests answered on BentoML's own port before its framework sees them.

Uvicorn's protocol parses, answers and queues every request but those in the plainest framing that
:class:`stagecraft.serving.http.lane.Lane` can answer: whatever is odd about a request, its framing or its
content, Uvicorn and BentoML see to, so that there is one behaviour.
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from typing import Any

import uvicorn.config

from stagecraft.serving.http.heads import END
from stagecraft.serving.http.lane import Lane
from stagecraft.serving.http.limits import LimitedProtocol

HOLD_SECONDS = 0.5
"""How long the lane waits for the rest of a body, before it leaves the request to Uvicorn."""
TESTED = ((0, 34), (0, 54))
"""The oldest and the newest Uvicorn whose protocol these are known to fit."""


def install(lane: Lane | None) -> str | None:
    """Make Uvicorn's servers of this process take the lane, and limit requests' heads.

    :param lane: None: heads are limited, and nothing else
    :returns: why that cannot be; None where it was done
    """
    found = version("uvicorn")
    oldest, newest = TESTED
    if not oldest <= tuple(map(int, found.split(".")[:2])) <= newest:
        return f"uvicorn {found} is none of {oldest[0]}.{oldest[1]} … {newest[0]}.{newest[1]}"
    protocol = LimitedProtocol if lane is None else partial(FastProtocol, lane)
    uvicorn.config.HTTP_PROTOCOLS["auto"] = protocol  # type: ignore[assignment]
    return None


class FastProtocol(LimitedProtocol):
    """Uvicorn's protocol with the lane before it.

    The lane is taken between messages alone: while Uvicorn reads a request, or owes an answer, all is its.
    """

    def __init__(self, lane: Lane, **options: Any) -> None:
        super().__init__(**options)
        self.lane = lane
        self.held = bytearray()
        """A request whose body has not arrived whole, and how long it will be."""
        self.whole = 0
        self.last_answer = 0.0
        self.hold_timer: Any = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._release()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.held:
            self.held += data
            if len(self.held) < self.whole:
                return
            data = self._release()
        if not self.reading and self.is_idle():
            data = self._answered(data)
        if data:
            super().data_received(data)

    def shutdown(self) -> None:
        if self.held:
            self._leave()
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
        self.stop_timer()
        if close:
            self.transport.close()
        elif self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _hold(self, data: bytes, whole: int) -> None:
        self.held += data
        self.whole = whole
        self.hold_timer = self.loop.call_later(HOLD_SECONDS, self._leave)

    def _leave(self) -> None:
        """Leave what is held to Uvicorn, whose time for bodies begins."""
        super().data_received(self._release())

    def _release(self) -> bytes:
        data = bytes(self.held)
        self.held.clear()
        if self.hold_timer is not None:
            self.hold_timer.cancel()
            self.hold_timer = None
        return data

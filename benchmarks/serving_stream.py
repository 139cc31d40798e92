"""One request again and again over many connections, each answer noted with the times around it.

Reads a :class:`Plan` as JSON from the first line of standard input, and runs until that closes and enough is
sent. Then it writes ``answers.npz`` (sent, received, code) and ``bodies.json`` (code → body) into a folder.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BROKEN = -1


@dataclass
class Plan:
    """What to send.

    :param requests: how many, at least
    :param rate: requests a second; 0: as many as there are answers
    """

    port: int
    request: str
    connections: int
    requests: int
    rate: float
    folder: str


class Connection:
    """A connection with one request under way, or none."""

    def __init__(self, port: int) -> None:
        self.port, self.sent, self.buffer = port, 0.0, b""
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self.buffer, self.sent = b"", time.monotonic()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Return the status line's code and the body, once they are whole.

        :raises ConnectionError: it broke
        """
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("closed")
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.buffer[:end].lower()
        at = head.index(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self.buffer) < end + 4 + length:
            return None
        return head[9:12] + b" " + self.buffer[end + 4 :]


class Stream:
    def __init__(self, plan: Plan) -> None:
        self.plan, self.request = plan, plan.request.encode()
        self.selector = selectors.DefaultSelector()
        self.codes: dict[bytes, int] = {}
        self.sent, self.received, self.answers = array("d"), array("d"), array("i")
        self.begun = 0
        self.idle: list[Connection] = []

    def run(self) -> None:
        self.selector.register(sys.stdin, selectors.EVENT_READ, None)
        for _ in range(self.plan.connections):
            connection = Connection(self.plan.port)
            self.selector.register(connection.socket, selectors.EVENT_READ, connection)
            self.idle.append(connection)
        began, ending = time.monotonic(), False
        while True:
            if not ending or self.begun < self.plan.requests:
                self._send(began)
            elif len(self.idle) == self.plan.connections:
                break
            for key, _ in self.selector.select(self._pause(began)):
                if key.data is None:
                    ending = not sys.stdin.readline()
                else:
                    self._receive(key.data)
        folder = Path(self.plan.folder)
        np.savez(folder / "answers.npz", sent=self.sent, received=self.received, code=self.answers)
        bodies = {code: body.decode(errors="replace") for body, code in self.codes.items()}
        (folder / "bodies.json").write_text(json.dumps(bodies))

    def _pause(self, began: float) -> float:
        if not self.plan.rate or not self.idle:
            return 1.0
        return min(max(0.0, began + self.begun / self.plan.rate - time.monotonic()), 1.0)

    def _send(self, began: float) -> None:
        while self.idle:
            if self.plan.rate and time.monotonic() < began + self.begun / self.plan.rate:
                return
            self.begun += 1
            # The longest idle one, so that all take part whatever the rate.
            connection = self.idle.pop(0)
            try:
                connection.send(self.request)
            except OSError:
                self._broken(connection)

    def _receive(self, connection: Connection) -> None:
        try:
            answer = connection.receive()
        except OSError:
            self._broken(connection)
            return
        if answer is not None:
            self._note(connection, self.codes.setdefault(answer, len(self.codes)))
            self.idle.append(connection)

    def _broken(self, connection: Connection) -> None:
        self._note(connection, BROKEN)
        self.selector.unregister(connection.socket)
        connection.socket.close()
        connection.open()
        self.selector.register(connection.socket, selectors.EVENT_READ, connection)
        self.idle.append(connection)

    def _note(self, connection: Connection, code: int) -> None:
        self.sent.append(connection.sent)
        self.received.append(time.monotonic())
        self.answers.append(code)


if __name__ == "__main__":
    Stream(Plan(**json.loads(sys.stdin.readline()))).run()

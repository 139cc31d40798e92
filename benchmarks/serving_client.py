"""A load client in a process of its own: raw sockets, kept alive, every answer checked.

Reads a :class:`Plan` as JSON from standard input, and writes a :class:`Load` as JSON.
"""

from __future__ import annotations

import base64
import json
import selectors
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CHUNK = 1 << 18


@dataclass
class Plan:
    """What to send, and what to expect.

    :param requests: whole HTTP requests in base64; they go round
    :param scores: the scores expected of each; None: any
    :param answer: how an answer holds its scores: ``scores`` (JSON with a list ``scores``), ``floats`` (raw
        float32), ``list`` (JSON that is one) or ``v2`` (the Open Inference Protocol's JSON)
    :param rate: requests a second, sent when they are due; None: each connection's next as soon as it can
    :param client: the client's file
    :param at_once: requests that a connection has on their way; more than one over gRPC alone
    """

    port: int
    requests: list[str]
    scores: list[list[float]] | None
    answer: str
    connections: int
    seconds: float
    rate: float | None = None
    tolerance: float = 1e-5
    client: str = "serving_client.py"
    at_once: int = 1


@dataclass
class Load:
    """What became of a plan.

    :param latencies: seconds from when each request was due to its answer
    """

    requests: int
    failed: int
    wrong: int
    wall: float
    latencies: list[float]
    first_wrong: str | None


def quantile(latencies: Sequence[float], share: float) -> float:
    """Return the latency that a share of the requests did not exceed."""
    found = sorted(latencies)
    return found[min(int(share * len(found)), len(found) - 1)]


def run(plan: Plan) -> Load:
    """Run the client in a process of its own.

    :raises RuntimeError: a request failed, or an answer was wrong
    """
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(plan.client))],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    load = Load(**json.loads(done.stdout))
    if load.failed or load.wrong:
        raise RuntimeError(f"port {plan.port}: {load.failed} failed, {load.wrong} wrong: {load.first_wrong}")
    return load


def request(path: str, body: bytes, kind: str = "application/json", **headers: str) -> str:
    """Return a ``POST`` as a plan has it."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return base64.b64encode("\r\n".join([*lines, "", ""]).encode() + body).decode()


def _scores(answer: str) -> Callable[[bytes], list[float]]:
    if answer == "floats":
        return lambda body: list(struct.unpack(f"<{len(body) // 4}f", body))
    if answer == "v2":
        return lambda body: list(json.loads(body)["outputs"][0]["data"])
    if answer == "list":
        return lambda body: list(json.loads(body))
    return lambda body: list(json.loads(body)["scores"])


class Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.number = 0
        self.began = 0.0

    def send(self, number: int, data: bytes, began: float) -> None:
        self.number, self.began, self.buffer = number, began, b""
        self.socket.sendall(data)

    def receive(self) -> tuple[int, bytes] | None:
        """Return the status and the body once the answer is whole."""
        data = self.socket.recv(CHUNK)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head, body = self.buffer[:end].lower(), self.buffer[end + 4 :]
        status, at = int(head[9:12]), head.find(b"content-length:")
        if at >= 0:
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            return (status, body) if len(body) >= length else None
        return (status, _joined(body)) if body.endswith(b"0\r\n\r\n") else None


def _joined(chunks: bytes) -> bytes:
    """Return the content of a chunked body."""
    content = b""
    while True:
        size, _, chunks = chunks.partition(b"\r\n")
        if not (length := int(size, 16)):
            return content
        content, chunks = content + chunks[:length], chunks[length + 2 :]


class Client:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.requests = [base64.b64decode(each) for each in plan.requests]
        self.read = _scores(plan.answer)
        self.known: set[tuple[int, bytes]] = set()
        self.selector = selectors.SelectSelector()  # Others wait whole milliseconds, and send too late.
        self.free: deque[Connection] = deque()
        self.latencies: list[float] = []
        self.failed = self.wrong = self.sent = 0
        self.first_wrong: str | None = None
        for _ in range(plan.connections):
            connection = Connection(plan.port)
            self.selector.register(connection.socket, selectors.EVENT_READ, connection)
            self.free.append(connection)

    def run(self) -> Load:
        began = time.perf_counter()
        end = began + self.plan.seconds
        while (now := time.perf_counter()) < end or len(self.free) < self.plan.connections:
            if now < end:
                self._send(began, now)
            elif now > end + 30:
                raise RuntimeError("answers are missing")
            for key, _ in self.selector.select(self._wait(began)):
                self._receive(key.data)
        wall = time.perf_counter() - began
        return Load(len(self.latencies), self.failed, self.wrong, wall, self.latencies, self.first_wrong)

    def _wait(self, began: float) -> float:
        if self.plan.rate is None or not self.free:
            return 1.0
        return max(0.0, min(began + self.sent / self.plan.rate - time.perf_counter(), 1.0))

    def _send(self, began: float, now: float) -> None:
        while self.free:
            due = now if self.plan.rate is None else began + self.sent / self.plan.rate
            if due > now:
                return
            number = self.sent % len(self.requests)
            self.free.popleft().send(number, self.requests[number], due)
            self.sent += 1

    def _receive(self, connection: Connection) -> None:
        answer = connection.receive()
        if answer is None:
            return
        self.latencies.append(round(time.perf_counter() - connection.began, 7))
        self.free.append(connection)
        status, body = answer
        if status != 200:
            self.failed += 1
            self.first_wrong = self.first_wrong or f"{status} {body[:300]!r}"
        elif self.plan.scores is not None and (connection.number, body) not in self.known:
            expected = self.plan.scores[connection.number]
            if self._is_right(body, expected):
                self.known.add((connection.number, body))
            else:
                self.wrong += 1
                self.first_wrong = self.first_wrong or f"{body[:300]!r} for {expected[:3]}"

    def _is_right(self, body: bytes, expected: Sequence[float]) -> bool:
        found: Any = self.read(body)
        return len(found) == len(expected) and all(
            abs(one - other) <= self.plan.tolerance for one, other in zip(found, expected, strict=True)
        )


if __name__ == "__main__":
    print(json.dumps(asdict(Client(Plan(**json.load(sys.stdin))).run())))

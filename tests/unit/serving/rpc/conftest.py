"""A connection without a socket, and the package h2 as its client: it raises on whatever breaks HTTP/2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Value
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived

from stagecraft.serving.rpc.connection import Connection, Service
from stagecraft.serving.rpc.heads import Head
from stagecraft.serving.rpc.methods import Streaming, Unary

MOST, SECONDS = 1_000_000, 5.0
HEADERS = [
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "a"),
    ("content-type", "application/grpc"),
]


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.closed = self.reading_paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed, "nothing is written to a closed transport"
        self.sent += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading_paused = True

    def resume_reading(self) -> None:
        self.reading_paused = False


@dataclass
class Answer:
    """What came of a stream."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    reset: int | None = None
    ended: bool = False

    @property
    def status(self) -> int:
        return int(self.headers["grpc-status"])

    def messages(self) -> list[str]:
        found, at = [], 0
        while at < len(self.body):
            assert self.body[at] == 0
            size = int.from_bytes(self.body[at + 1 : at + 5], "big")
            found.append(Value.FromString(bytes(self.body[at + 5 : at + 5 + size])).string_value)
            at += 5 + size
        return found


class Peer:
    """A client and the connection that it speaks with."""

    def __init__(self, methods: dict[str, Any], table: int | None = None) -> None:
        self.connection = Connection(Service(methods, MOST, SECONDS))
        self.transport = Transport()
        self.client = H2Connection(H2Configuration(header_encoding="utf-8"))
        if table is not None:
            self.client.local_settings.header_table_size = table
        self.answers: dict[int, Answer] = {}
        self.client.initiate_connection()
        self.connection.connection_made(self.transport)
        self.exchange()

    def exchange(self) -> None:
        """Carry bytes both ways until there are none."""
        while True:
            out = self.client.data_to_send()
            if out and not self.transport.closed:
                self.connection.data_received(out)
            if not self.transport.sent:
                return
            sent = bytes(self.transport.sent)
            self.transport.sent.clear()
            for event in self.client.receive_data(sent):
                self.take(event)

    def take(self, event: Any) -> None:
        number = getattr(event, "stream_id", None)
        if not number:
            return
        answer = self.answers.setdefault(number, Answer())
        if isinstance(event, ResponseReceived | TrailersReceived):
            answer.headers |= dict(event.headers)
        elif isinstance(event, DataReceived):
            answer.body += event.data
            self.client.acknowledge_received_data(event.flow_controlled_length, number)
        elif isinstance(event, StreamEnded):
            answer.ended = True
        elif isinstance(event, StreamReset):
            answer.reset = int(event.error_code)

    def begin(self, path: str = "/test/Echo", **headers: str) -> int:
        number = self.client.get_next_available_stream_id()
        more = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.client.send_headers(number, [(":path", path), *HEADERS, *more])
        self.answers[number] = Answer()
        return number

    def send(self, number: int, data: bytes, *, end: bool = False) -> None:
        """Send what the connection takes, until all is sent."""
        while data and not self.answers[number].ended:
            size = min(
                self.client.local_flow_control_window(number), self.client.max_outbound_frame_size, len(data)
            )
            assert size > 0, "the connection takes no more"
            self.client.send_data(number, data[:size])
            data = data[size:]
            self.exchange()
        if end and not self.answers[number].ended:
            self.client.end_stream(number)
        self.exchange()

    def call(self, *texts: str, path: str = "/test/Echo", **headers: str) -> Answer:
        number = self.begin(path, **headers)
        self.send(number, b"".join(map(message, texts)), end=True)
        return self.answers[number]


def message(text: str, packed: int = 0) -> bytes:
    data = Value(string_value=text).SerializeToString()
    return bytes([packed]) + len(data).to_bytes(4, "big") + data


@dataclass
class Calls:
    """Methods to test with, and what has become of calls."""

    ended: list[str] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    def methods(self) -> dict[str, Any]:
        return {
            "/test/Echo": Unary(Value, answer=self.wait, at_once=self.echo),
            "/test/Wait": Unary(Value, answer=self.wait),
            "/test/Each": Streaming(Value, answer=self.each),
        }

    def echo(self, request: Any, head: Head) -> Any:
        if request.string_value == "fail":
            raise RuntimeError("a secret")
        return Value(string_value=f"{request.string_value}{head.key or ''}")

    async def wait(self, request: Any, head: Head) -> Any:
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        return self.echo(request, head)

    async def each(self, requests: AsyncIterator[Any], head: Head) -> AsyncGenerator[Any]:
        try:
            async for request in requests:
                yield self.echo(request, head)
        finally:
            self.ended.append("each")


@pytest.fixture(scope="session")
def peer_of() -> Any:
    return Peer


@pytest.fixture(scope="session")
def message_of() -> Any:
    return message


@pytest.fixture
def calls() -> Calls:
    return Calls()

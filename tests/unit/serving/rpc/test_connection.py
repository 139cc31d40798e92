"""gRPC over HTTP/2 as a client sees it: answers, windows, limits, and what is no HTTP/2."""

from __future__ import annotations

import asyncio
import functools
import inspect
import random
import struct
from collections.abc import Callable, Coroutine
from typing import Any

import hpack
import pytest

from stagecraft.serving.rpc.heads import Heads
from stagecraft.serving.rpc.status import Code

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
CALL = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/test/Echo"),
    ("content-type", "application/grpc"),
]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def headers(*fields: tuple[str, str]) -> bytes:
    return hpack.Encoder().encode(list(fields))


def frames(data: bytes) -> list[tuple[int, int, int, bytes]]:
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 3], "big")
        found.append(
            (
                data[at + 3],
                data[at + 4],
                int.from_bytes(data[at + 5 : at + 9], "big"),
                data[at + 9 : at + 9 + size],
            )
        )
        at += 9 + size
    return found


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Any:
    """Have a test run on an event loop."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    return run


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@in_loop
async def test_a_call_is_answered_in_its_turn(peer_of: Any, calls: Any) -> None:
    peer = peer_of(calls.methods())
    for text in ("a", "", "ü" * 100):
        answer = peer.call(text)
        assert (answer.status, answer.messages(), answer.ended) == (0, [text], True)
        assert answer.headers[":status"] == "200"
    assert not peer.connection.streams


@in_loop
async def test_bytes_may_come_one_by_one(peer_of: Any, calls: Any, message_of: Any) -> None:
    peer = peer_of(calls.methods())
    number = peer.begin()
    peer.client.send_data(number, message_of("slow"), end_stream=True)
    for byte in peer.client.data_to_send():
        peer.connection.data_received(bytes([byte]))
    peer.exchange()
    assert peer.answers[number].messages() == ["slow"]


@in_loop
async def test_many_calls_in_one_piece(peer_of: Any, calls: Any, message_of: Any) -> None:
    peer = peer_of(calls.methods())
    numbers = []
    for each in range(90):
        numbers.append(peer.begin())
        peer.client.send_data(numbers[-1], message_of(str(each)), end_stream=True)
    peer.exchange()
    assert [peer.answers[number].messages() for number in numbers] == [[str(each)] for each in range(90)]


@in_loop
async def test_an_answer_waits_for_the_client_s_window(peer_of: Any, calls: Any, message_of: Any) -> None:
    peer = peer_of(calls.methods())
    text = "x" * 300_000
    number = peer.begin()
    peer.client.acknowledge_received_data = lambda *_: None
    peer.send(number, message_of(text), end=True)
    answer = peer.answers[number]
    assert (len(answer.body), answer.ended) == (65535, False)
    for size in (1, 70_000, 300_000):
        peer.client.increment_flow_control_window(size)
        peer.client.increment_flow_control_window(size, number)
        peer.exchange()
    assert (answer.messages(), answer.status) == ([text], 0)
    peer.client.update_settings({4: 10})
    peer.exchange()
    small = peer.begin()
    peer.send(small, message_of("y" * 30), end=True)
    assert len(peer.answers[small].body) == 10
    peer.client.update_settings({4: 1000})
    peer.exchange()
    assert peer.answers[small].messages() == ["y" * 30]


@in_loop
async def test_nothing_piles_up_for_a_client_that_does_not_read(peer_of: Any, calls: Any) -> None:
    peer = peer_of(calls.methods())
    peer.client.increment_flow_control_window(1 << 24)
    peer.client.update_settings({4: 1 << 24})
    peer.exchange()
    peer.connection.pause_writing()
    answer = peer.call("x" * 200_000)
    assert (len(answer.body), peer.transport.reading_paused) == (0, True)
    peer.connection.resume_writing()
    peer.exchange()
    assert (answer.messages(), peer.transport.reading_paused) == (["x" * 200_000], False)
    peer.connection.pause_writing()
    peer.connection.look(asyncio.get_running_loop().time() + 6)
    assert peer.transport.closed


@in_loop
async def test_requests_larger_than_the_windows(peer_of: Any, calls: Any) -> None:
    peer = peer_of(calls.methods())
    for _ in range(12):
        assert peer.call("x" * 900_000, path="/test/Wait").messages() == []
    assert len(peer.connection.streams) == 12
    calls.go.set()
    await settle()
    peer.exchange()
    assert [len(answer.messages()[0]) for answer in peer.answers.values()] == [900_000] * 12


@in_loop
async def test_a_stream_of_requests(peer_of: Any, calls: Any, message_of: Any) -> None:
    peer = peer_of(calls.methods())
    number = peer.begin("/test/Each")
    whole = message_of("a") + message_of("b" * 1000) + message_of("c")
    for cut in range(0, len(whole), 100):
        peer.send(number, whole[cut : cut + 100])
        await settle()
    peer.exchange()
    answer = peer.answers[number]
    assert (answer.messages(), answer.ended) == (["a", "b" * 1000, "c"], False)
    peer.send(number, b"", end=True)
    await settle()
    peer.exchange()
    assert (answer.status, answer.ended) == (0, True)
    empty = peer.call(path="/test/Each")
    await settle()
    peer.exchange()
    assert (empty.status, empty.messages()) == (0, [])


@in_loop
async def test_a_stream_that_is_not_read_stops_its_client(peer_of: Any, calls: Any, message_of: Any) -> None:
    peer = peer_of(calls.methods())
    number = peer.begin("/test/Each")
    with pytest.raises(AssertionError, match="takes no more"):
        peer.send(number, message_of("x" * 10_000) * 100)
    assert len(peer.connection.streams[number].messages) < 30


@pytest.mark.parametrize(
    ("code", "text", "body"),
    [
        (Code.INVALID_ARGUMENT, "cut off", b"\0\0\0\0\5ab"),
        (Code.INVALID_ARGUMENT, "cut off", b"\0\0"),
        (Code.INVALID_ARGUMENT, "not compressed", b"\1\0\0\0\1a"),
        (Code.INVALID_ARGUMENT, "marked with 7", b"\7\0\0\0\1a"),
        (Code.INVALID_ARGUMENT, "google.protobuf.Value", b"\0\0\0\0\1\xff"),
        (Code.RESOURCE_EXHAUSTED, "larger than 1000000", b"\0\xff\xff\xff\xff" + b"a" * 50),
        (Code.UNIMPLEMENTED, "0 requests", b""),
        (Code.UNIMPLEMENTED, "2 requests", b"\0\0\0\0\0\0\0\0\0\0"),
        (Code.INTERNAL, "its log", b"\0\0\0\0\6\x1a\4fail"),
    ],
)
@in_loop
async def test_bodies_that_are_refused(peer_of: Any, calls: Any, code: Code, text: str, body: bytes) -> None:
    peer = peer_of(calls.methods())
    number = peer.begin()
    peer.send(number, body, end=True)
    answer = peer.answers[number]
    assert (answer.status, answer.ended) == (code, True)
    assert text in answer.headers["grpc-message"]
    assert "secret" not in answer.headers["grpc-message"]
    assert peer.call("after").messages() == ["after"]
    stream = peer.begin("/test/Each")
    peer.send(stream, body, end=True)
    await settle()
    peer.exchange()
    if code not in (Code.UNIMPLEMENTED, Code.INTERNAL):
        assert peer.answers[stream].status == code


@in_loop
async def test_heads_that_are_refused(peer_of: Any, calls: Any, message_of: Any) -> None:
    peer = peer_of(calls.methods())
    assert peer.call("a", path="/test/None").status == Code.UNIMPLEMENTED
    packed = peer.begin(grpc_encoding="gzip")
    peer.send(packed, message_of("a", packed=1), end=True)
    assert peer.answers[packed].status == Code.UNIMPLEMENTED
    assert peer.answers[packed].headers["grpc-accept-encoding"] == "identity"
    early = peer.begin("/test/None")
    peer.exchange()
    assert (peer.answers[early].status, peer.answers[early].reset) == (Code.UNIMPLEMENTED, 0)
    for status, changed in (("405", (":method", "GET")), ("415", ("content-type", "text/html"))):
        fields = [changed if name == changed[0] else (name, value) for name, value in CALL]
        peer.connection.data_received(frame(1, 5, 2001 + 2 * int(status), headers(*fields)))
        sent = frames(bytes(peer.transport.sent))
        peer.transport.sent.clear()
        assert hpack.Decoder().decode(sent[-1][3]) == [(":status", status)]


@pytest.mark.parametrize(
    "fields",
    [
        [],
        CALL[1:],
        [*CALL, (":path", "/late")],
        [*CALL, ("Upper", "a")],
        [*CALL, ("connection", "close")],
        [*CALL, (":status", "200")],
        [CALL[0], *CALL],
        [*CALL, ("grpc-timeout", "soon")],
        [*CALL, ("a b", "c")],
    ],
)
@in_loop
async def test_malformed_heads_reset_the_stream(
    peer_of: Any, calls: Any, fields: list[tuple[str, str]]
) -> None:
    peer = peer_of(calls.methods())
    peer.connection.data_received(frame(1, 5, 1, headers(*fields)))
    assert frames(bytes(peer.transport.sent)) == [(3, 0, 1, b"\0\0\0\1")]
    peer.transport.sent.clear()
    peer.connection.data_received(frame(1, 4, 3, headers(*CALL)) + frame(0, 1, 3, b"\0\0\0\0\3\x1a\1a"))
    assert [each[0] for each in frames(bytes(peer.transport.sent))] == [1, 0, 1]


PROTOCOL, FLOW, SIZE, COMPRESSION, CALM = 1, 3, 6, 9, 11


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        (PROTOCOL, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (PROTOCOL, b"\x16\3\1\2\0\1\0\1\xfc\3\3"),
        (PROTOCOL, PREFACE[:-1] + b"x"),
        (PROTOCOL, PREFACE + frame(6, 0, 0, b"12345678")),
        (SIZE, PREFACE + SETTINGS + b"\xff\xff\xff" + b"\0" * 6),
        (SIZE, PREFACE + frame(4, 0, 0, b"12345")),
        (SIZE, PREFACE + SETTINGS + frame(4, 1, 0, b"123456")),
        (PROTOCOL, PREFACE + SETTINGS + frame(4, 0, 1)),
        (FLOW, PREFACE + frame(4, 0, 0, b"\0\4\xff\xff\xff\xff")),
        (PROTOCOL, PREFACE + frame(4, 0, 0, b"\0\5\0\0\0\1")),
        (PROTOCOL, PREFACE + frame(4, 0, 0, b"\0\2\0\0\0\2")),
        (SIZE, PREFACE + SETTINGS + frame(6, 0, 0, b"1234567")),
        (PROTOCOL, PREFACE + SETTINGS + frame(6, 0, 1, b"12345678")),
        (PROTOCOL, PREFACE + SETTINGS + frame(0, 0, 0, b"a")),
        (PROTOCOL, PREFACE + SETTINGS + frame(0, 0, 1, b"a")),
        (PROTOCOL, PREFACE + SETTINGS + frame(1, 4, 0, headers(*CALL))),
        (PROTOCOL, PREFACE + SETTINGS + frame(1, 4, 2, headers(*CALL))),
        (PROTOCOL, PREFACE + SETTINGS + frame(1, 12, 1, b"\xff" + headers(*CALL))),
        (COMPRESSION, PREFACE + SETTINGS + frame(1, 4, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff")),
        (COMPRESSION, PREFACE + SETTINGS + frame(1, 4, 1, b"\xff\x7f")),
        (COMPRESSION, PREFACE + SETTINGS + frame(1, 4, 1, headers(*CALL, ("a", "x" * 40_000))[:16000])),
        (PROTOCOL, PREFACE + SETTINGS + frame(1, 0, 1, headers(*CALL)) + frame(0, 0, 1, b"")),
        (PROTOCOL, PREFACE + SETTINGS + frame(1, 0, 1, headers(*CALL)) + frame(9, 4, 3, b"")),
        (PROTOCOL, PREFACE + SETTINGS + frame(9, 4, 1, b"")),
        (CALM, PREFACE + SETTINGS + frame(1, 0, 1, b"a" * 16000) + frame(9, 0, 1, b"a" * 16000) * 4),
        (CALM, PREFACE + SETTINGS + frame(1, 0, 1, headers(*CALL)) + frame(9, 0, 1, b"")),
        (PROTOCOL, PREFACE + SETTINGS + frame(5, 4, 1, b"\0\0\0\2")),
        (PROTOCOL, PREFACE + SETTINGS + frame(2, 0, 1, b"1234")),
        (PROTOCOL, PREFACE + SETTINGS + frame(3, 0, 1, b"\0\0\0\0")),
        (PROTOCOL, PREFACE + SETTINGS + frame(8, 0, 1, b"\0\0\0\1")),
        (PROTOCOL, PREFACE + SETTINGS + frame(8, 0, 0, b"\0\0\0\0")),
        (FLOW, PREFACE + SETTINGS + frame(8, 0, 0, b"\x7f\xff\xff\xff")),
        (SIZE, PREFACE + SETTINGS + frame(8, 0, 0, b"\0\0\1")),
        (SIZE, PREFACE + SETTINGS + frame(7, 0, 0, b"\0\0\1")),
    ],
)
@in_loop
async def test_what_breaks_http2_ends_the_connection(
    peer_of: Any, calls: Any, fault: int, sent: bytes
) -> None:
    peer = peer_of(calls.methods())
    connection = type(peer.connection)(peer.connection.service)
    connection.connection_made(transport := type(peer.transport)())
    transport.sent.clear()
    connection.data_received(sent)
    kind, _, _, payload = frames(bytes(transport.sent))[-1]
    assert (kind, struct.unpack(">L", payload[4:8])[0]) == (7, fault), payload
    assert transport.closed


@in_loop
async def test_more_than_a_stream_s_window(peer_of: Any, calls: Any, message_of: Any) -> None:
    peer = peer_of(calls.methods())
    whole = frame(0, 0, 1, message_of("a")) + frame(0, 0, 1, b"\0" * 10_000) * 27
    peer.connection.data_received(frame(1, 4, 1, headers(*CALL)) + whole)
    assert (3, 0, 1, b"\0\0\0\3") in frames(bytes(peer.transport.sent))


@in_loop
async def test_a_call_that_is_given_up_is_cancelled(peer_of: Any, calls: Any) -> None:
    peer = peer_of(calls.methods())
    numbers = [peer.begin(path) for path in ("/test/Wait", "/test/Each")]
    peer.send(numbers[0], b"\0\0\0\0\0", end=True)
    await settle()
    for number in numbers:
        peer.client.reset_stream(number, 8)
    peer.exchange()
    await settle()
    assert sorted(calls.ended) == ["cancelled", "each"]
    assert not peer.connection.streams
    peer.call("a", path="/test/Wait")
    await settle()
    peer.connection.connection_lost(None)
    await settle()
    assert calls.ended.count("cancelled") == 2


@in_loop
async def test_calls_that_are_given_up_all_the_time(peer_of: Any, calls: Any) -> None:
    peer = peer_of(calls.methods())
    for _ in range(90):
        assert peer.call("a").status == 0
    for _ in range(250):
        if not peer.transport.closed:
            number = peer.begin("/test/Wait")
            peer.client.reset_stream(number, 8)
            sent = peer.client.data_to_send()
            peer.connection.data_received(sent)
    assert peer.connection.resets == 191
    assert frames(bytes(peer.transport.sent))[-1][3][4:8] == b"\0\0\0\x0b"


@in_loop
async def test_more_calls_at_a_time_than_are_taken(peer_of: Any, calls: Any) -> None:
    peer = peer_of(calls.methods())
    blocks = [frame(1, 4, number, headers(*CALL)) for number in range(1, 203, 2)]
    peer.connection.data_received(b"".join(blocks))
    assert frames(bytes(peer.transport.sent)) == [(3, 0, 201, b"\0\0\0\7")]


@in_loop
async def test_bodies_that_never_end_are_held_within_a_limit(peer_of: Any, calls: Any) -> None:
    peer = peer_of(calls.methods())
    for _ in range(5):
        number = peer.begin()
        peer.send(number, (999_999).to_bytes(5, "big") + b"x" * 900_000)
    assert peer.answers[number].status == Code.RESOURCE_EXHAUSTED
    assert len(peer.connection.streams) == 4


@in_loop
async def test_what_is_late(peer_of: Any, calls: Any, message_of: Any) -> None:
    peer = peer_of(calls.methods())
    now = asyncio.get_running_loop().time()
    slow, partial, idle, waiting = (
        peer.begin(path) for path in ("/test/Echo", "/test/Each", "/test/Each", "/test/Wait")
    )
    peer.send(slow, b"\0")
    peer.send(partial, message_of("a")[:-1])
    peer.send(waiting, message_of("a"), end=True)
    short = peer.begin("/test/Each", grpc_timeout="100m")
    peer.exchange()
    await settle()

    def statuses() -> list[str | None]:
        peer.exchange()
        numbers = (slow, partial, idle, waiting, short)
        return [peer.answers[number].headers.get("grpc-status") for number in numbers]

    peer.connection.look(now + 0.05)
    assert statuses() == [None] * 5
    peer.connection.look(now + 1)
    assert statuses() == [None, None, None, None, "4"]
    peer.connection.look(now + 6)
    assert statuses() == ["4", "4", None, None, "4"]
    assert "the body took more than 5 seconds" in peer.answers[slow].headers["grpc-message"]
    peer.connection.look(now + 61)
    assert statuses() == ["4", "4", None, "4", "4"]
    await settle()
    assert calls.ended == ["each", "each", "cancelled"] or sorted(calls.ended) == [
        "cancelled",
        "each",
        "each",
    ]


@in_loop
async def test_idle_and_silent_connections_are_closed(peer_of: Any, calls: Any) -> None:
    peer = peer_of(calls.methods())
    now = asyncio.get_running_loop().time()
    peer.connection.look(now + 299)
    assert not peer.transport.closed
    peer.connection.look(now + 301)
    assert peer.transport.closed
    silent = type(peer.connection)(peer.connection.service)
    silent.connection_made(transport := type(peer.transport)())
    silent.look(now + 6)
    assert transport.closed


@in_loop
async def test_a_server_that_leaves_answers_what_was_asked(peer_of: Any, calls: Any, message_of: Any) -> None:
    peer = peer_of(calls.methods())
    before = peer.begin("/test/Wait")
    peer.send(before, message_of("before"), end=True)
    await settle()
    during = peer.begin("/test/Wait")
    peer.client.send_data(during, message_of("during"), end_stream=True)
    on_its_way = peer.client.data_to_send()
    peer.connection.leave()
    peer.connection.data_received(on_its_way)
    sent, peer.transport.sent = bytes(peer.transport.sent), bytearray()
    assert [(kind, payload[:4]) for kind, _, _, payload in frames(sent) if kind in (6, 7)] == [
        (7, b"\x7f\xff\xff\xff"),
        (6, b"leav"),
    ]
    peer.connection.data_received(frame(6, 1, 0, b"leaving?"))
    assert frames(bytes(peer.transport.sent))[-1][3] == during.to_bytes(4, "big") + b"\0\0\0\0"
    peer.transport.sent.clear()
    peer.connection.data_received(frame(1, 5, during + 2, headers(*CALL)))
    assert (bytes(peer.transport.sent), peer.transport.closed) == (b"", False)
    await settle()
    calls.go.set()
    await settle()
    data = b"".join(payload for kind, _, _, payload in frames(bytes(peer.transport.sent)) if kind == 0)
    assert data == message_of("before") + message_of("during")
    assert peer.transport.closed


@in_loop
async def test_a_client_that_leaves_gets_its_answers(peer_of: Any, calls: Any, message_of: Any) -> None:
    peer = peer_of(calls.methods())
    number = peer.begin("/test/Wait")
    peer.send(number, message_of("a"), end=True)
    await settle()
    peer.connection.data_received(frame(7, 0, 0, b"\0" * 8))
    assert not peer.transport.closed
    calls.go.set()
    await settle()
    peer.exchange()
    assert (peer.answers[number].messages(), peer.transport.closed) == (["a"], True)


@in_loop
async def test_a_client_without_a_table_of_headers_is_told_that_none_is_used(
    peer_of: Any, calls: Any
) -> None:
    peer = peer_of(calls.methods())
    peer.connection.data_received(frame(4, 0, 0, b"\0\1\0\0\0\0"))
    peer.transport.sent.clear()
    decoder = hpack.Decoder()
    decoder.max_allowed_table_size = 0
    peer.connection.data_received(frame(1, 4, 1, headers(*CALL)) + frame(0, 1, 1, b"\0\0\0\0\3\x1a\1a"))
    blocks = [payload for kind, _, _, payload in frames(bytes(peer.transport.sent)) if kind == 1]
    assert decoder.decode(blocks[0])[0] == (":status", "200")
    assert decoder.decode(blocks[1]) == [("grpc-status", "0")]


@in_loop
async def test_equal_bytes_of_headers_mean_what_the_table_says(peer_of: Any, calls: Any) -> None:
    """A client's encoder of its own, over keys that come again and push each other out of the table."""
    draw = random.Random(5)
    peer = peer_of(calls.methods())
    keys = ["", *(f"{number:03}" * 300 for number in range(8)), "short"]
    for _ in range(400):
        key = draw.choice(keys)
        answer = peer.call("k", stagecraft_key=key) if key else peer.call("k")
        assert answer.messages() == [f"k{key}"]


def test_heads_are_read_once() -> None:
    heads, encoder = Heads(), hpack.Encoder()
    first, second, third = (encoder.encode(CALL) for _ in range(3))
    assert (first != second, second == third) == (True, True)
    heads.read(first)
    found = heads.read(second)
    assert found is not None
    assert found.path == "/test/Echo"
    assert heads.read(third) is found
    heads.read(encoder.encode([*CALL, ("stagecraft-key", "a")]))
    again = heads.read(encoder.encode(CALL))
    assert (again == found, again is found) == (True, False)

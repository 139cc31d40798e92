"""gRPC that nobody should send: each call must end with the code that it deserves, or its connection."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import hpack

from stagecraft.serving.rpc.messages import PACKAGE, PredictRequest, Struct, VersionRequest

if TYPE_CHECKING:
    from serving_fuzz import Fuzz

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
ENDS = {DATA, HEADERS}
PREDICT = f"/{PACKAGE}.Prediction/Predict"

OK, INVALID, NOT_FOUND, DENIED, EXHAUSTED, UNIMPLEMENTED, UNAUTHENTICATED = 0, 3, 5, 7, 8, 12, 16
BAD = frozenset({INVALID, NOT_FOUND, DENIED, EXHAUSTED, UNIMPLEMENTED, UNAUTHENTICATED})
NONE = -1
"""The stream is reset, or the connection ended, without a code."""

Sent = tuple[bytes, frozenset[int]]
"""What is sent after the preface and empty settings, and the codes that will do for the first call."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def head(path: str = PREDICT, *more: tuple[str, str], **changed: str) -> bytes:
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "a"}
    fields |= {"content-type": "application/grpc", "te": "trailers"} | changed
    return hpack.Encoder().encode([*fields.items(), *more])


def message(data: bytes, packed: int = 0) -> bytes:
    return bytes([packed]) + len(data).to_bytes(4, "big") + data


def call(body: bytes, *more: tuple[str, str], path: str = PREDICT, stream: int = 1) -> bytes:
    pieces = [body[at : at + 16_000] for at in range(0, len(body), 16_000)] or [b""]
    data = [frame(DATA, 0, stream, piece) for piece in pieces[:-1]] + [frame(DATA, 1, stream, pieces[-1])]
    return frame(HEADERS, 4, stream, head(path, *more)) + b"".join(data)


def asked(fuzz: Fuzz) -> PredictRequest:
    """A request that is right."""
    form = fuzz.draw.choice(["floats", "json", "values", "arrow"])
    rows = [fuzz.row() for _ in range(fuzz.draw.choice([1, 1, 3]))]
    if form == "floats":
        return PredictRequest(model="gbdt", floats=b"".join(fuzz.draw.sample(fuzz.raw, len(rows))))
    if form == "json":
        return PredictRequest(model="gbdt", json=json.dumps({"rows": rows}).encode())
    if form == "arrow":
        return PredictRequest(model="gbdt", arrow=fuzz.stream)
    structs = [Struct() for _ in rows]
    for struct, row in zip(structs, rows, strict=True):
        struct.update(row)
    return PredictRequest(model="gbdt", values={"rows": structs})


def _right(fuzz: Fuzz) -> Sent:
    return call(message(asked(fuzz).SerializeToString())), frozenset({OK})


def _right_stream(fuzz: Fuzz) -> Sent:
    requests = [message(asked(fuzz).SerializeToString()) for _ in range(3)]
    return call(b"".join(requests), path=f"{PREDICT}Stream"), frozenset({OK})


def _right_in_padding(fuzz: Fuzz) -> Sent:
    body, size = message(asked(fuzz).SerializeToString()), fuzz.draw.randrange(256)
    padded = bytes([size]) + body[:10_000] + b"\0" * size
    rest = frame(DATA, 1, 1, body[10_000:])
    return frame(HEADERS, 0x24, 1, b"\0\0\0\0\x10" + head()) + frame(DATA, 8, 1, padded) + rest, frozenset(
        {OK}
    )


def _wrong_rows(fuzz: Fuzz) -> Sent:
    row = fuzz.row()
    row[fuzz.draw.choice(list(row))] = fuzz.draw.choice(["x", True, float("nan"), float("inf"), [1.0], {}])
    struct = Struct()
    struct.update(row)
    requests = [
        PredictRequest(model="gbdt", values={"rows": [struct]}),
        PredictRequest(model="gbdt", floats=fuzz.draw.randbytes(fuzz.draw.choice([0, 1, 161]))),
        PredictRequest(model="gbdt", arrow=fuzz.draw.randbytes(200)),
        PredictRequest(model="gbdt", json=fuzz.draw.choice([b"", b"{", b"[" * 100_000, b"null", b"\xff"])),
        PredictRequest(model="gbdt", floats=fuzz.raw[0] * 1001),
        PredictRequest(model="gbdt"),
        PredictRequest(),
        PredictRequest(model="gbdt", version="x", floats=fuzz.raw[0]),
    ]
    return call(message(fuzz.draw.choice(requests).SerializeToString())), frozenset({INVALID, NOT_FOUND})


def _mutated_message(fuzz: Fuzz) -> Sent:
    body = bytearray(asked(fuzz).SerializeToString())
    for _ in range(fuzz.draw.randint(1, 8)):
        body[fuzz.draw.randrange(len(body))] = fuzz.draw.randrange(256)
    return call(message(bytes(body))), BAD | {OK}


def _no_message(fuzz: Fuzz) -> Sent:
    # Field 1 again and again inside field 4: nested deeper than anything reads.
    deep = b""
    for _ in range(fuzz.draw.choice([3, 200])):
        deep = b"\x0a" + bytes([min(len(deep), 127)]) + deep[:127]
    body = fuzz.draw.choice([fuzz.draw.randbytes(50), b"\xff" * 20, b"\x22\x7f" + deep])
    return call(message(body)), BAD | {OK}


def _wrong_prefix(fuzz: Fuzz) -> Sent:
    body = asked(fuzz).SerializeToString()
    wrong = [
        bytes([fuzz.draw.randint(1, 255)]) + len(body).to_bytes(4, "big"),
        b"\0" + (len(body) + fuzz.draw.randint(1, 1000)).to_bytes(4, "big"),
        b"\0" + (len(body) - fuzz.draw.randint(1, len(body))).to_bytes(4, "big"),
        b"\0\xff\xff\xff\xff",
        b"\0" + (1_000_001).to_bytes(4, "big"),
        b"\0",
        b"",
    ]
    more = fuzz.draw.choice([(), (("grpc-encoding", "gzip"),)])
    return call(fuzz.draw.choice(wrong) + body, *more), BAD


def _huge_message(fuzz: Fuzz) -> Sent:
    return call(message(b"\x2a" * 1_500_000)), frozenset({EXHAUSTED})


def _many_streams(fuzz: Fuzz) -> Sent:
    block = head()
    begun = [frame(HEADERS, 4, 3 + 2 * number, block) for number in range(150)]
    return call(message(asked(fuzz).SerializeToString())) + b"".join(begun), frozenset({OK})


def _reset_at_once(fuzz: Fuzz) -> Sent:
    each, block = b"", head()
    for stream in range(1, 2 * fuzz.draw.choice([1, 10, 300]), 2):
        many = message(PredictRequest(model="gbdt", floats=b"".join(fuzz.raw[:70])).SerializeToString())
        data = frame(DATA, 1, stream, many) + frame(RESET, 0, stream, b"\0\0\0\x08")
        each += frame(HEADERS, 4, stream, block) + data
    return each, BAD | {OK, NONE}


WRONG_HEADS = [
    b"",
    head(":path"),
    head("/a.B/C"),
    head(**{":method": "GET"}),
    head(**{"content-type": "application/json"}),
    head(PREDICT, ("Upper", "x")),
    head(PREDICT, ("connection", "close")),
    head(PREDICT, ("grpc-timeout", "1x")),
    head(PREDICT, ("grpc-timeout", "99999999H")),
    head(PREDICT, (":late", "x")),
    head(PREDICT, ("x", "y" * 30_000))[:16_000],
    head(PREDICT, *[("x", "y" * 100)] * 100)[:16_000],
    head(f"/{PACKAGE}.Management/DeleteVersion"),
    b"\xff" * 30,
    b"\x3f\xe1\x1f" * 5,
]


def _wrong_head(fuzz: Fuzz) -> Sent:
    body = message(VersionRequest(name="gbdt", version="1").SerializeToString())
    sent = frame(HEADERS, 4, 1, fuzz.draw.choice([*WRONG_HEADS, fuzz.draw.randbytes(60)])) + frame(
        DATA, 1, 1, body
    )
    return sent, BAD | {NONE}


def _continued(fuzz: Fuzz) -> Sent:
    block = head(PREDICT, ("x", "y" * 3000))
    cut = fuzz.draw.randrange(len(block))
    body = message(asked(fuzz).SerializeToString())
    parts = (
        frame(HEADERS, 0, 1, block[:cut])
        + frame(CONTINUATION, 4, 1, block[cut:])
        + call(body)[9 + len(head()) :]
    )
    if fuzz.draw.random() < 0.5:
        return parts, frozenset({OK})
    return frame(HEADERS, 0, 1, block) + frame(CONTINUATION, 0, 1, b"\0" * 16_000) * 20, frozenset({NONE})


def _flood(fuzz: Fuzz) -> Sent:
    kinds = [
        frame(PING, 0, 0, b"12345678"),
        frame(SETTINGS, 0, 0, b"\0\4\0\0\xff\xff"),
        frame(PRIORITY, 0, 1, b"\0\0\0\0\1"),
        frame(WINDOW, 0, 0, b"\0\0\0\1"),
        frame(0xBE, 0xFF, 77, b"unknown"),
        frame(RESET, 0, 1, b"\0\0\0\x08"),
        frame(DATA, 0, 1),
    ]
    right = call(message(asked(fuzz).SerializeToString()))
    return right + fuzz.draw.choice(kinds) * fuzz.draw.choice([1, 50, 5000]), frozenset({OK})


def _no_window(fuzz: Fuzz) -> Sent:
    right = call(message(asked(fuzz).SerializeToString()))
    return frame(SETTINGS, 0, 0, b"\0\4\0\0\0\0") + right, frozenset({NONE})


def _mutated_frames(fuzz: Fuzz) -> Sent:
    sent = bytearray(call(message(asked(fuzz).SerializeToString())))
    for _ in range(fuzz.draw.randint(1, 10)):
        sent[fuzz.draw.randrange(min(len(sent), fuzz.draw.choice([20, 150, 10**6])))] = fuzz.draw.randrange(
            256
        )
    return bytes(sent), BAD | {OK, NONE}


def _truncated_frames(fuzz: Fuzz) -> Sent:
    sent = call(message(asked(fuzz).SerializeToString()))
    return sent[: fuzz.draw.randrange(len(sent))], BAD | {NONE}


def _wrong_frames(fuzz: Fuzz) -> Sent:
    draw = fuzz.draw
    sent = [
        frame(
            draw.randrange(11),
            draw.randrange(256),
            draw.choice([0, 1, 2, 3, 2**31 - 1]),
            draw.randbytes(size),
        )
        for size in draw.sample([0, 1, 4, 5, 6, 8, 9, 100, 16_000, 20_000], 6)
    ]
    return b"".join(sent), BAD | {NONE}


def _no_preface(fuzz: Fuzz) -> Sent:
    starts = [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00", PREFACE[:-2] + b"xx", b"PRI"]
    return b"-" + fuzz.draw.choice([*starts, fuzz.draw.randbytes(100)]), frozenset({NONE})


KINDS: list[Callable[[Fuzz], Sent]] = [
    *(_right, _right_stream, _right_in_padding, _wrong_rows, _mutated_message, _no_message, _wrong_prefix),
    *(_huge_message, _many_streams, _reset_at_once, _wrong_head, _continued, _flood, _no_window),
    *(_mutated_frames, _truncated_frames, _wrong_frames, _no_preface),
]


def exchange(port: int, fuzz: Fuzz) -> tuple[str, str | None]:
    """Send one thing over a connection of its own; return its kind, and what was wrong."""
    make = fuzz.draw.choice(KINDS)
    sent, allowed = make(fuzz)
    kind = f"gRPC{make.__name__.replace('_', ' ')}"
    sent = sent[1:] if make is _no_preface else PREFACE + frame(SETTINGS, 0, 0) + sent
    code = NONE
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            connection.sendall(sent)
            if NONE in allowed:  # No answer may come, so that the server must see that nothing else will.
                connection.shutdown(socket.SHUT_WR)
            code = _code(connection)
        except TimeoutError:
            return kind, f"{kind}: no answer: {sent[:200]!r}"
        except OSError:  # The server closed the connection before all was sent.
            pass
    if code not in allowed and not (code == NONE and make in (_huge_message, _flood)):
        return kind, f"{kind}: {code}, not {sorted(allowed)}: {sent[:300]!r}"
    return kind, None


def _code(connection: socket.socket) -> int:
    """Return the code of the first stream; NONE where it has none."""
    file, decoder = connection.makefile("rb"), hpack.Decoder()
    while len(start := file.read(9)) == 9:
        size, kind, stream = int.from_bytes(start[:3], "big"), start[3], int.from_bytes(start[5:], "big")
        payload = file.read(size)
        if kind == HEADERS:
            fields = dict(decoder.decode(payload))
            if stream == 1 and "grpc-status" in fields:
                return int(fields["grpc-status"])
            if stream == 1 and fields.get(":status") in ("405", "415"):
                return NONE
        elif (kind == RESET and stream == 1) or kind == GOAWAY:
            return NONE
    return NONE

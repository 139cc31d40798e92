"""Requests that nobody should send: each must get the status that it deserves, and no memory must stay."""

from __future__ import annotations

import json
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
from leaves import features
from report import Report
from serving_cost import ours, world_in
from serving_fuzz_grpc import exchange as exchange_grpc
from serving_model import table_of
from serving_servers import free_port

QUICK = bool(os.environ.get("QUICK"))
REQUESTS = 4_000 if QUICK else 100_000
SLOW = REQUESTS // 400
"""Those whose body stays away, until the server has had enough of waiting."""
MOST_SECONDS = 5
ARROW, OCTETS = "application/vnd.apache.arrow.stream", "application/octet-stream"
GROWTH = 24e6
"""Bytes that a worker may grow by in the second half.

In the first it does: BentoML's own time-out holds 5 kB of each request that it saw, answered or not, for a
minute.
"""
PATH = "/models/gbdt/predict"
BAD = frozenset({400, 404, 405, 406, 408, 411, 413, 415, 417, 422, 431, 501, 505})
OK = frozenset({200})
ANY = OK | BAD

Sent = tuple[bytes, frozenset[int], int]
"""Bytes, the statuses that will do, and how many answers come; 0: the connection may just be closed."""


@dataclass
class Fuzz:
    """Makes requests from those that are right.

    :param seed: what decides
    """

    seed: int
    rows: list[dict[str, float | None]]
    raw: list[bytes]
    stream: bytes
    draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def request(self) -> tuple[str, Sent]:
        kind = self.draw.choice(KINDS)
        return kind.__name__.strip("_"), kind(self)

    def body(self) -> bytes:
        rows = self.draw.sample(self.rows, self.draw.choice([1, 1, 2, 5]))
        return json.dumps({"model": "gbdt", "rows": rows}).encode()

    def row(self) -> dict[str, object]:
        return dict(self.draw.choice(self.rows))


def post(body: bytes, *headers: str, path: str = "/predict", version: str = "1.1") -> bytes:
    lines = [f"POST {path} HTTP/{version}", "Host: a", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def _right(fuzz: Fuzz) -> Sent:
    return post(fuzz.body()), OK, 1


def _right_raw(fuzz: Fuzz) -> Sent:
    body = b"".join(fuzz.draw.sample(fuzz.raw, 3))
    return post(body, f"Content-Type: {OCTETS}", path=PATH), OK, 1


def _right_old(fuzz: Fuzz) -> Sent:
    return post(fuzz.body(), version="1.0"), OK, 1


def _right_pipelined(fuzz: Fuzz) -> Sent:
    count = fuzz.draw.randint(2, 9)
    return b"".join(post(fuzz.body()) for _ in range(count)), OK, count


def _right_chunked(fuzz: Fuzz) -> Sent:
    body, chunks = fuzz.body(), b""
    while body:
        size = fuzz.draw.randint(1, len(body))
        chunks, body = chunks + b"%x\r\n%b\r\n" % (size, body[:size]), body[size:]
    return b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", OK, 1


def _truncated(fuzz: Fuzz) -> Sent:
    body = fuzz.body()
    return post(body[: fuzz.draw.randint(0, len(body) - 1)]), BAD, 1


def _mutated(fuzz: Fuzz) -> Sent:
    body = bytearray(fuzz.body())
    for _ in range(fuzz.draw.randint(1, 8)):
        body[fuzz.draw.randrange(len(body))] = fuzz.draw.randrange(256)
    return post(bytes(body)), ANY, 1


def _wrong_value(fuzz: Fuzz) -> Sent:
    row = fuzz.row()
    wrong = ["x", True, [], {}, [1.0], "1", 10**400, "\ud800", float("nan"), float("inf")]
    row[fuzz.draw.choice(list(row))] = fuzz.draw.choice(wrong)
    return post(json.dumps({"model": "gbdt", "rows": [row]}).encode()), BAD, 1


def _wrong_shape(fuzz: Fuzz) -> Sent:
    row = fuzz.row()
    del row[fuzz.draw.choice(list(row))]
    bodies = [{}, [], None, 1, {"model": "gbdt"}, {"rows": [row]}, {"model": "gbdt", "rows": [row]}]
    bodies += [
        {"model": "gbdt", "rows": []},
        {"model": 5, "rows": [fuzz.row()]},
        {"model": "x", "rows": [row]},
    ]
    return post(json.dumps(fuzz.draw.choice(bodies)).encode()), BAD, 1


def _deep(fuzz: Fuzz) -> Sent:
    depth = fuzz.draw.choice([100, 5_000, 100_000])
    opened = fuzz.draw.choice([b"[", b'{"a":'])
    return post(b'{"model":"gbdt","rows":[{"n00":' + opened * depth), BAD, 1


def _deep_and_ignored(fuzz: Fuzz) -> Sent:
    depth = fuzz.draw.choice([50, 100_000])
    row = json.dumps(fuzz.row()).encode()[:-1] + b',"more":' + b"[" * depth + b"]" * depth + b"}"
    return post(b'{"model":"gbdt","rows":[' + row + b"]}"), ANY, 1


def _huge(fuzz: Fuzz) -> Sent:
    return (
        b"POST /predict HTTP/1.1\r\nContent-Length: %d\r\n\r\n{" % fuzz.draw.choice([10**8, 10**15]),
        BAD,
        1,
    )


def _many_rows(fuzz: Fuzz) -> Sent:
    row = json.dumps(fuzz.row()).encode()
    return post(b'{"model":"gbdt","rows":[' + b",".join([row] * 1001) + b"]}"), BAD, 1


def _wrong_raw(fuzz: Fuzz) -> Sent:
    body = fuzz.draw.randbytes(fuzz.draw.choice([0, 1, 159, 161, 1000]))
    return post(body, f"Content-Type: {OCTETS}", path=PATH), BAD, 1


def _random_raw(fuzz: Fuzz) -> Sent:
    return post(fuzz.draw.randbytes(160), f"Content-Type: {OCTETS}", path=PATH), OK, 1


def _mutated_arrow(fuzz: Fuzz) -> Sent:
    body = bytearray(fuzz.stream)
    for _ in range(fuzz.draw.randint(1, 6)):
        body[fuzz.draw.randrange(len(body))] = fuzz.draw.randrange(256)
    cut = fuzz.draw.choice([len(body), fuzz.draw.randrange(len(body))])
    return post(bytes(body[:cut]), f"Content-Type: {ARROW}", path=PATH), ANY, 1


def _wrong_path(fuzz: Fuzz) -> Sent:
    paths = [
        "/models/x/predict",
        "/models/gbdt/versions/x/predict",
        "/nothing",
        "/models/%00/predict",
        "/predict/",
    ]
    return post(fuzz.body(), path=fuzz.draw.choice(paths)), BAD | {307}, 1


def _wrong_method(fuzz: Fuzz) -> Sent:
    method = fuzz.draw.choice(["GET", "PUT", "DELETE", "BREW", "OPTIONS"])
    return f"{method} /predict HTTP/1.1\r\nHost: a\r\n\r\n".encode(), BAD, 1


def _wrong_head(fuzz: Fuzz) -> Sent:
    heads = [
        "POST /predict\r\n\r\n",
        "POST /predict HTTP/9.9\r\n\r\n",
        "POST /predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /predict HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        "POST /predict HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /predict HTTP/1.1\r\n: x\r\n\r\n",
        "\x16\x03\x01\x02",
        "POST /predict HTTP/1.1\r\nX: " + "x" * 100_000 + "\r\n\r\n",
    ]
    return fuzz.draw.choice(heads).encode("latin-1"), BAD, 0


def _noise(fuzz: Fuzz) -> Sent:
    return fuzz.draw.randbytes(fuzz.draw.randint(1, 2000)), BAD, 0


KINDS: list[Callable[[Fuzz], Sent]] = [
    *(_right, _right_raw, _right_old, _right_pipelined, _right_chunked, _truncated, _mutated, _wrong_value),
    *(_wrong_shape, _deep, _deep_and_ignored, _huge, _many_rows, _wrong_raw, _random_raw, _mutated_arrow),
    *(_wrong_path, _wrong_method, _wrong_head, _noise),
]


def exchange(port: int, fuzz: Fuzz) -> tuple[str, str | None]:
    """Send one request over a connection of its own; return its kind, and what was wrong."""
    kind, (data, allowed, count) = fuzz.request()
    found = []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            if fuzz.draw.random() < 0.2:
                cut = fuzz.draw.randrange(len(data))
                connection.sendall(data[:cut])
                time.sleep(0.002)
                data = data[cut:]
            connection.sendall(data)
            if count == 0:
                connection.shutdown(socket.SHUT_WR)
            file = connection.makefile("rb")
            while len(found) < max(count, 1):
                line = file.readline()
                if not line:
                    break
                found.append(int(line.split()[1]))
                length = 0
                while (header := file.readline().strip().lower()) != b"":
                    if header.startswith(b"content-length:"):
                        length = int(header.split(b":")[1])
                file.read(length)
        except OSError:  # The server closed the connection before all was sent.
            pass
    if any(status not in allowed for status in found):
        return kind, f"{kind}: {found}, not {sorted(allowed)}: {data[:200]!r}"
    # A server that refuses a body before it was read may reset the connection before the answer is read.
    if count and len(found) < count and kind not in ("huge", "many_rows", "deep", "deep_and_ignored"):
        return kind, f"{kind}: {len(found)} answers, not {count}: {data[:200]!r}"
    return kind, None


def unfinished(port: int, body: bytes) -> str | None:
    """Send a request without the end of its body; return what was wrong with the answer."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(post(body)[:-5])
        line = connection.makefile("rb").readline()
    seconds = time.monotonic() - began
    if line.split()[1:2] != [b"408"] or not MOST_SECONDS <= seconds < MOST_SECONDS + 20:
        return f"slow: {line!r} after {seconds:.1f} s"
    return None


def fuzz_figures(report: Report, folder: Path) -> None:
    """How many requests got an answer that they do not deserve, and crashes, and memory that stays."""
    world = world_in(folder)
    matrix = features(200, seed=3)
    table = table_of(matrix[:5])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    rows = [json.loads(row) for row in world.rows[:200]]
    raw = [np.ascontiguousarray(row, dtype="<f4").tobytes() for row in matrix]
    fuzz = Fuzz(1, rows, raw, sink.getvalue().to_pybytes())
    rpc_port = free_port()
    limits = ["--max-rows", "1000", "--max-body", "1000000", "--max-seconds", str(MOST_SECONDS)]
    limits += ["--grpc-port", str(rpc_port)]
    kinds: Counter[str] = Counter()
    wrong: list[str] = []
    with (
        ours(folder, world.store, {"gbdt": world.model}, *limits) as server,
        ThreadPoolExecutor(16) as waiting,
    ):
        workers = {each.pid for each in server.process.children(recursive=True)}
        begun = server.memory()
        slow = [waiting.submit(unfinished, server.port, fuzz.body()) for _ in range(SLOW)]
        for number in range(REQUESTS - SLOW):
            kind, fault = exchange(server.port, fuzz) if number % 5 else exchange_grpc(rpc_port, fuzz)
            kinds[kind] += 1
            if fault:
                wrong.append(fault)
            if number == REQUESTS // 2:
                half = server.memory()
        wrong += [fault for each in slow if (fault := each.result())]
        kinds["slow"] = SLOW
        grown = server.memory() - half
        if workers != {each.pid for each in psutil.Process(server.process.pid).children(recursive=True)}:
            wrong.append("a worker died")
        if grown > GROWTH:
            wrong.append(f"the memory grew by {grown / 1e6:.0f} MB")
    for fault in wrong[:20]:
        print(fault)
    Report.table(f"{REQUESTS:,} fuzzed requests", ("kind", "requests"), sorted(kinds.items()))
    halves = f"{(half - begun) / 1e6:.1f} MB in the first half, {grown / 1e6:.1f} in the second"
    print(f"The memory grew by {halves}.")
    report.figure("fuzz_violations", len(wrong), "<=", 0)

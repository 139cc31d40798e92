"""HTTP as it is spoken over the wire: the same whether the fast lane answers, or BentoML's ordinary path."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import requests

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.serving.rows import rows_of
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding
from stagecraft.transforms.numeric import FittedFill
from stagecraft.transforms.softmax import Softmax
from stagecraft.transforms.weights import Weights

ARROW, OCTETS = "application/vnd.apache.arrow.stream", "application/octet-stream"
LANE, ORDINARY = "lane", "ordinary"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def classes(store: Store) -> Model:
    """A model of three classes over numbers."""
    columns = ["x", "count", "flag"]
    encode = Encode(
        encodings=[NumericEncoding(column=name, maps=[FittedFill(value=0.5)]) for name in columns]
    )
    layout = Chain((encode,)).layout
    weights = np.random.default_rng(0).normal(size=(layout.dimension, 3)).astype(np.float32)
    chain = Chain((encode, Softmax(layout=layout, classes=3).holding(Weights(layout.dimension, weights))))
    table = pa.table({"x": [0.5, None, -1.25], "count": [3, 0, None], "flag": [True, False, None]})
    draft = store.draft(Kind.MODEL, "c" * 32, lineage={"stage": "test"})
    fill_model(draft, chain, table, labels=["a", "b", "c"])
    made = draft.commit()
    assert isinstance(made, Model)
    return made


@pytest.fixture(scope="module")
def both(run_service: Any, tmp_path_factory: pytest.TempPathFactory, commit: Any) -> Iterator[dict[str, Any]]:
    store = Store(str(tmp_path_factory.mktemp("store")))
    models = {"late": commit(store, 1), "kinds": classes(store)}
    limits = ["--workers", "1", "--max-rows", "1000", "--max-body", "300000", "--max-seconds", "2"]
    with ExitStack() as stack:
        made = {}
        for name, lane in ((LANE, "--fast-lane"), (ORDINARY, "--no-fast-lane")):
            root = tmp_path_factory.mktemp(name)
            made[name] = stack.enter_context(run_service(root, store, *limits, lane))
            for model in models:
                made[name].deploy(model, models[model])
        yield made


@pytest.fixture(scope="module", params=[LANE, ORDINARY])
def service(request: pytest.FixtureRequest, both: dict[str, Any]) -> Any:
    return both[request.param]


@pytest.fixture
def row(flights: Any) -> dict[str, Any]:
    found: dict[str, Any] = rows_of(flights(1))[0]
    return found


class Wire:
    """A connection on which bytes are sent as they are."""

    def __init__(self, service: Any) -> None:
        self.socket = socket.create_connection(("127.0.0.1", service.port), timeout=20)
        self.file = self.socket.makefile("rb")

    def send(self, *parts: bytes, pause: float = 0.0) -> None:
        for part in parts:
            self.socket.sendall(part)
            time.sleep(pause)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = self.file.readline()
        assert status, "the connection was closed"
        headers = {}
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return int(status.split()[1]), headers, self.file.read(int(headers.get("content-length", "0")))

    def is_closed(self) -> bool:
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


def posted(body: bytes, *headers: str, path: str = "/predict", version: str = "1.1") -> bytes:
    lines = [f"POST {path} HTTP/{version}", "Host: a", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def asked(*rows: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"model": "late", "rows": rows, **more}).encode()


def test_the_lane_is_taken(both: dict[str, Any], row: dict[str, Any]) -> None:
    answers = {name: service.predict(model="late", rows=[row]) for name, service in both.items()}
    assert "server" not in answers[LANE].headers, "BentoML's framework names itself"
    assert "server" in answers[ORDINARY].headers
    assert answers[LANE].json() == answers[ORDINARY].json()


def test_a_connection_is_kept_and_closed_where_asked(service: Any, row: dict[str, Any]) -> None:
    wire, body = Wire(service), asked(row)
    for _ in range(2):
        wire.send(posted(body))
        status, headers, _ = wire.answer()
        assert status == 200
        assert headers.get("connection", "keep-alive") == "keep-alive"
        assert "date" in headers
    wire.send(posted(body, "Connection: close"))
    status, headers, _ = wire.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert wire.is_closed()


def test_http_1_0_ends_with_the_answer(service: Any, row: dict[str, Any]) -> None:
    wire = Wire(service)
    wire.send(posted(asked(row), version="1.0"))
    assert wire.answer()[0] == 200
    assert wire.is_closed()


def test_idle_connections_are_closed(both: dict[str, Any], row: dict[str, Any]) -> None:
    wires = [Wire(service) for service in both.values()]
    for wire in wires:
        wire.send(posted(asked(row)))
        assert wire.answer()[0] == 200
    time.sleep(1.5)
    wires[0].send(posted(asked(row)))
    assert wires[0].answer()[0] == 200
    answered = time.monotonic()
    assert all(wire.is_closed() for wire in wires)
    assert time.monotonic() - answered > 4, "the second request prolongs the first connection"


def test_expect_and_chunks(service: Any, row: dict[str, Any]) -> None:
    wire, body = Wire(service), asked(row)
    head = posted(b"", "Expect: 100-continue").replace(
        b"Content-Length: 0", b"Content-Length: %d" % len(body)
    )
    wire.send(head)
    assert wire.file.read(len(CONTINUE)) == CONTINUE
    wire.send(body)
    assert wire.answer()[0] == 200
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:]))
    wire.send(
        b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    )
    assert wire.answer()[0] == 200
    wire.send(posted(body))
    assert wire.answer()[0] == 200


def test_pipelined_requests_are_answered_in_their_order(service: Any, row: dict[str, Any]) -> None:
    wire = Wire(service)
    get = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
    requests = [
        *(posted(asked(row)), posted(asked(row, row)), get, posted(asked(row, row, row))),
        *(posted(b"{"), posted(asked(row, model="none")), posted(asked(row)), get, posted(asked(row, row))),
    ]
    wire.send(b"".join(requests))
    answers = [wire.answer() for _ in requests]
    assert [status for status, _, _ in answers] == [200, 200, 200, 200, 400, 404, 200, 200, 200]
    counts = [len(json.loads(body).get("scores", [])) for _, _, body in answers if body.startswith(b"{")]
    assert counts == [1, 2, 3, 0, 0, 1, 2]


def test_requests_in_pieces(service: Any, row: dict[str, Any]) -> None:
    wire, whole = Wire(service), posted(asked(row))
    for cut in (1, 20, whole.index(b"\r\n\r\n") + 2, whole.index(b"\r\n\r\n") + 4, len(whole) - 1):
        wire.send(whole[:cut], whole[cut:], pause=0.02)
        assert wire.answer()[0] == 200, cut
    wire.send(whole[:-30], *(whole[at : at + 1] for at in range(len(whole) - 30, len(whole))), pause=0.03)
    assert wire.answer()[0] == 200, "slower than the lane waits"
    wire.send(whole + whole[:40], whole[40:], pause=0.02)
    assert [wire.answer()[0] for _ in range(2)] == [200, 200]


def test_a_late_body_is_refused(service: Any, row: dict[str, Any]) -> None:
    wire = Wire(service)
    wire.send(posted(asked(row))[:-5])
    status, _, body = wire.answer()
    assert (status, wire.is_closed()) == (408, True), body
    after_another = Wire(service)
    after_another.send(posted(asked(row)) + posted(asked(row))[:-5])
    assert [after_another.answer()[0] for _ in range(2)] == [200, 408]


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\n{}",
        b"POST /predict HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\n{}",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nbad header\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_what_is_no_http_is_refused(service: Any, head: bytes) -> None:
    wire = Wire(service)
    wire.send(head)
    assert wire.answer()[0] == 400
    assert wire.is_closed()


def test_endless_heads(service: Any) -> None:
    wire = Wire(service)
    wire.send(b"POST /predict HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 200_000)
    assert wire.answer()[0] == 431
    assert wire.is_closed()


def test_bodies_beyond_the_limit(service: Any, row: dict[str, Any]) -> None:
    assert service.call("POST", "/predict", data=b" " * 300_001).status_code == 413
    chunks = (b" " * 50_000 for _ in range(7))
    assert service.call("POST", "/predict", data=chunks).status_code == 413
    many = service.predict(model="late", rows=[row] * 900)
    assert (many.status_code, len(many.json()["scores"])) == (200, 900)


def test_both_say_the_same(both: dict[str, Any], row: dict[str, Any]) -> None:
    bodies = [
        *(b"", b"{", b"[]", b"{}", b'{"model": "late"}', b"\xff", b"[" * 5000, b"null", b'"a"'),
        *(asked(), asked(row, version="none"), asked(row, model="none"), asked(row, versoin="x")),
        *(asked({**row, "wind": value}) for value in ("x", True, [], 10**400, None, -0.0, 1e308, 7)),
        *(asked({**row, "seats": value}) for value in (1.5, 2**60, 2**70, 7.0, None)),
        *(asked({**row, "day": value}) for value in ("2013-02-30", "2013-1-1", "2013-01-01", 5)),
        *(asked({**row, "origin": value}) for value in ("", "ü", "\ud800", 5, None)),
        asked(row).replace(b'"wind"', b'"wind": 1, "wind"'),
        asked(row).replace(b"null", b"NaN"),
        asked({**row, "more": [[[1]], {"a": "b"}]}),
        asked(*[row] * 1001),
        asked(row, key="someone"),
        asked(row, key=5),
        asked(row, version="0001"),
    ]
    for body in bodies:
        answers = [service.call("POST", "/predict", token=None, data=body) for service in both.values()]
        lane, ordinary = answers
        assert lane.status_code == ordinary.status_code, (body[:200], lane.text, ordinary.text)
        assert lane.status_code in (200, 400, 404), (body[:200], lane.text)
        assert lane.json() == ordinary.json(), body[:200]


def test_raw_numbers(service: Any) -> None:
    rows = [{"x": 0.5, "count": 3, "flag": True}, {"x": None, "count": 2**20, "flag": None}]
    expected = service.predict(model="kinds", rows=rows).json()
    matrix = np.array([[0.5, 3, 1], [np.nan, 2**20, np.nan]], dtype="<f4")

    def call(body: bytes, accept: str = "*/*", path: str = "/models/kinds/predict") -> requests.Response:
        headers = {"Content-Type": OCTETS, "Accept": accept}
        return requests.post(service.url + path, data=body, headers=headers, timeout=30)

    found = call(matrix.tobytes())
    assert found.headers["content-type"] == OCTETS
    scores = np.frombuffer(found.content, dtype="<f4").reshape(2, 3)
    assert scores == pytest.approx(np.array(expected["scores"]), abs=1e-6)
    assert call(matrix.tobytes(), "application/json").json() == expected
    assert call(matrix.tobytes(), ARROW).headers["content-type"] == ARROW
    assert call(matrix.tobytes(), path="/models/kinds/versions/cccc/predict").status_code == 200
    assert call(matrix.tobytes(), path="/models/kinds/versions/default/predict").status_code == 200
    for status, text, answer in (
        (404, "default", call(matrix.tobytes(), path="/models/kinds/versions/none/predict")),
        (404, "kinds", call(matrix.tobytes(), path="/models/none/predict")),
        (400, "12 bytes a row", call(b"123")),
        (400, "0 rows", call(b"")),
        (400, "rows[1].count", call(np.array([[1, 1, 1], [1, 1.5, 1]], "<f4").tobytes())),
        (400, "rows[0].flag", call(np.array([[1, 1, 2]], "<f4").tobytes())),
        (400, "rows.origin", call(b"1234" * 6, path="/models/late/predict")),
        (406, OCTETS, call(matrix.tobytes(), "text/html")),
    ):
        assert answer.status_code == status, answer.text
        assert text in answer.json()["error"]


def test_arrow(service: Any, flights: Callable[..., pa.Table], expected: Any, both: dict[str, Any]) -> None:
    def call(
        table: pa.Table, accept: str = ARROW, cut: int | None = None, wrong: tuple[bytes, bytes] = (b"", b"")
    ) -> requests.Response:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table, 100)
        headers = {"Content-Type": ARROW, "Accept": accept}
        body = sink.getvalue().to_pybytes()[:cut]
        body = body.replace(*wrong) if wrong[0] else body
        return requests.post(f"{service.url}/models/late/predict", data=body, headers=headers, timeout=30)

    table = flights(300, seed=4)
    rows = rows_of(table.slice(0, 300))
    by_json = service.predict(model="late", rows=rows).json()
    coded = table.set_column(1, "origin", table["origin"].dictionary_encode())
    for sent in (table, coded, table.select(table.column_names[::-1])):
        found = pa.ipc.open_stream(call(sent).content).read_all()
        assert found.column_names == ["score", "prediction"]
        assert found["score"].to_pylist() == pytest.approx(by_json["scores"], rel=1e-12)
        assert found["prediction"].to_pylist() == by_json["labels"]
    assert call(table, "application/json").json()["labels"] == by_json["labels"]
    for status, text, answer in (
        (400, "table.wind", call(table.drop_columns("wind"))),
        (400, "0 rows", call(table.slice(0, 0))),
        (400, "more than 1000 rows", call(pa.concat_tables([table] * 4))),
        (400, "Arrow IPC stream", call(table, cut=300)),
        (400, "Arrow IPC stream", call(table, cut=0)),
        (400, "utf-8", call(table, wrong=(b"wind", b"\x80ind"))),
    ):
        assert answer.status_code == status, answer.text
        assert text in answer.json()["error"]


def test_json_by_path(service: Any, row: dict[str, Any]) -> None:
    expected = service.predict(model="late", rows=[row]).json()
    for path in ("/models/late/predict", "/models/late/versions/0001/predict"):
        assert service.call("POST", path, json={"rows": [row]}).json() == expected
    refused = service.call("POST", "/models/late/predict", json={"model": "late", "rows": [row]})
    assert refused.status_code == 400
    assert "model" in refused.json()["error"]
    packed = {"Content-Encoding": "gzip"}
    answer = requests.post(f"{service.url}/models/late/predict", data=b"x", headers=packed, timeout=30)
    assert answer.status_code == 415


def test_bentoml_s_own_pages(service: Any) -> None:
    wire = Wire(service)
    for path in ("/docs.json", "/readyz", "/livez"):
        wire.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert wire.answer()[0] == 200
    assert re.search(r"^stagecraft_|bentoml_service", service.call("GET", "/metrics").text, re.M)

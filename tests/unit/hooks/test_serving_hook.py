"""What the hook sends to a service: each token only to what asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.hooks.serving import ServingHook

MANAGES, PREDICTS = "manages", "predicts"


class Service(HTTPServer):
    """Answers anything whose token is right, and notes the token of each path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str | None]] = []


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        given = self.headers.get("Authorization")
        self.server.seen.append((self.path, given))
        wanted = PREDICTS if self.path.endswith("/predict") else MANAGES
        self.send_response(200 if given == f"Bearer {wanted}" else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"generation": 1, "error": "a token is needed"}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as made:
        Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def hook(service: Service, monkeypatch: pytest.MonkeyPatch, extra: dict[str, str]) -> ServingHook:
    connection = {
        "conn_type": "stagecraft_serving",
        "host": "127.0.0.1",
        "port": service.server_port,
        "password": MANAGES,
        "extra": extra,
    }
    monkeypatch.setenv("AIRFLOW_CONN_SERVED", json.dumps(connection))
    return ServingHook("served")


def test_each_token_goes_where_it_is_asked_for(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    both = hook(service, monkeypatch, {"predict_token": PREDICTS})
    both.deploy(name="late", uri="/store/artifacts/ab", version="1")
    both.predict(model="late", rows=[{}])
    assert service.seen == [("/models", f"Bearer {MANAGES}"), ("/predict", f"Bearer {PREDICTS}")]
    assert MANAGES not in repr(both.endpoint)
    assert PREDICTS not in repr(both.endpoint)


def test_the_management_token_is_never_sent_with_rows(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInputError, match=r"answered 401.*'predict_token' in the connection's extra"):
        hook(service, monkeypatch, {}).predict(model="late", rows=[{}])
    assert service.seen == [("/predict", None)]

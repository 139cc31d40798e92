"""What is asked of a request before anything reads it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from stagecraft.serving.answers import Answers
from stagecraft.serving.body import Body, Token
from stagecraft.serving.monitor import Monitor
from stagecraft.serving.settings import Settings

OCTETS = b"application/octet-stream"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the body's type and the body."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": dict(scope["headers"])[b"content-type"] + b" " + body})


def answer(app: Any, path: str, parts: list[bytes], *headers: tuple[bytes, bytes]) -> tuple[int, bytes]:
    """Send parts of a body; after the last but an empty one no more come."""
    sent: list[Any] = []
    waiting = [
        {"type": "http.request", "body": part, "more_body": number + 1 < len(parts)}
        for number, part in enumerate(parts)
    ]

    async def receive() -> Any:
        if not waiting:
            await asyncio.sleep(30)
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app({"type": "http", "path": path, "headers": list(headers)}, receive, send))
    return sent[0]["status"], sent[1]["body"]


def test_predictions_by_path_keep_their_form_and_all_else_is_json() -> None:
    app = Body(echo, 100, 1)
    typed = (b"content-type", OCTETS)
    assert answer(app, "/models/a/predict", [b"a", b"b"], typed) == (200, OCTETS + b" ab")
    assert answer(app, "/predict", [b"ab"], typed) == (200, b"application/json ab")
    pickled = (b"content-type", b"application/vnd.bentoml+pickle")
    assert answer(app, "/models/a/predict", [b"ab"], pickled) == (200, b"application/json ab")


def test_large_and_late_bodies() -> None:
    app = Body(echo, 10, 0.05)
    assert answer(app, "/predict", [b"x" * 10])[0] == 200
    assert answer(app, "/predict", [b"x" * 6, b"x" * 6])[0] == 413
    assert answer(app, "/predict", [], (b"content-length", b"11"))[0] == 413
    assert answer(app, "/predict", [])[0] == 408


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (None, 401),
        (b"Bearer wrong", 403),
        (b"Basic right", 403),
        (b"Bearer right", 200),
        (b"bearer right", 200),
    ],
)
def test_predictions_may_ask_for_a_token(
    monkeypatch: pytest.MonkeyPatch, given: bytes | None, status: int
) -> None:
    monkeypatch.setenv("STAGECRAFT_SERVING_PREDICT_TOKEN", "right")
    table: Any = type("Table", (), {"route": None})
    settings = Settings(root="", store_root="")
    app = Token(echo, Answers(table, Monitor(), settings).allows)
    kind = (b"content-type", b"")
    headers = [kind] if given is None else [kind, (b"authorization", given)]
    for path in ("/predict", "/models/a/versions/b/predict"):
        found, body = answer(app, path, [b""], *headers)
        assert found == status
        assert status == 200 or "token" in json.loads(body)["error"]
    assert answer(app, "/status", [b""], kind)[0] == 200
    monkeypatch.delenv("STAGECRAFT_SERVING_PREDICT_TOKEN")
    assert answer(Token(echo, Answers(table, Monitor(), settings).allows), "/predict", [b""], kind)[0] == 200

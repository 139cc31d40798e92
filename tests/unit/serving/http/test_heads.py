"""Which requests the fast lane takes by their heads."""

from __future__ import annotations

import pytest

from stagecraft.serving.http.forms import Form
from stagecraft.serving.http.heads import KNOWN, LONGEST, Heads


def head(*lines: str, first: str = "POST /predict HTTP/1.1", length: str = "Content-Length: 2") -> bytes:
    return "\r\n".join([first, "Host: a", *lines, *([length] if length else []), "", ""]).encode()


def test_what_a_head_says() -> None:
    found = Heads(100).read(
        head(
            *("Content-Type: application/octet-stream", "Accept: application/json", "Stagecraft-Key: k"),
            *("Connection: close", "AUTHORIZATION: Bearer x"),
            first="POST /models/late.v-2/versions/canary/predict HTTP/1.1",
        )
    )
    assert found is not None
    assert (found.model, found.version, found.form, found.accepted) == (
        *("late.v-2", "canary"),
        *(Form.FLOATS, Form.JSON),
    )
    assert (found.length, found.close, found.key, found.authorization) == (2, True, "k", b"Bearer x")


def test_the_body_s_type_counts_where_the_path_names_the_model() -> None:
    typed = head("Content-Type: application/octet-stream", "Accept: text/html")
    found = Heads(100).read(typed)
    assert found is not None
    assert (found.form, found.accepted, found.model) == (Form.JSON, Form.JSON, None)


@pytest.mark.parametrize(
    "other",
    [
        head(first="GET /predict HTTP/1.1"),
        head(first="POST /predict?x=1 HTTP/1.1"),
        head(first="POST /models/a%41/predict HTTP/1.1"),
        head(first="POST /models HTTP/1.1"),
        head(length=""),
        head(length="Content-Length: 101"),
        head(length="Content-Length: +2"),
        head("Content-Length: 2"),
        head("Transfer-Encoding: chunked", length=""),
        head("Expect: 100-continue"),
        head("Connection: upgrade", "Upgrade: websocket"),
        head("Content-Encoding: gzip"),
        head("X: 1", "X: 2"),
        head("Accept: text/html", first="POST /models/a/predict HTTP/1.1"),
        b"nonsense\r\n\r\n",
    ],
)
def test_what_is_left_to_the_ordinary_path(other: bytes) -> None:
    heads = Heads(100)
    assert heads.read(other) is None
    assert heads.read(other) is None, "the second time, from memory"


def test_http_1_0_closes() -> None:
    found = Heads(100).read(head(first="POST /predict HTTP/1.0"))
    assert found is not None
    assert found.close


def test_strangers_do_not_fill_the_memory() -> None:
    heads = Heads(100)
    for number in range(3 * KNOWN):
        heads.read(head(f"X: {number}"))
    assert len(heads._known) <= KNOWN
    heads = Heads(100)
    heads.read(head(f"X: {'x' * LONGEST}"))
    assert not heads._known


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        ("", Form.ARROW),
        ("*/*", Form.ARROW),
        ("application/*", Form.ARROW),
        ("application/json", Form.JSON),
        ("text/html, Application/Octet-Stream; q=0.1", Form.FLOATS),
        ("text/html", None),
    ],
)
def test_the_form_of_the_answer(accept: str, found: Form | None) -> None:
    assert Form.ARROW.accepted(accept) is found

"""Heads of HTTP requests that the fast lane answers: parsed once, then known by their bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httptools

from stagecraft.serving.http.forms import Form

KNOWN, LONGEST = 1024, 4096
"""Heads that are remembered, and their longest: a client repeats its own but for the length."""
END = b"\r\n\r\n"
PREDICT = re.compile(
    rb"/predict|/models/(?P<model>[A-Za-z0-9_.-]+)(?:/versions/(?P<version>[A-Za-z0-9_.-]+))?/predict"
)
ELSEWHERE = frozenset([b"transfer-encoding", b"expect", b"upgrade", b"content-encoding"])
"""Headers of requests that the ordinary path answers."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a request's head says.

    :param length: bytes of the body
    :param close: whether the connection ends with the answer
    :param model: the model that the path names; None where the body does
    :param version: a version or an alias; None: the default
    :param form: of the body
    :param accepted: of the answer
    :param key: what decides among the versions of an alias
    :param authorization: the header, or nothing
    """

    length: int
    close: bool
    model: str | None
    version: str | None
    form: Form
    accepted: Form
    key: str | None
    authorization: bytes


class Heads:
    """Reads heads.

    :param limit: a request with a longer body is left to the ordinary path
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._known: dict[bytes, Head | None] = {}

    def read(self, head: bytes) -> Head | None:
        """Return what a head says; None where the ordinary path is to answer.

        :param head: up to and with the empty line

        >>> head = Heads(1000).read(b"POST /predict HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 2\\r\\n\\r\\n")
        >>> head.length, head.close
        (2, False)
        """
        if head in self._known:
            return self._known[head]
        found = self._parsed(head)
        if len(head) <= LONGEST:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[head] = found
        return found

    def _parsed(self, head: bytes) -> Head | None:
        seen = _Seen()
        parser = httptools.HttpRequestParser(seen)
        try:
            parser.feed_data(head)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return None
        path = PREDICT.fullmatch(seen.url)
        length = seen.headers.get(b"content-length", b"")
        if not (seen.complete and path and parser.get_method() == b"POST" and length.isdigit()):
            return None
        if int(length) > self.limit or seen.doubled or not ELSEWHERE.isdisjoint(seen.headers):
            return None
        model, version = path["model"], path["version"]
        form = (
            Form.JSON if model is None else Form.of(seen.headers.get(b"content-type", b"").decode("latin-1"))
        )
        accept = b"" if model is None else seen.headers.get(b"accept", b"")
        accepted = form.accepted(accept.decode("latin-1"))
        if accepted is None:
            return None
        key = seen.headers.get(b"stagecraft-key")
        return Head(
            length=int(length),
            close=parser.get_http_version() != "1.1" or not parser.should_keep_alive(),
            model=None if model is None else model.decode(),
            version=None if version is None else version.decode(),
            form=form,
            accepted=accepted,
            key=None if key is None else key.decode("latin-1"),
            authorization=seen.headers.get(b"authorization", b""),
        )


class _Seen:
    """What httptools reports of a head."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.doubled = self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self.doubled |= name in self.headers
        self.headers[name] = value

    def on_headers_complete(self) -> None:
        self.complete = True

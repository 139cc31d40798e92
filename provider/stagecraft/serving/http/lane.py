"""What the fast lane answers: requests that go right. What goes wrong, the ordinary path explains."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from stagecraft.errors import StagecraftError
from stagecraft.serving.answers import INLINE_ROWS, Answers
from stagecraft.serving.http.forms import ArrowRows, FloatRows, Form, JSONRows, JSONText, Rows, written
from stagecraft.serving.http.heads import Head, Heads

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.serving.row_path.path import RowPath
    from stagecraft.serving.traffic import Route

log = logging.getLogger(__name__)

LONGEST_BODY = 256 << 10
"""Longer bodies are left to the ordinary path, which scores them in a thread."""


class Asked(msgspec.Struct):
    """Which model a body in JSON asks; what else it holds is looked at once that is known."""

    model: str | None = None
    version: str | None = None
    key: str | None = None


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    """A body in JSON for a model whose chain is not compiled."""

    rows: list[dict[str, Any]]
    model: str | None = None
    version: str | None = None
    key: str | None = None


class Lane:
    """Answers requests in the loop's own turn, in microseconds."""

    clock = staticmethod(time.perf_counter)

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.most = answers.settings.max_rows
        self.heads = Heads(min(LONGEST_BODY, answers.settings.max_body))
        self._asked, self._whole = msgspec.json.Decoder(Asked), msgspec.json.Decoder(Whole)
        self._last: Callable[[], RowPath | None] = lambda: None
        """The chain of the model that was asked last: weak, so that unloading it frees its memory."""
        self._seen: list[tuple[bytes, bytes]] | None = None
        self._start = b""

    def answer(self, head: Head, body: bytes, began: float) -> bytes | None:
        """Return an answer's body; None where the ordinary path is to answer.

        :param began: when the request was there, by :attr:`clock`
        """
        try:
            return self._answer(head, body, began)
        except (StagecraftError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        except Exception:
            log.exception("The fast lane leaves a request to the ordinary path")
            return None

    def framed(self, head: Head, body: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Return a whole response.

        :param headers: what Uvicorn adds to every response; a new list whenever it changes
        """
        if headers is not self._seen:
            lines = b"".join(b"%b: %b\r\n" % entry for entry in headers)
            self._seen, self._start = headers, b"HTTP/1.1 200 OK\r\n" + lines
        close = b"connection: close\r\n" if head.close else b""
        return b"%bcontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
            self._start,
            MEDIA[head.accepted],
            len(body),
            close,
            body,
        )

    def _answer(self, head: Head, body: bytes, began: float) -> bytes | None:
        answers = self.answers
        if not answers.allows(head.authorization):
            return None
        if head.form is Form.JSON:
            found = self._json(head, body)
            if found is None:
                return None
            model, key, route, rows, scores = found
        else:
            assert head.model is not None
            model, key = head.model, head.key
            route = answers.route(model, head.version, key)
            rows = FloatRows(body) if head.form is Form.FLOATS else ArrowRows.read(body, self.most)
            scores = rows.scores(route.predictor)
        if not 0 < len(scores) <= self.most:
            return None
        answer = written(head.accepted, model, route.version, route.predictor, scores)
        answers.note(model, route, rows, scores, began, key)
        return answer

    def _json(self, head: Head, body: bytes) -> tuple[str, str | None, Route, Rows, np.ndarray] | None:
        """Score a body in JSON: read for the model that was asked last, since that is mostly asked again."""
        # As text, since msgspec itself leaves unchecked what it skips.
        text = body.decode()
        path = self._last()
        read = None if path is None else path.read(text)
        asked = self._asked.decode(text) if read is None else read[0]
        model, version, key = head.model, head.version, asked.key or head.key
        if model is None:
            model, version = asked.model, asked.version
        elif asked.model is not None or asked.version is not None:
            return None
        if model is None:
            return None
        route = self.answers.route(model, version, key)
        if (own := route.predictor.row_path) is None:
            whole = self._whole.decode(text)
            if not 0 < len(whole.rows) <= INLINE_ROWS:
                return None
            return model, key, route, JSONRows(whole.rows), route.predictor.row_scores(whole.rows)
        if own is not path or read is None:
            self._last, read = weakref.ref(own), own.read(text)
        scores = None if read is None else own.scores(read[1])
        return None if scores is None else (model, key, route, JSONText(text), scores)


MEDIA = {form: form.value.encode() for form in Form}

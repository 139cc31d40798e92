"""What the fast lane answers: requests that go right. What goes wrong, the ordinary path explains."""

from __future__ import annotations

import logging
import time

import msgspec

from stagecraft.errors import StagecraftError
from stagecraft.serving.answers import Answers
from stagecraft.serving.http.forms import ArrowRows, FloatRows, Form, JSONText, Rows, written
from stagecraft.serving.http.heads import Head, Heads

log = logging.getLogger(__name__)

LONGEST_BODY = 256 << 10
"""Longer bodies are left to the ordinary path, which scores them in a thread."""


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /predict``."""

    model: str
    rows: msgspec.Raw
    version: str | None = None
    key: str | None = None


class AskOfPath(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /models/{name}/predict`` in JSON."""

    rows: msgspec.Raw
    key: str | None = None


class Lane:
    """Answers requests in the loop's own turn, in microseconds."""

    clock = staticmethod(time.perf_counter)

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.heads = Heads(min(LONGEST_BODY, answers.settings.max_body))
        self._ask = msgspec.json.Decoder(Ask)
        self._ask_of_path = msgspec.json.Decoder(AskOfPath)
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
        model, version, key, rows = self._asked(head, body)
        route = answers.route(model, version, key)
        scores = rows.few(route.predictor) if isinstance(rows, JSONText) else rows.scores(route.predictor)
        if scores is None or not 0 < len(scores) <= answers.settings.max_rows:
            return None
        answer = written(head.accepted, model, route.version, route.predictor, scores)
        answers.note(model, route, rows, scores, began, key)
        return answer

    def _asked(self, head: Head, body: bytes) -> tuple[str, str | None, str | None, Rows]:
        """Return the model, the version, the key and the rows of a request."""
        if head.model is None:
            # As text, since msgspec itself leaves unchecked what it skips.
            ask = self._ask.decode(body.decode())
            return ask.model, ask.version, ask.key or head.key, JSONText(ask.rows)
        if head.form is Form.JSON:
            asked = self._ask_of_path.decode(body.decode())
            return head.model, head.version, asked.key or head.key, JSONText(asked.rows)
        if head.form is Form.FLOATS:
            return head.model, head.version, head.key, FloatRows(body)
        rows = ArrowRows.read(body, self.answers.settings.max_rows)
        return head.model, head.version, head.key, rows


MEDIA = {form: form.value.encode() for form in Form}

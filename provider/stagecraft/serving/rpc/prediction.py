"""``stagecraft.v1.Prediction``: rows and scores, by the same way as over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stagecraft.errors import InvalidInputError
from stagecraft.serving.answers import INLINE_ROWS, Answers
from stagecraft.serving.http.forms import ArrowRows, FloatRows, JSONRows, Rows
from stagecraft.serving.http.lane import LONGEST_BODY
from stagecraft.serving.http.predictions import Asked
from stagecraft.serving.rpc.heads import Head
from stagecraft.serving.rpc.messages import PACKAGE, Message, PredictRequest, PredictResponse, Struct, Value
from stagecraft.serving.rpc.methods import Methods, Streaming, Unary
from stagecraft.serving.rpc.status import CallError, Code

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.serving.traffic import Route

SERVICE = f"{PACKAGE}.Prediction"


class Prediction:
    """Answers with the scores of rows."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def methods(self) -> Methods:
        return {
            f"/{SERVICE}/Predict": Unary(PredictRequest, self.admit, self.predict, self.predict_few),
            f"/{SERVICE}/PredictStream": Streaming(PredictRequest, self.admit, self.predict_stream),
        }

    def admit(self, head: Head) -> None:
        """Refuse a call without the token, where the service has one for predictions."""
        if not self.answers.allows(head.authorization):
            if head.authorization:
                raise CallError(Code.PERMISSION_DENIED, "the token is wrong")
            raise CallError(Code.UNAUTHENTICATED, "a token is needed: Bearer …")

    def predict_few(self, request: Any, head: Head) -> Message | None:
        """Score few rows in the loop's own turn; None where they are many."""
        if _is_large(request):
            return None
        rows, key = self._rows(request)
        found = self.answers.answer_few(
            request.model, request.version or None, request.key or key or head.key, rows
        )
        return None if found is None else _response(request.model, *found)

    async def predict(self, request: Any, head: Head) -> Message:
        rows, key = await asyncio.to_thread(self._rows, request)
        found = await self.answers.answer(
            request.model, request.version or None, request.key or key or head.key, rows
        )
        return await asyncio.to_thread(_response, request.model, *found)

    async def predict_stream(self, requests: AsyncIterator[Any], head: Head) -> AsyncGenerator[Message]:
        async for request in requests:
            yield self.predict_few(request, head) or await self.predict(request, head)

    def _rows(self, request: Any) -> tuple[Rows, str | None]:
        """Return a request's rows, and the key that stands among them."""
        kind = request.WhichOneof("rows")
        if kind == "floats":
            return FloatRows(request.floats), None
        if kind == "values":
            return JSONRows([_row(row) for row in request.values.rows]), None
        if kind == "arrow":
            return ArrowRows.read(request.arrow, self.answers.settings.max_rows), None
        if kind == "json":
            asked = Asked.read(request.json)
            return JSONRows(asked.rows), asked.key
        raise InvalidInputError("predict.rows", "there are none", "values, json, floats or arrow")


def _is_large(request: Any) -> bool:
    kind = request.WhichOneof("rows")
    if kind is None:
        return False
    if kind == "values":
        return len(request.values.rows) > INLINE_ROWS
    return len(getattr(request, kind)) > LONGEST_BODY


def _row(row: Struct) -> dict[str, Any]:
    """Return a row as JSON has it; lists and objects stay as they are, for no column takes them."""
    found = {}
    for name, value in row.fields.items():
        kind = value.WhichOneof("kind")
        found[name] = None if kind == "null_value" else getattr(value, kind) if kind else value
    return found


def _response(model: str, route: Route, scores: np.ndarray) -> Message:
    labels = route.predictor.predicted(scores)
    response: Message = PredictResponse(
        model=model,
        version=route.version,
        columns=1 if scores.ndim == 1 else scores.shape[1],
        labels=None if labels is None else [_value(label) for label in labels],
    )
    response.scores.extend(scores.ravel().tolist())
    return response


@lru_cache(maxsize=1024, typed=True)
def _value(label: Any) -> Value:
    if isinstance(label, str):
        return Value(string_value=label)
    if isinstance(label, bool):
        return Value(bool_value=label)
    return Value(null_value="NULL_VALUE") if label is None else Value(number_value=label)

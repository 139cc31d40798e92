"""``POST /models/{name}/predict`` and ``…/versions/{version}/predict``: rows and scores in any form."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stagecraft.errors import InvalidInputError, StagecraftError
from stagecraft.serving.answers import Answers, status_of
from stagecraft.serving.http.forms import ArrowRows, FloatRows, Form, JSONRows, Rows, written
from stagecraft.serving.openapi import DEFINITIONS, Operation

PATHS = ("/models/{name}/predict", "/models/{name}/versions/{version}/predict")
KEY = "Stagecraft-Key"
"""The header by which an alias's rule sends equal keys to the same version, where the body has none."""


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body in JSON.

    :param rows: raw rows, as in ``POST /predict``
    :param key: what decides among the versions of an alias
    """

    rows: list[dict[str, Any]]
    key: str | None = None

    @classmethod
    def read(cls, body: bytes) -> Asked:
        """Read a body.

        :raises InvalidInputError: it is none
        """
        try:
            return msgspec.json.decode(body, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInputError("predict.body", str(error), '{"rows": [{…}, …]}') from error


class Predictions:
    """Answers in the form that ``Accept`` names, or in the request's own: JSON, raw float32, an Arrow stream.

    ``version`` is a version or an alias; the model's default where the path has none.
    """

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def app(self) -> Starlette:
        return Starlette(routes=[Route(path, self.predict, methods=["POST"]) for path in PATHS])

    def operations(self) -> list[Operation]:
        """The routes as the API's page has them."""
        [schema], defined = msgspec.json.schema_components(
            [Asked], ref_template="#/components/schemas/{name}"
        )
        binary = {"type": "string", "format": "binary"}
        return [
            Operation(
                "POST",
                path,
                "Score raw rows: JSON, raw float32 or Arrow; answered in the form that Accept names.",
                {Form.JSON: {**schema, DEFINITIONS: defined}, Form.FLOATS: binary, Form.ARROW: dict(binary)},
                Form,
            )
            for path in PATHS
        ]

    async def predict(self, request: Request) -> Response:
        if request.headers.get("content-encoding", "identity") != "identity":
            return _error(415, "the body is compressed; what would do: one that is not")
        form = Form.of(request.headers.get("content-type", ""))
        accepted = form.accepted(request.headers.get("accept", ""))
        if accepted is None:
            return _error(406, f"Accept names none of {', '.join(Form)}")
        name, version = request.path_params["name"], request.path_params.get("version")
        try:
            body = await request.body()
            rows, key = await asyncio.to_thread(self._read, form, body, request.headers)
            route, scores = await self.answers.answer(name, version, key, rows)
        except StagecraftError as error:
            return _error(status_of(error), str(error))
        content = await asyncio.to_thread(written, accepted, name, route.version, route.predictor, scores)
        return Response(content, media_type=accepted.value)

    def _read(self, form: Form, body: bytes, headers: Mapping[str, str]) -> tuple[Rows, str | None]:
        key = headers.get(KEY)
        if form is Form.FLOATS:
            return FloatRows(body), key
        if form is Form.ARROW:
            return ArrowRows.read(body, self.answers.settings.max_rows), key
        asked = Asked.read(body)
        return JSONRows(asked.rows), asked.key or key


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)

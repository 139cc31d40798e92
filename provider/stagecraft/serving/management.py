"""The routes that tell what a service serves, and change it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stagecraft.serving.control import EXPECTED, Control, Deploy, RefusedError, Rule, refusal

Handler = Callable[[Request], Awaitable[dict[str, Any]]]
B = TypeVar("B", bound=BaseModel)


class Management:
    """``GET /status``, and what changes something; that asks for the token, ``Authorization: Bearer …``, and
    is disabled where the service has none.
    """

    def __init__(self, control: Control) -> None:
        self.control = control

    def app(self) -> Starlette:
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/status", self.status),
            ("POST", "/models", self.deploy),
            ("DELETE", "/models/{name}", self.delete_model),
            ("PUT", "/models/{name}/aliases/{alias}", self.set_alias),
            ("POST", "/models/{name}/aliases/{alias}/rollback", self.roll_back),
            ("DELETE", "/models/{name}/aliases/{alias}", self.delete_alias),
            ("DELETE", "/models/{name}/versions/{version}", self.delete_version),
        ]
        return Starlette(
            routes=[Route(path, _answer(handler), methods=[method]) for method, path, handler in routes]
        )

    async def status(self, request: Request) -> dict[str, Any]:
        if "authorization" in request.headers:
            self._authorize(request)
        return await self.control.status()

    async def deploy(self, request: Request) -> dict[str, Any]:
        self._authorize(request)
        return await self.control.deploy(await _body(request, Deploy))

    async def set_alias(self, request: Request) -> dict[str, Any]:
        self._authorize(request)
        name, alias = request.path_params["name"], request.path_params["alias"]
        return await self.control.set_alias(name, alias, await _body(request, Rule))

    async def roll_back(self, request: Request) -> dict[str, Any]:
        self._authorize(request)
        return await self.control.roll_back(**request.path_params)

    async def delete_alias(self, request: Request) -> dict[str, Any]:
        self._authorize(request)
        return await self.control.delete_alias(**request.path_params)

    async def delete_version(self, request: Request) -> dict[str, Any]:
        self._authorize(request)
        return await self.control.delete_version(**request.path_params)

    async def delete_model(self, request: Request) -> dict[str, Any]:
        self._authorize(request)
        return await self.control.delete_model(**request.path_params)

    def _authorize(self, request: Request) -> None:
        self.control.authorize(request.headers.get("authorization"))


def _answer(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await handler(request))
        except EXPECTED as error:
            refused = refusal(error)
            return JSONResponse({"error": str(refused)}, refused.status, headers=refused.headers)

    return endpoint


async def _body(request: Request, kind: type[B]) -> B:
    try:
        given = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from error
    return kind.model_validate(given)

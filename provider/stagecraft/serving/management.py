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
from stagecraft.serving.openapi import REFERENCE, Operation

Handler = Callable[[Request], Awaitable[dict[str, Any]]]
B = TypeVar("B", bound=BaseModel)


class Management:
    """``GET /status``, and what changes something; that asks for the token, ``Authorization: Bearer …``, and
    is disabled where the service has none.
    """

    def __init__(self, control: Control) -> None:
        self.control = control

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route(path, _answer(handler), methods=[method]) for method, path, handler, _ in self._routes()
            ]
        )

    def operations(self) -> list[Operation]:
        """The routes as the API's page has them."""
        return [
            Operation(
                method,
                path,
                (handler.__doc__ or "").strip(),
                {"application/json": body.model_json_schema(ref_template=REFERENCE)} if body else {},
                management=True,
            )
            for method, path, handler, body in self._routes()
        ]

    def _routes(self) -> list[tuple[str, str, Handler, type[BaseModel] | None]]:
        return [
            ("GET", "/status", self.status, None),
            ("POST", "/models", self.deploy, Deploy),
            ("DELETE", "/models/{name}", self.delete_model, None),
            ("PUT", "/models/{name}/aliases/{alias}", self.set_alias, Rule),
            ("POST", "/models/{name}/aliases/{alias}/rollback", self.roll_back, None),
            ("DELETE", "/models/{name}/aliases/{alias}", self.delete_alias, None),
            ("DELETE", "/models/{name}/versions/{version}", self.delete_version, None),
        ]

    async def status(self, request: Request) -> dict[str, Any]:
        """What is served, by whom; the token may be left out."""
        if "authorization" in request.headers:
            self._authorize(request)
        return await self.control.status()

    async def deploy(self, request: Request) -> dict[str, Any]:
        """Add a version of a model, and have an alias mean it."""
        self._authorize(request)
        return await self.control.deploy(await _body(request, Deploy))

    async def set_alias(self, request: Request) -> dict[str, Any]:
        """Move an alias, or spread its requests: a promotion, a canary, a shadow, an A/B test."""
        self._authorize(request)
        name, alias = request.path_params["name"], request.path_params["alias"]
        return await self.control.set_alias(name, alias, await _body(request, Rule))

    async def roll_back(self, request: Request) -> dict[str, Any]:
        """Take an alias's last change back."""
        self._authorize(request)
        return await self.control.roll_back(**request.path_params)

    async def delete_alias(self, request: Request) -> dict[str, Any]:
        """Take an alias out."""
        self._authorize(request)
        return await self.control.delete_alias(**request.path_params)

    async def delete_version(self, request: Request) -> dict[str, Any]:
        """Take out a version that no alias means."""
        self._authorize(request)
        return await self.control.delete_version(**request.path_params)

    async def delete_model(self, request: Request) -> dict[str, Any]:
        """Take out a model with all its versions."""
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

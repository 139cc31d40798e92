"""The page that describes the API: BentoML's own, with the routes beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

REFERENCE = "#/components/schemas/{model}"
DEFINITIONS = "$defs"


class Operation(NamedTuple):
    """A route, as the page tells of it.

    :param content: media type → JSON schema of a request's body; none where it has no body
    :param answers: the media types of the answer
    :param management: whether it asks for the management's token
    """

    method: str
    path: str
    summary: str
    content: Mapping[str, dict[str, Any]] = {}
    answers: Iterable[str] = ("application/json",)
    management: bool = False

    def described(self) -> dict[str, Any]:
        """Return it as OpenAPI has it."""
        found: dict[str, Any] = {
            "tags": ["Management" if self.management else "Predictions"],
            "summary": self.summary,
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in re.findall(r"{(\w+)}", self.path)
            ],
            "responses": {
                "200": {"description": "Done", "content": {each: {} for each in self.answers}},
                "default": {"description": 'Refused: {"error": why}', "content": {"application/json": {}}},
            },
        }
        if self.content:
            content = {
                kind: {"schema": {name: value for name, value in schema.items() if name != DEFINITIONS}}
                for kind, schema in self.content.items()
            }
            found["requestBody"] = {"required": True, "content": content}
        if self.management:
            found["security"] = [{"token": []}]
        return found


def described_beside(spec: dict[str, Any], operations: Iterable[Operation]) -> dict[str, Any]:
    """Return a description with more operations; schemas' definitions become its components."""
    paths, components = dict(spec["paths"]), dict(spec.get("components") or {})
    schemas = dict(components.get("schemas") or {})
    for operation in operations:
        for schema in operation.content.values():
            schemas |= schema.get(DEFINITIONS, {})
        paths[operation.path] = {
            **paths.get(operation.path, {}),
            operation.method.lower(): operation.described(),
        }
    token = {"type": "http", "scheme": "bearer"}
    components |= {"schemas": schemas, "securitySchemes": {"token": token}}
    return {**spec, "paths": paths, "components": components}


def page(spec: Callable[[], dict[str, Any]], operations: Iterable[Operation]) -> Starlette:
    """The application that answers ``GET /docs.json``.

    :param spec: BentoML's own description
    """

    async def show(request: Request) -> JSONResponse:
        return JSONResponse(described_beside(spec(), operations))

    return Starlette(routes=[Route("/docs.json", show)])

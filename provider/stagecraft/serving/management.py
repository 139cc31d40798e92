"""The routes that tell what a service serves, and change it."""

from __future__ import annotations

import asyncio
import hmac
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stagecraft.errors import InvalidInputError, StagecraftError
from stagecraft.serving.manifest import ConflictError, UnknownModelError
from stagecraft.serving.settings import TOKEN, Settings
from stagecraft.serving.table import ModelTable
from stagecraft.serving.workers import Workers

Handler = Callable[[Request], Awaitable[dict[str, Any]]]
B = TypeVar("B", bound=BaseModel)


class Deploy(BaseModel):
    """The body of ``POST /models``."""

    model_config = ConfigDict(extra="forbid")

    name: str
    version: str
    uri: str
    default: bool = True


class SetDefault(BaseModel):
    """The body of ``PUT /models/{name}/default``."""

    model_config = ConfigDict(extra="forbid")

    version: str


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, error: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.headers = status, headers


class Management:
    """``GET /status``, ``POST /models``, ``PUT /models/{name}/default``,
    ``DELETE /models/{name}/versions/{version}``.

    The three that change something ask for the token, ``Authorization: Bearer …``, and are disabled where the
    service has none. A change is made in the manifest alone; every worker follows that.
    """

    def __init__(self, table: ModelTable, workers: Workers, settings: Settings) -> None:
        self.table, self.workers, self.settings = table, workers, settings
        self.token = os.environ.get(TOKEN, "")

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/status", _answer(self.status), methods=["GET"]),
                Route("/models", _answer(self.deploy), methods=["POST"]),
                Route("/models/{name}/default", _answer(self.set_default), methods=["PUT"]),
                Route("/models/{name}/versions/{version}", _answer(self.delete), methods=["DELETE"]),
            ]
        )

    async def status(self, request: Request) -> dict[str, Any]:
        """What the manifest says, and what every living worker serves."""
        if "authorization" in request.headers:
            self.authorize(request)
        manifest = await asyncio.to_thread(self.table.file.read)
        states = await asyncio.to_thread(self.workers.alive)
        return {
            "generation": manifest.generation,
            "models": {
                name: {"default": model.default, "versions": list(model.versions)}
                for name, model in manifest.models.items()
            },
            "expected_workers": self.settings.workers,
            "workers": [state.model_dump(exclude={"started"}) for state in states],
            "management": bool(self.token),
        }

    async def deploy(self, request: Request) -> dict[str, Any]:
        """Add a version, once its model was loaded and its golden rows were scored in this worker."""
        self.authorize(request)
        body = await _body(request, Deploy)
        artifact = self.table.artifact(body.uri)
        # Held until the table has taken the generation, so that it is loaded once.
        predictor = await asyncio.to_thread(self._load, artifact)
        keep = self.settings.keep_versions
        manifest = await asyncio.to_thread(
            self.table.file.update,
            lambda manifest: manifest.deployed(
                body.name, body.version, artifact, default=body.default, keep=keep
            ),
        )
        await self.table.refresh()
        return {
            "name": body.name,
            "version": body.version,
            "generation": manifest.generation,
            "default": manifest.models[body.name].default,
            "fingerprint": predictor.model.fingerprint,
        }

    async def set_default(self, request: Request) -> dict[str, Any]:
        """Make a version the default: a rollback, or a promotion."""
        self.authorize(request)
        name = request.path_params["name"]
        body = await _body(request, SetDefault)
        manifest = await asyncio.to_thread(
            self.table.file.update, lambda manifest: manifest.with_default(name, body.version)
        )
        await self.table.refresh()
        return {
            "name": name,
            "version": body.version,
            "generation": manifest.generation,
            "default": body.version,
        }

    async def delete(self, request: Request) -> dict[str, Any]:
        """Take out a version that is not the default: one that no longer loads, say."""
        self.authorize(request)
        name, version = request.path_params["name"], request.path_params["version"]
        manifest = await asyncio.to_thread(
            self.table.file.update, lambda manifest: manifest.without(name, version)
        )
        await self.table.refresh()
        return {
            "name": name,
            "version": version,
            "generation": manifest.generation,
            "default": manifest.models[name].default,
        }

    def authorize(self, request: Request) -> None:
        if not self.token:
            raise Refused(403, f"management is disabled: the service was started without {TOKEN}")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise Refused(401, "a token is needed: Authorization: Bearer …", {"WWW-Authenticate": "Bearer"})
        if not hmac.compare_digest(given.strip().encode(), self.token.encode()):
            raise Refused(403, "the token is wrong")

    def _load(self, artifact: Any) -> Any:
        try:
            return self.table.load(artifact)
        except (StagecraftError, ValueError, KeyError, OSError) as error:
            raise Refused(422, f"the model {artifact.uri} is refused: {error}") from error


def _answer(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await handler(request))
        except Refused as refused:
            return JSONResponse({"error": str(refused)}, refused.status, headers=refused.headers)
        except UnknownModelError as error:
            return JSONResponse({"error": str(error)}, 404)
        except InvalidInputError as error:
            return JSONResponse({"error": str(error)}, 409 if isinstance(error, ConflictError) else 400)
        except (StagecraftError, OSError) as error:
            return JSONResponse({"error": str(error)}, 503)

    return endpoint


async def _body(request: Request, kind: type[B]) -> B:
    try:
        return kind.model_validate(json.loads(await request.body()))
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is not JSON: {error}") from error

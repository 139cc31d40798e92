"""What management may ask of a service: each change is made in the manifest, which every worker follows."""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from stagecraft.errors import InvalidInputError, StagecraftError
from stagecraft.serving.manifest import ConflictError, Manifest, UnknownModelError, Version
from stagecraft.serving.predictor import Predictor
from stagecraft.serving.settings import TOKEN, Settings
from stagecraft.serving.table import ModelTable
from stagecraft.serving.traffic import DEFAULT, Alias, Bounds, Percent
from stagecraft.serving.workers import Workers, expected


class RefusedError(Exception):
    """A request that is refused.

    :param status: the HTTP status of the answer
    """

    def __init__(self, status: int, error: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.headers = status, headers


EXPECTED = (RefusedError, StagecraftError, ValidationError, OSError)
"""What may end a request that changes something."""


def refusal(error: Exception) -> RefusedError:
    """Return how a request that ended with an error of :data:`EXPECTED` is refused."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return RefusedError(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    if isinstance(error, UnknownModelError):
        return RefusedError(404, str(error))
    if isinstance(error, InvalidInputError):
        return RefusedError(409 if isinstance(error, ConflictError) else 400, str(error))
    return RefusedError(503, str(error))


class Deploy(BaseModel):
    """A version to add.

    :param alias: what it answers for from now on; None: for nothing but its own name
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    version: str
    uri: str
    alias: str | None = DEFAULT


class Rule(BaseModel):
    """What an alias is to be: see :class:`stagecraft.serving.traffic.Alias`.

    :param version: the one that answers now where None
    """

    model_config = ConfigDict(extra="forbid")

    version: str | None = None
    split: dict[str, Percent] = {}
    shadow: str | None = None
    salt: str = ""
    bounds: Bounds | None = None


class Control:
    """Changes and tells what a service serves.

    :raises RefusedError: what is asked for is not allowed, or a model is refused
    :raises UnknownModelError: there is no such model, version or alias
    :raises ConflictError: what is served stands against the change
    """

    def __init__(self, table: ModelTable, workers: Workers, settings: Settings) -> None:
        self.table, self.workers, self.settings = table, workers, settings
        self._token = os.environ.get(TOKEN, "")

    def authorize(self, authorization: str | None) -> None:
        """Check the value of an ``Authorization`` header.

        :raises RefusedError: it does not hold the service's token, or the service has none
        """
        if not self._token:
            raise RefusedError(403, f"management is disabled: the service was started without {TOKEN}")
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            headers = {"WWW-Authenticate": "Bearer"}
            raise RefusedError(401, "a token is needed: Authorization: Bearer …", headers)
        if not hmac.compare_digest(given.strip().encode(), self._token.encode()):
            raise RefusedError(403, "the token is wrong")

    async def status(self) -> dict[str, Any]:
        """What the manifest says, and what every living worker serves."""
        manifest = await asyncio.to_thread(self.table.file.read)
        states = await asyncio.to_thread(self.workers.alive)
        others = await asyncio.to_thread(self.workers.elsewhere)
        return {
            "generation": manifest.generation,
            "models": {
                name: {
                    "default": model.default,
                    "versions": list(model.versions),
                    "aliases": {
                        alias: rule.model_dump(exclude_defaults=True) for alias, rule in model.aliases.items()
                    },
                }
                for name, model in manifest.models.items()
            },
            "verdicts": [verdict.model_dump() for verdict in manifest.verdicts],
            "expected_workers": self.settings.workers + expected(others),
            "workers": [state.model_dump(exclude={"started", "peers"}) for state in [*states, *others]],
            "management": bool(self._token),
        }

    async def deploy(self, asked: Deploy) -> dict[str, Any]:
        """Add a version, once its model was loaded and its golden rows were scored in this worker."""
        artifact = self.table.loader.artifact(asked.uri)
        # Held until the table has taken the generation, so that it is loaded once.
        predictor = await asyncio.to_thread(self._load, artifact)
        keep = self.settings.keep_versions
        told = await self._change(
            asked.name,
            lambda manifest: manifest.deployed(
                asked.name, asked.version, artifact, alias=asked.alias, keep=keep
            ),
        )
        return {**told, "version": asked.version, "fingerprint": predictor.model.fingerprint}

    async def set_alias(self, name: str, alias: str, asked: Rule) -> dict[str, Any]:
        """Move an alias, or spread its requests: a promotion, a rollback, a canary, a shadow."""

        def rule(manifest: Manifest) -> Alias:
            version = asked.version or manifest.alias(name, alias).version
            return Alias(version=version, **asked.model_dump(exclude={"version"}))

        def check() -> list[Predictor]:
            manifest = self.table.file.read()
            versions = manifest.find(name)[0].versions
            return [self._load(versions[each]) for each in rule(manifest).versions if each in versions]

        loaded = await asyncio.to_thread(check)
        told = await self._change(name, lambda manifest: manifest.with_alias(name, alias, rule(manifest)))
        del loaded
        return told

    async def roll_back(self, name: str, alias: str = DEFAULT) -> dict[str, Any]:
        """Take back an alias's last change: its rule, or where it has none, its version."""
        return await self._change(name, lambda manifest: manifest.rolled_back(name, alias))

    async def delete_alias(self, name: str, alias: str) -> dict[str, Any]:
        return await self._change(name, lambda manifest: manifest.without_alias(name, alias))

    async def delete_version(self, name: str, version: str) -> dict[str, Any]:
        """Take out a version that no alias answers with: one that no longer loads, say."""
        return await self._change(name, lambda manifest: manifest.without(name, version))

    async def delete_model(self, name: str) -> dict[str, Any]:
        """Take out a model with all its versions."""
        return await self._change(name, lambda manifest: manifest.without_model(name))

    async def _change(self, name: str, change: Callable[[Manifest], Manifest]) -> dict[str, Any]:
        manifest = await asyncio.to_thread(self.table.file.update, change)
        await self.table.refresh()
        model = manifest.models.get(name)
        aliases = {alias: rule.version for alias, rule in model.aliases.items()} if model else {}
        return {
            "name": name,
            "version": aliases.get(DEFAULT),
            "generation": manifest.generation,
            "default": aliases.get(DEFAULT),
            "aliases": aliases,
        }

    def _load(self, artifact: Version) -> Predictor:
        try:
            return self.table.loader.load(artifact)
        except (StagecraftError, ValueError, KeyError, OSError) as error:
            raise RefusedError(422, f"the model {artifact.uri} is refused: {error}") from error

"""``stagecraft.v1.Management``: what the routes of :mod:`stagecraft.serving.management` do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict  # type: ignore[import-untyped]

from stagecraft.serving.control import EXPECTED, Control, Deploy, Rule, refusal
from stagecraft.serving.rpc.heads import Head
from stagecraft.serving.rpc.messages import (
    PACKAGE,
    AliasRequest,
    Change,
    DeployRequest,
    Empty,
    Message,
    ModelRequest,
    SetAliasRequest,
    Struct,
    VersionRequest,
)
from stagecraft.serving.rpc.methods import Methods, Unary
from stagecraft.serving.rpc.status import OF_HTTP, CallError, Code
from stagecraft.serving.traffic import DEFAULT

SERVICE = f"{PACKAGE}.Management"


class Management:
    """Tells what a service serves, and changes it; that asks for the token."""

    def __init__(self, control: Control) -> None:
        self.control = control

    def methods(self) -> Methods:
        changes: dict[str, tuple[Any, Callable[[Any], Awaitable[dict[str, Any]]]]] = {
            "Deploy": (DeployRequest, self.deploy),
            "SetAlias": (SetAliasRequest, self.set_alias),
            "RollBack": (AliasRequest, self.roll_back),
            "DeleteAlias": (AliasRequest, self.delete_alias),
            "DeleteVersion": (VersionRequest, self.delete_version),
            "DeleteModel": (ModelRequest, self.delete_model),
        }
        status = Unary(Empty, self._admit_reader, _answering(lambda _: self.control.status(), Struct))
        return {
            f"/{SERVICE}/Status": status,
            **{
                f"/{SERVICE}/{name}": Unary(request, self._admit, _answering(change, Change))
                for name, (request, change) in changes.items()
            },
        }

    async def deploy(self, request: Any) -> dict[str, Any]:
        asked = _fields(request)
        if request.HasField("alias"):
            asked["alias"] = request.alias or None
        return await self.control.deploy(Deploy.model_validate(asked))

    async def set_alias(self, request: Any) -> dict[str, Any]:
        asked = _fields(request)
        name, alias = asked.pop("name", ""), asked.pop("alias", DEFAULT)
        return await self.control.set_alias(name, alias, Rule.model_validate(asked))

    async def roll_back(self, request: Any) -> dict[str, Any]:
        return await self.control.roll_back(request.name, request.alias or DEFAULT)

    async def delete_alias(self, request: Any) -> dict[str, Any]:
        return await self.control.delete_alias(request.name, request.alias or DEFAULT)

    async def delete_version(self, request: Any) -> dict[str, Any]:
        return await self.control.delete_version(request.name, request.version)

    async def delete_model(self, request: Any) -> dict[str, Any]:
        return await self.control.delete_model(request.name)

    def _admit(self, head: Head) -> None:
        try:
            self.control.authorize(head.authorization.decode("latin-1"))
        except EXPECTED as error:
            raise _told(error) from error

    def _admit_reader(self, head: Head) -> None:
        if head.authorization:
            self._admit(head)


def _answering(
    change: Callable[[Any], Awaitable[dict[str, Any]]], answer: Any
) -> Callable[[Any, Head], Awaitable[Message]]:
    async def call(request: Any, head: Head) -> Message:
        try:
            told = await change(request)
        except EXPECTED as error:
            raise _told(error) from error
        message: Message = ParseDict(told, answer())
        return message

    return call


def _told(error: Exception) -> CallError:
    refused = refusal(error)
    return CallError(OF_HTTP.get(refused.status, Code.INTERNAL), str(refused))


def _fields(request: Any) -> dict[str, Any]:
    """Return a request as the object that HTTP takes: what is not set is absent."""
    fields: dict[str, Any] = MessageToDict(request, preserving_proto_field_name=True)
    return fields

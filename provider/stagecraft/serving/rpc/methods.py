"""What a client may call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from stagecraft.errors import InvalidInputError
from stagecraft.serving.rpc.heads import Head
from stagecraft.serving.rpc.messages import Message


def anybody(head: Head) -> None:
    """Admit every call."""


@dataclass(frozen=True)
class Method:
    """A method of a service.

    :param request: the type of its requests
    :param admit: called before a request is read; raises what ends the call
    """

    request: Any
    admit: Callable[[Head], None] = anybody

    def read(self, data: bytes) -> Any:
        """Return a request.

        :raises InvalidInputError: the bytes are none
        """
        try:
            return self.request.FromString(data)
        except DecodeError as error:
            name = self.request.DESCRIPTOR.full_name
            raise InvalidInputError("rpc.message", f"it cannot be read ({error})", f"a {name}") from error


@dataclass(frozen=True)
class Unary(Method):
    """A request, an answer.

    :param answer: gives the answer, or raises what ends the call
    :param at_once: gives the answer without waiting, where that can be, and else None
    """

    answer: Callable[[Any, Head], Awaitable[Message]] = NotImplemented
    at_once: Callable[[Any, Head], Message | None] | None = None


@dataclass(frozen=True)
class Streaming(Method):
    """Requests, and answers as they come."""

    answer: Callable[[AsyncIterator[Any], Head], AsyncGenerator[Message]] = NotImplemented


Methods = Mapping[str, Method]
"""Paths, ``/package.Service/Method``, and what they call."""

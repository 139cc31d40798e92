"""How a call ends: gRPC's codes, and what they are of HTTP's."""

from __future__ import annotations

import logging
from enum import IntEnum
from urllib.parse import quote

from stagecraft.errors import StagecraftError
from stagecraft.serving.answers import status_of

log = logging.getLogger(__name__)

LONGEST = 1000
"""Characters of an error's text at most: clients take 8 KiB of metadata."""
PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


class Code(IntEnum):
    """The codes that the service ends calls with."""

    OK = 0
    CANCELLED = 1
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


OF_HTTP = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    408: Code.DEADLINE_EXCEEDED,
    409: Code.FAILED_PRECONDITION,
    413: Code.RESOURCE_EXHAUSTED,
    422: Code.FAILED_PRECONDITION,
    503: Code.UNAVAILABLE,
}


class CallError(Exception):
    """A call that ends with another code than OK."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text

    @classmethod
    def of(cls, error: Exception) -> CallError:
        """Return what an error that ended a call is to its caller; what nobody expects is logged."""
        if isinstance(error, CallError):
            return error
        if isinstance(error, StagecraftError):
            return cls(OF_HTTP.get(status_of(error), Code.INTERNAL), str(error))
        log.error("A call failed", exc_info=error)
        return cls(Code.INTERNAL, "the service failed; its log says how")


def encoded(text: str) -> bytes:
    """Return an error's text as the header ``grpc-message`` has it.

    >>> encoded("100 % … late")
    b'100 %25 %E2%80%A6 late'
    """
    short = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return quote(short, safe=PRINTABLE, errors="replace").encode()

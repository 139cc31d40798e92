"""The heads of calls: HPACK, and what gRPC says in headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import hpack
from hpack.exceptions import HPACKError

from stagecraft.serving.rpc.frames import ConnectionFault, Fault
from stagecraft.serving.rpc.status import Code, encoded

LARGEST_LIST = 16 << 10
"""Bytes of a call's headers at most, as HTTP/2 counts them."""
KNOWN, LONGEST = 256, 1024
"""Heads that are remembered, and their longest."""
TIMEOUT = re.compile(rb"(\d{1,8})([HMSmun])")
UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
PSEUDO = frozenset([b":method", b":scheme", b":path", b":authority"])
CONNECTION = frozenset([b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"])
TOKEN_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")


@dataclass(frozen=True, slots=True)
class Head:
    """What a call's headers say.

    :param path: the method's, ``/package.Service/Method``
    :param http_status: what is answered where it is no call of gRPC; 200 where it is
    :param authorization: the header, or nothing
    :param encoding: how messages may be compressed
    :param timeout: seconds that the client waits; None: for ever
    :param key: what decides among the versions of an alias
    """

    path: str
    http_status: int
    authorization: bytes
    encoding: bytes
    timeout: float | None
    key: str | None


class Heads:
    """Reads the heads of a connection.

    A client sends its headers once, and then their numbers in the table that both sides keep. So as long as
    the table stays as it is, equal bytes mean the same, and are read once.
    """

    def __init__(self) -> None:
        self._decoder = hpack.Decoder(max_header_list_size=LARGEST_LIST)
        self._decoder.max_allowed_table_size = self._decoder.header_table_size
        self._known: dict[bytes, Head | None] = {}

    def read(self, block: bytes) -> Head | None:
        """Return what a block of headers says; None where it is malformed.

        :raises ConnectionFault: the block cannot be decoded, nor can any that follows
        """
        if block in self._known:
            return self._known[block]
        entries = self._decoder.header_table.dynamic_entries
        count, newest = len(entries), entries[0] if entries else None
        try:
            headers = self._decoder.decode(block, raw=True)
        except HPACKError as error:
            raise ConnectionFault(Fault.COMPRESSION_ERROR, str(error)) from error
        found = _read(headers)
        entries = self._decoder.header_table.dynamic_entries
        # New entries come first, old ones go.
        is_same = len(entries) == count and (entries[0] if entries else None) is newest
        if not is_same or len(self._known) >= KNOWN:
            self._known.clear()
        elif len(block) <= LONGEST:
            self._known[block] = found
        return found


def _read(headers: Iterable[tuple[bytes, bytes]]) -> Head | None:
    found: dict[bytes, bytes] = {}
    ordinary = False
    for name, value in headers:
        if name.startswith(b":"):
            if ordinary or name not in PSEUDO or name in found:
                return None
        else:
            ordinary = True
            if not TOKEN_NAME.fullmatch(name) or name in CONNECTION:
                return None
        if name in found and not name.endswith(b"-bin"):
            value = found[name] + b"," + value
        found[name] = value
    if not {b":method", b":scheme", b":path"} <= found.keys():
        return None
    timeout = None
    if (given := found.get(b"grpc-timeout")) is not None:
        match = TIMEOUT.fullmatch(given)
        if match is None:
            return None
        timeout = int(match[1]) * UNITS[match[2]]
    http_status = 200
    if found[b":method"] != b"POST":
        http_status = 405
    elif not re.match(rb"application/grpc(\+proto)?(;|$)", found.get(b"content-type", b"")):
        http_status = 415
    key = found.get(b"stagecraft-key")
    return Head(
        path=found[b":path"].decode("latin-1"),
        http_status=http_status,
        authorization=found.get(b"authorization", b""),
        encoding=found.get(b"grpc-encoding", b"identity"),
        timeout=timeout,
        key=None if key is None else key.decode("latin-1"),
    )


def block(*headers: tuple[bytes, bytes]) -> bytes:
    """Return headers as a block that changes no table: a connection may send it at any time."""
    fields = [hpack.NeverIndexedHeaderTuple(name, value) for name, value in headers]
    return hpack.Encoder().encode(fields, huffman=False)


BEGIN = block((b":status", b"200"), (b"content-type", b"application/grpc"))
"""The headers before an answer's messages."""
OK = block((b"grpc-status", b"0"))
"""The headers after them."""


def trailers(code: Code, text: str, *, begun: bool) -> bytes:
    """Return the headers that end a call which failed.

    :param begun: whether :data:`BEGIN` was sent
    """
    fields = [(b"grpc-status", str(int(code)).encode()), (b"grpc-message", encoded(text))]
    if code is Code.UNIMPLEMENTED:
        fields.append((b"grpc-accept-encoding", b"identity"))
    return (b"" if begun else BEGIN) + block(*fields)

"""HTTP/2 on the wire: frames, settings, error codes (RFC 9113)."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = Struct(">HBBBL")
"""A frame's head: its length's upper and lower bytes, kind, flags, stream."""
HEAD_SIZE = 9
LONGEST = 1 << 14
"""Bytes of a frame at most, as long as no other size was agreed on."""
WINDOW, LARGEST_WINDOW = (1 << 16) - 1, (1 << 31) - 1
"""Bytes that may be on their way, as long as nothing else was agreed on; and at most."""


class Kind:
    """Plain numbers: an enumeration's take several times as long to compare."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


ACK = END_STREAM = 0x1
END_HEADERS, PADDED, PRIORITIZED = 0x4, 0x8, 0x20


class Setting(IntEnum):
    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class Fault(IntEnum):
    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    FLOW_CONTROL_ERROR = 3
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


class ConnectionFault(Exception):
    """What a peer did that ends the connection."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(text)
        self.fault, self.text = fault, text


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a whole frame.

    >>> frame(Kind.SETTINGS, ACK, 0).hex()
    '000000040100000000'
    """
    size = len(payload)
    return HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def number(value: int) -> bytes:
    """Return a payload that is one number of 32 bits."""
    return value.to_bytes(4, "big")


def settings(values: dict[Setting, int]) -> bytes:
    return frame(
        Kind.SETTINGS, 0, 0, b"".join(each.to_bytes(2, "big") + number(values[each]) for each in values)
    )


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """Return the settings of a frame, in their order; those that nobody knows too."""
    if len(payload) % 6:
        raise ConnectionFault(Fault.FRAME_SIZE_ERROR, f"settings of {len(payload)} bytes")
    return [
        (int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big"))
        for at in range(0, len(payload), 6)
    ]


def unpadded(payload: bytes, flags: int) -> bytes:
    """Return the content of a frame of data or headers, without padding and priority."""
    start = end = 0
    if flags & PADDED:
        if not payload:
            raise ConnectionFault(Fault.FRAME_SIZE_ERROR, "a padded frame is empty")
        start, end = 1, payload[0]
    if flags & PRIORITIZED:
        start += 5
    if start + end > len(payload):
        raise ConnectionFault(Fault.PROTOCOL_ERROR, "the padding is longer than the frame")
    return payload[start : len(payload) - end]

"""What workers and shards say to each other: arrays over TCP, without copies and without pickle.

A call of a Ray actor costs milliseconds of CPU here, more than the arithmetic of a thousand rows; a message
of this kind costs a hundredth of it. So Ray places the actors, watches over them and tells them each other's
addresses; the numbers of a step go straight from socket to socket.
"""

from __future__ import annotations

import hmac
import socket
from contextlib import suppress
from typing import Any, NamedTuple, Self

import numpy as np

from stagecraft.errors import JobFailedError

TOKEN_BYTES = 32
HANDSHAKE_SECONDS = 10.0

NONE = -1
"""No step: nothing is pushed, or nothing is pulled."""


class Severed(ConnectionError):
    """The other side is gone, or has begun another incarnation of the run."""


class Refused(JobFailedError):
    """The other side cannot do what it was asked to."""


class Address(NamedTuple):
    host: str
    port: int


class Channel:
    """A connection that carries arrays whose types and shapes both sides know."""

    def __init__(self, link: socket.socket) -> None:
        link.settimeout(None)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._link = link

    def send(self, *arrays: np.ndarray) -> None:
        """Send arrays; contiguous ones are not copied.

        :raises Severed: the other side is gone
        """
        try:
            for array in arrays:
                if array.nbytes:
                    self._link.sendall(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        except OSError as error:
            raise Severed(str(error)) from error

    def receive(self, into: np.ndarray) -> np.ndarray:
        """Fill a contiguous array, and return it.

        :raises Severed: the other side is gone
        """
        rest = into.reshape(-1).view(np.uint8).data if into.nbytes else memoryview(b"")
        try:
            while rest.nbytes:
                got = self._link.recv_into(rest, rest.nbytes, socket.MSG_WAITALL)
                if not got:
                    raise Severed("the connection was closed")
                rest = rest[got:]
        except OSError as error:
            raise Severed(str(error)) from error
        return into

    def answer(self, *arrays: np.ndarray) -> None:
        """Send what was asked for."""
        self.send(np.zeros(1, np.int64), *arrays)

    def refuse(self, reason: str) -> None:
        """Say why what was asked for does not come."""
        said = np.frombuffer(reason.encode(), np.uint8)
        self.send(np.array([len(said)], np.int64), said)

    def answered(self) -> None:
        """Wait for an answer, whose arrays come next.

        :raises Refused: the other side said why there are none
        """
        [refused] = self.receive(np.empty(1, np.int64)).tolist()
        if refused:
            raise Refused(f"ps_train: {self.receive(np.empty(refused, np.uint8)).tobytes().decode()}")

    def close(self) -> None:
        """Close; whoever waits for the other side's arrays is woken."""
        with suppress(OSError):  # It is closed already.
            self._link.shutdown(socket.SHUT_RDWR)
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def node_address() -> str:
    """Return the address by which other nodes of Ray reach this one."""
    import ray

    return str(ray.util.get_node_ip_address())


def listen(host: str) -> socket.socket:
    """Listen on a free port of one interface."""
    return socket.create_server((host, 0), backlog=512)


def connect(address: Address, token: bytes, rank: int, incarnation: int) -> Channel:
    """Connect as a worker, proving by the run's secret that it belongs to the run.

    :raises Severed: nobody listens there
    """
    try:
        channel = Channel(socket.create_connection(address, timeout=HANDSHAKE_SECONDS))
    except OSError as error:
        raise Severed(f"{address.host}:{address.port}: {error}") from error
    channel.send(np.frombuffer(token, np.uint8), np.array([rank, incarnation], np.int64))
    return channel


def admit(link: socket.socket, token: bytes) -> tuple[Channel, int, int] | None:
    """Return a new connection's channel, its worker's rank and incarnation; None for a stranger's."""
    link.settimeout(HANDSHAKE_SECONDS)
    said = b""
    try:
        while len(said) < TOKEN_BYTES + 16:
            more = link.recv(TOKEN_BYTES + 16 - len(said))
            if not more:
                break
            said += more
    except OSError:
        said = b""
    if len(said) < TOKEN_BYTES + 16 or not hmac.compare_digest(said[:TOKEN_BYTES], token):
        link.close()
        return None
    rank, incarnation = np.frombuffer(said[TOKEN_BYTES:], np.int64)
    return Channel(link), int(rank), int(incarnation)

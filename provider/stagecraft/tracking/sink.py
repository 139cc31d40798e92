"""Where a writer's lines go: a growing file on a local store, immutable segments on a remote one.

Each writer has a name of its own and shares no file with another, so any number of them need no lock
between them. Its files are ``<writer>.<segment>.jsonl``.
"""

from __future__ import annotations

import logging
import os
import uuid
from threading import RLock, Timer
from typing import TYPE_CHECKING, Protocol

from stagecraft.errors import UnwritableStoreError

if TYPE_CHECKING:
    from io import FileIO

    from stagecraft.artifacts.store import Store

log = logging.getLogger(__name__)

SUFFIX = ".jsonl"
INTERVAL = 2.0


class Sink(Protocol):
    """Takes whole lines."""

    def write(self, lines: bytes) -> None: ...

    def flush(self) -> None: ...

    def close(self) -> None: ...


def open_sink(store: Store, folder: str) -> Sink:
    """Return a new writer's sink in ``folder`` of ``store``."""
    return AppendedFile(store, folder) if store.is_local else Segments(store, folder)


def file_name(writer: str, segment: int) -> str:
    return f"{writer}.{segment}{SUFFIX}"


def new_writer() -> str:
    return uuid.uuid4().hex[:12]


class AppendedFile:
    """One file on a local store; every write is handed to the operating system at once.

    So a process killed at any instruction loses nothing that it wrote; a machine that loses power may
    lose the last seconds.
    """

    def __init__(self, store: Store, folder: str) -> None:
        self._path = os.path.join(store.strip(store.uri(folder)), file_name(new_writer(), 0))
        self._file: FileIO | None = None
        self._lock = RLock()

    def write(self, lines: bytes) -> None:
        with self._lock:
            try:
                if self._file is None:
                    os.makedirs(os.path.dirname(self._path), exist_ok=True)
                    self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115 - open as long as the sink
                self._file.write(lines)
            except OSError as error:
                raise UnwritableStoreError(f"tracking: cannot write {self._path} ({error})") from error

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class Segments:
    """Immutable files on a remote store, one for every ``interval`` in which something was written.

    A process killed outright loses what waits, ``interval`` seconds' worth at most; one that ends
    with an exception loses nothing.

    :param interval: seconds between two segments
    """

    def __init__(self, store: Store, folder: str, interval: float = INTERVAL) -> None:
        self._store, self._folder, self._interval = store, folder, interval
        self._writer = new_writer()
        self._segment = 0
        self._waiting: list[bytes] = []
        self._timer: Timer | None = None
        self._lock = RLock()

    def write(self, lines: bytes) -> None:
        with self._lock:
            self._waiting.append(lines)
            if self._timer is None:
                # Not a daemon: where nobody closes the sink, Python's exit waits for the last segment.
                self._timer = Timer(self._interval, self._flush_later)
                self._timer.start()

    def flush(self) -> None:
        """Write what waits.

        :raises UnwritableStoreError: the store refuses; the lines are kept for the next flush
        """
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if not self._waiting:
                return
            uri = self._store.uri(self._folder, file_name(self._writer, self._segment))
            self._store.write(uri, b"".join(self._waiting))
            self._waiting.clear()
            self._segment += 1

    def close(self) -> None:
        self.flush()

    def _flush_later(self) -> None:
        try:
            self.flush()
        except OSError as error:
            log.warning("Tracking: the store refuses events, they wait for the next flush: %s", error)

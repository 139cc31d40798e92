"""Where the manifest is kept: one file, renamed into place, that every worker looks at."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from stagecraft.errors import CorruptArtifactError
from stagecraft.serving.manifest import Manifest

MANIFEST_FILE = "manifest.json"
LOCK_FILE = "manifest.lock"

Signature = tuple[object, ...]


class ManifestFile:
    """The manifest below a service's root folder.

    Readers read it without a lock, since a new one is renamed into place; writers take turns.

    :param root: the service's folder, on a file system that all its workers share
    """

    is_remote = False
    poll_seconds = 0.02
    """How often to ask for the signature."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.path = self.root / MANIFEST_FILE

    def __str__(self) -> str:
        return str(self.path)

    def signature(self) -> Signature | None:
        """What changes when the file does, in a few microseconds; None without a file."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def read(self) -> Manifest:
        """Return the manifest; an empty one where nothing was deployed yet.

        :raises CorruptArtifactError: the file is not a manifest
        """
        try:
            return Manifest.model_validate_json(self._read())
        except FileNotFoundError:
            return Manifest()
        except ValidationError as error:
            raise CorruptArtifactError(f"{self}: the manifest is unreadable ({error})") from error

    def update(self, change: Callable[[Manifest], Manifest]) -> Manifest:
        """Change the manifest, alone among its writers; return what is true afterwards."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._locked():
            before = self.read()
            after = change(before)
            if after is not before:
                self._write(after.model_dump_json(indent=1))
            return after

    def _read(self) -> bytes:
        return self.path.read_bytes()

    def _write(self, text: str) -> None:
        write_whole(self.path, text)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self.root / LOCK_FILE, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def write_whole(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a file in one step: a reader sees the old one or the new one.

    :param durable: whether that holds after the machine's crash too, for which this waits for the disk
    """
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(scratch, "w") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)

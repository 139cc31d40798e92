"""An append-only record of JSON lines: cheap to write, and readable whatever was killed when."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, BinaryIO

from stagecraft.errors import CorruptArtifactError, UnwritableStoreError

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store

NAME = "journal"


class Journal:
    """Records in the order in which they were appended.

    On a local file system it is one file, ``journal.jsonl``; a line that a crash cut off does not count, and
    the next append removes it. An object store cannot append: there each record is an object of its own.

    :param folder: relative to the store's root

    >>> import tempfile
    >>> from stagecraft.artifacts.store import Store
    >>> journal = Journal(Store(tempfile.mkdtemp()), "studies/example")
    >>> journal.append({"trial": 1})
    >>> journal.read()
    [{'trial': 1}]
    """

    def __init__(self, store: Store, folder: str) -> None:
        self.store, self.folder = store, folder
        self._file: BinaryIO | None = None
        self._count: int | None = None

    def append(self, record: dict[str, Any], *, durable: bool = True) -> None:
        """Add a record.

        :param durable: whether it must outlast the machine's own crash; a process's end it always outlasts
        :raises UnwritableStoreError: the store refuses
        """
        data = json.dumps(record, allow_nan=False, separators=(",", ":")).encode()
        if not self.store.is_local:
            if self._count is None:
                self._count = len(self._objects())
            self.store.write(self.store.uri(self.folder, NAME, f"{self._count:08d}.json"), data)
            self._count += 1
            return
        try:
            if self._file is None:
                self._file = _opened(self._path)
            self._file.write(data + b"\n")
            if durable:
                os.fdatasync(self._file.fileno())
        except OSError as error:
            raise UnwritableStoreError(
                f"{self._path}: cannot append ({error}); what would do: a folder that this user may write, "
                "and room on its disk"
            ) from error

    def read(self) -> list[dict[str, Any]]:
        """Return all records.

        :raises CorruptArtifactError: one is unreadable
        """
        if self.store.is_local:
            try:
                with open(self._path, "rb") as file:
                    lines = file.read().split(b"\n")[:-1]
            except FileNotFoundError:
                return []
        else:
            lines = [self.store.filesystem.cat_file(path) for path in self._objects()]
        records = []
        for number, line in enumerate(lines, 1):
            try:
                records.append(json.loads(line))
            except ValueError as error:
                raise CorruptArtifactError(
                    f"{self._path}: record {number} is unreadable ({error}); what would do: remove the "
                    "study's folder"
                ) from error
        return records

    @property
    def _path(self) -> str:
        return self.store.strip(self.store.uri(self.folder, f"{NAME}.jsonl"))

    def _objects(self) -> list[str]:
        folder = self.store.strip(self.store.uri(self.folder, NAME))
        if not self.store.filesystem.exists(folder):
            return []
        return sorted(path for path in self.store.filesystem.find(folder) if path.endswith(".json"))


def _opened(path: str) -> BinaryIO:
    """Open a file to append to, without the line that a crash cut off."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.exists(path):
        with open(path, "r+b") as file:
            data = file.read()
            if not data.endswith(b"\n"):
                file.truncate(data.rfind(b"\n") + 1)
    return open(path, "ab", buffering=0)

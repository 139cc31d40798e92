"""The artifact store: content-addressed folders below one fsspec URI."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stagecraft.artifacts.artifact import Artifact, FileEntry, Kind, Manifest, Reference
from stagecraft.errors import CorruptArtifactError, InvalidInputError, UnwritableStoreError

if TYPE_CHECKING:
    import pyarrow.fs
    from fsspec import AbstractFileSystem

MANIFEST = "manifest.json"
CHUNK = 8 << 20


class Store:
    """Committed artifacts, and the tracking of running stages, below one root.

    Layout: ``artifacts/<fingerprint>/manifest.json`` beside one folder of files a commit; ``tracking/…``,
    ``checkpoints/…``. An artifact exists when its manifest does. The manifest is written last and in one
    step: by an exclusive rename on a local file system, by one PUT on an object store. Whoever commits a
    fingerprint first wins; equal fingerprints hold equal content.

    :param root: an fsspec URI, or a local path
    :param storage_options: credentials and options for fsspec; never written into an artifact

    >>> import tempfile
    >>> store = Store(tempfile.mkdtemp())
    >>> draft = store.draft(Kind.REPORT, "0" * 32, lineage={"stage": "example"})
    >>> draft.write("metrics.json", b"{}")
    >>> draft.commit().read("metrics.json")
    b'{}'
    """

    def __init__(self, root: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self.root = root.rstrip("/") if "://" in root else os.path.abspath(root)
        self.storage_options = dict(storage_options or {})

    def __repr__(self) -> str:
        return f"Store({self.root!r})"

    @cached_property
    def filesystem(self) -> AbstractFileSystem:
        import fsspec

        try:
            return fsspec.core.url_to_fs(self.root, **self.storage_options)[0]
        except ImportError as error:
            raise InvalidInputError(
                f"artifact store {self.root}",
                f"its file system is not installed ({error})",
                "pip install 'airflow-provider-stagecraft[s3]', [gcs] or [azure], here and where jobs run",
            ) from error

    @cached_property
    def arrow_filesystem(self) -> pyarrow.fs.FileSystem:
        import pyarrow.fs

        if self.is_local:
            return pyarrow.fs.LocalFileSystem()
        return pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(self.filesystem))

    @property
    def is_local(self) -> bool:
        return "://" not in self.root or self.root.startswith("file://")

    def strip(self, uri: str) -> str:
        """Return ``uri`` as the file system itself names it, without the protocol."""
        return str(self.filesystem._strip_protocol(uri))

    def artifact_uri(self, fingerprint: str) -> str:
        return f"{self.root}/artifacts/{fingerprint}"

    def uri(self, *parts: str) -> str:
        return "/".join([self.root, *parts])

    def read(self, uri: str) -> bytes:
        return bytes(self.filesystem.cat_file(self.strip(uri)))

    def write(self, uri: str, data: bytes) -> None:
        """Write a file in one step: a reader sees all of it or nothing.

        :raises UnwritableStoreError: the store refuses
        """
        path = self.strip(uri)
        try:
            self.filesystem.makedirs(os.path.dirname(path), exist_ok=True)
            if not self.is_local:
                self.filesystem.pipe_file(path, data)
                return
            scratch = f"{path}.{uuid.uuid4().hex}.tmp"
            with open(scratch, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(scratch, path)
        except OSError as error:
            raise UnwritableStoreError(
                f"artifact store {self.root}: cannot write {path} ({error}); what would do: a folder or "
                "bucket that this user may write, in the store's connection"
            ) from error

    def remove(self, uri: str) -> None:
        """Remove a file if there is one."""
        with suppress(FileNotFoundError):
            self.filesystem.rm_file(self.strip(uri))

    def size(self, uri: str) -> int | None:
        """Return a file's size in bytes, or None where there is no such file."""
        try:
            return int(self.filesystem.size(self.strip(uri)))
        except FileNotFoundError:
            return None

    def checksum(self, uri: str) -> tuple[int, str] | None:
        """Return a file's (bytes, SHA-256), or None where there is no such file."""
        digest, size = hashlib.sha256(), 0
        try:
            with self.filesystem.open(self.strip(uri), "rb") as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
        except FileNotFoundError:
            return None
        return size, digest.hexdigest()

    def exists(self, fingerprint: str) -> bool:
        return bool(self.filesystem.exists(self.strip(f"{self.artifact_uri(fingerprint)}/{MANIFEST}")))

    def open(self, reference: Reference | str) -> Artifact:
        """Return the committed artifact of a reference or a fingerprint.

        :raises CorruptArtifactError: there is no such artifact, or its manifest is unreadable
        """
        from stagecraft.artifacts.dataset import Dataset
        from stagecraft.artifacts.model import Model
        from stagecraft.artifacts.report import Report

        name = reference if isinstance(reference, str) else reference.fingerprint
        if not isinstance(reference, str) and reference.uri != self.artifact_uri(name):
            root = reference.uri.rpartition("/artifacts/")[0]
            return Store(root, self.storage_options).open(name)
        uri = f"{self.artifact_uri(name)}/{MANIFEST}"
        try:
            manifest = Manifest.model_validate_json(self.read(uri))
        except FileNotFoundError as error:
            raise CorruptArtifactError(f"{uri}: no such artifact is committed in {self.root}") from error
        except ValueError as error:
            raise CorruptArtifactError(f"{uri}: the manifest is unreadable ({error})") from error
        kinds: dict[Kind, type[Artifact]] = {Kind.DATASET: Dataset, Kind.MODEL: Model, Kind.REPORT: Report}
        return kinds[manifest.kind](self, manifest)

    def draft(self, kind: Kind, fingerprint: str, *, lineage: Mapping[str, Any]) -> Draft:
        """Begin an artifact; it exists once :meth:`Draft.commit` returns."""
        return Draft(self, kind, fingerprint, dict(lineage))

    def check_writable(self) -> None:
        """Write and remove a small file.

        :raises UnwritableStoreError: the store refuses
        """
        probe = self.uri(f".probe-{uuid.uuid4().hex}")
        self.write(probe, b"")
        self.filesystem.rm_file(self.strip(probe))


@dataclass
class Draft:
    """An artifact in the making, invisible to others until it is committed.

    :param meta: what the artifact will know of itself; fill it before :meth:`commit`
    """

    store: Store
    kind: Kind
    fingerprint: str
    lineage: dict[str, Any]
    meta: dict[str, Any] = field(default_factory=dict)
    folder: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    committed: bool = field(default=False, init=False)

    @property
    def uri(self) -> str:
        """The folder to write files into."""
        return f"{self.store.artifact_uri(self.fingerprint)}/{self.folder}"

    @property
    def reference(self) -> Reference:
        """What will refer to the artifact once it is committed."""
        return Reference(
            kind=self.kind, fingerprint=self.fingerprint, uri=self.store.artifact_uri(self.fingerprint)
        )

    def write(self, name: str, data: bytes) -> None:
        self.store.write(f"{self.uri}/{name}", data)

    def write_json(self, name: str, value: Any) -> None:
        self.write(name, json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode())

    def take(self, artifact: Artifact) -> None:
        """Copy the files of an artifact of this store, and what it knows of itself.

        :raises CorruptArtifactError: a file is missing or differs
        """
        artifact.verify()
        for name in artifact.manifest.files:
            target = self.store.strip(f"{self.uri}/{name}")
            self.store.filesystem.makedirs(os.path.dirname(target), exist_ok=True)
            self.store.filesystem.cp_file(self.store.strip(artifact.file_uri(name)), target)
        self.meta.update(artifact.meta)

    def commit(self, *, replace: bool = False) -> Artifact:
        """Checksum the files and write the manifest; return the committed artifact.

        Where another process has committed the same fingerprint meanwhile, its artifact is returned and
        this draft's files are removed; unless that artifact is corrupt, or ``replace`` is set.
        """
        files = {}
        root = self.store.strip(self.uri)
        for path in sorted(self.store.filesystem.find(root)):
            size, digest = self.store.checksum(path) or (0, "")
            files[path[len(root) + 1 :]] = FileEntry(bytes=size, sha256=digest)
        manifest = Manifest(
            kind=self.kind,
            fingerprint=self.fingerprint,
            folder=self.folder,
            files=files,
            lineage=self.lineage,
            meta=self.meta,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        data = manifest.model_dump_json(indent=1).encode()
        if replace or self._is_corrupt():
            self.store.write(self._manifest_uri, data)
            self.committed = True
        else:
            self.committed = self._publish(data)
            self.discard()
        return self.store.open(self.fingerprint)

    def discard(self) -> None:
        """Remove the draft's files, unless they are committed."""
        if self.committed:
            return
        path = self.store.strip(self.uri)
        if self.store.filesystem.exists(path):
            self.store.filesystem.rm(path, recursive=True)

    @property
    def _manifest_uri(self) -> str:
        return f"{self.store.artifact_uri(self.fingerprint)}/{MANIFEST}"

    def _is_corrupt(self) -> bool:
        """Whether an artifact of this fingerprint is committed, and spoilt."""
        if not self.store.exists(self.fingerprint):
            return False
        try:
            self.store.open(self.fingerprint).verify()
        except CorruptArtifactError:
            return True
        return False

    def _publish(self, manifest: bytes) -> bool:
        """Write the manifest unless there is one; return whether it was written."""
        if not self.store.is_local:
            if self.store.exists(self.fingerprint):
                return False
            self.store.write(self._manifest_uri, manifest)
            return True
        scratch = f"{self.uri}.manifest"
        self.store.write(scratch, manifest)
        try:
            os.link(self.store.strip(scratch), self.store.strip(self._manifest_uri))
        except FileExistsError:
            return False
        finally:
            self.store.filesystem.rm_file(self.store.strip(scratch))
        return True

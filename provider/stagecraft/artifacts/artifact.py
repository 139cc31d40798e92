"""What stages hand on: immutable, content-addressed folders with a manifest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from stagecraft.errors import CorruptArtifactError

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store


class Kind(StrEnum):
    """The kinds of artifact; wiring one where another belongs is refused when the DAG is parsed."""

    DATASET = "dataset"
    MODEL = "model"
    REPORT = "report"


class Reference(BaseModel):
    """The small JSON that XCom carries: which artifact, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    fingerprint: str
    uri: str


class FileEntry(BaseModel):
    """A file of an artifact: its size in bytes and its SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What makes an artifact exist: written last, in one step.

    :param folder: the folder of the files, relative to the manifest's
    :param lineage: the stage, its version, parameters and inputs' fingerprints
    :param meta: what the kind of artifact knows of itself: schema, rows, metrics …
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    fingerprint: str
    folder: str
    files: dict[str, FileEntry]
    lineage: dict[str, Any]
    meta: dict[str, Any]
    created: str


@dataclass(frozen=True)
class Artifact:
    """An artifact that is committed in ``store``."""

    kind: ClassVar[Kind]
    store: Store = field(repr=False, compare=False)
    manifest: Manifest

    @property
    def fingerprint(self) -> str:
        return self.manifest.fingerprint

    @property
    def meta(self) -> dict[str, Any]:
        return self.manifest.meta

    @cached_property
    def uri(self) -> str:
        """The folder that holds the manifest."""
        return self.store.artifact_uri(self.fingerprint)

    @property
    def reference(self) -> Reference:
        return Reference(kind=self.kind, fingerprint=self.fingerprint, uri=self.uri)

    @classmethod
    def load(cls, uri: str, *, storage_options: dict[str, Any] | None = None) -> Self:
        """Open the committed artifact in the folder ``uri``.

        :raises CorruptArtifactError: there is no manifest, or it is of another kind
        """
        from stagecraft.artifacts.store import Store

        root, _, name = uri.rstrip("/").rpartition("/")
        artifact = Store(root.removesuffix("/artifacts"), storage_options).open(name)
        if not isinstance(artifact, cls):
            raise CorruptArtifactError(f"{uri}: this is a {artifact.kind}, not a {cls.kind}")
        return artifact

    @property
    def folder_uri(self) -> str:
        """The folder that holds the files."""
        return f"{self.uri}/{self.manifest.folder}"

    def file_uri(self, name: str) -> str:
        return f"{self.folder_uri}/{name}"

    def read(self, name: str) -> bytes:
        """Return a file's bytes, checked against its checksum.

        :raises CorruptArtifactError: the file is missing, or its checksum differs
        """
        entry = self.manifest.files.get(name)
        if entry is None:
            raise CorruptArtifactError(
                f"{self.uri}: has no file {name!r}, only {sorted(self.manifest.files)}"
            )
        try:
            data = self.store.read(self.file_uri(name))
        except FileNotFoundError as error:
            raise CorruptArtifactError(f"{self.file_uri(name)}: the file is missing") from error
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise CorruptArtifactError(
                f"{self.file_uri(name)}: the checksum differs from the manifest's; what would do: the "
                f"stage {self.manifest.lineage.get('stage')!r} again, with cache=False"
            )
        return data

    def read_json(self, name: str) -> Any:
        return json.loads(self.read(name))

    def verify_sizes(self) -> None:
        """Check that files are there in their sizes, which takes no reading.

        :raises CorruptArtifactError: a file is missing or differs
        """
        for name, entry in self.manifest.files.items():
            if self.store.size(self.file_uri(name)) != entry.bytes:
                raise CorruptArtifactError(
                    f"{self.file_uri(name)}: missing, or its size differs from the manifest's; what would "
                    f"do: the stage {self.manifest.lineage.get('stage')!r} again, with cache=False"
                )

    def verify(self) -> None:
        """Check every file against its checksum.

        :raises CorruptArtifactError: a file is missing or differs
        """
        for name, entry in self.manifest.files.items():
            if self.store.checksum(self.file_uri(name)) != (entry.bytes, entry.sha256):
                raise CorruptArtifactError(
                    f"{self.file_uri(name)}: missing, or its checksum differs from the manifest's; what "
                    f"would do: the stage {self.manifest.lineage.get('stage')!r} again, with cache=False"
                )

"""What a service serves: one file, renamed into place; it is the truth that every worker follows."""

from __future__ import annotations

import fcntl
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from stagecraft.errors import CorruptArtifactError, InvalidInputError

MANIFEST_FILE = "manifest.json"
LOCK_FILE = "manifest.lock"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")

Signature = tuple[int, int, int]


class Version(BaseModel):
    """A version of a model: which artifact it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    fingerprint: str


class Versions(BaseModel):
    """The versions of a model, oldest first, and the one that answers where a request names none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: str
    versions: dict[str, Version]


class Manifest(BaseModel):
    """The models that are served. Each change makes the next generation.

    >>> first = Manifest().deployed("late", "1", Version(uri="/store/artifacts/ab", fingerprint="ab"))
    >>> first.generation, first.models["late"].default
    (1, '1')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    generation: int = 0
    models: dict[str, Versions] = {}

    def deployed(
        self, name: str, version: str, artifact: Version, *, default: bool = True, keep: int | None = None
    ) -> Manifest:
        """Return the manifest with a version added; this one where nothing changes.

        :param default: whether the version becomes the default; a model's first version always does
        :param keep: versions of the model to keep: the oldest ones beyond it that are neither the default,
            nor the one that was default until now, nor the new one, are dropped. None keeps all
        :raises InvalidInputError: the name or version is malformed
        :raises ConflictError: the version is another artifact
        """
        for what, text in (("name", name), ("version", version)):
            if not NAME.fullmatch(text):
                raise InvalidInputError(
                    f"deploy.{what}",
                    f"{text!r}",
                    "letters, digits, '.', '-', '_', at most 128, first a letter or digit",
                )
        model = self.models.get(name)
        if model is None:
            return self._with(name, Versions(default=version, versions={version: artifact}))
        if (found := model.versions.get(version)) and found.fingerprint != artifact.fingerprint:
            raise ConflictError(
                "deploy.version",
                f"version {version!r} of {name!r} is the artifact {found.fingerprint} already",
                "another version name; a version never changes",
            )
        chosen = version if default else model.default
        versions = {**model.versions, version: artifact}
        spared = {version, chosen, model.default}
        surplus = len(versions) - keep if keep else 0
        for old in [old for old in versions if old not in spared][: max(surplus, 0)]:
            del versions[old]
        return self._with(name, Versions(default=chosen, versions=versions))

    def with_default(self, name: str, version: str) -> Manifest:
        """Return the manifest with another default: a rollback, or a promotion.

        :raises UnknownModelError: the model or the version is unknown
        """
        model = self.find(name, version)[0]
        return self._with(name, model.model_copy(update={"default": version}))

    def without(self, name: str, version: str) -> Manifest:
        """Return the manifest with a version taken out.

        :raises UnknownModelError: the model or the version is unknown
        :raises ConflictError: it is the default
        """
        model = self.find(name, version)[0]
        if version == model.default:
            raise ConflictError(
                "delete.version", f"{version!r} is the default of {name!r}", "another default first"
            )
        kept = {other: artifact for other, artifact in model.versions.items() if other != version}
        return self._with(name, model.model_copy(update={"versions": kept}))

    def find(self, name: str, version: str | None = None) -> tuple[Versions, str]:
        """Return a model and the version that was asked for, or its default.

        :raises UnknownModelError: names what is known
        """
        model = self.models.get(name)
        if model is None:
            raise UnknownModelError("model", name, list(self.models))
        if version is not None and version not in model.versions:
            raise UnknownModelError(f"version of {name!r}", version, list(model.versions))
        return model, version or model.default

    def _with(self, name: str, model: Versions) -> Manifest:
        if self.models.get(name) == model:
            return self
        return Manifest(generation=self.generation + 1, models={**self.models, name: model})


class ConflictError(InvalidInputError):
    """A change that what is served stands against."""


class UnknownModelError(InvalidInputError):
    """A model or version that is not served."""

    def __init__(self, what: str, asked: str, known: list[str]) -> None:
        super().__init__(
            "predict", f"there is no {what} called {asked!r}", f"one of {known}" if known else "deploy one"
        )


class ManifestFile:
    """The manifest below a service's root folder.

    Readers read it without a lock, since a new one is renamed into place; writers take turns.

    :param root: the service's folder, on a file system that all its workers share
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.path = self.root / MANIFEST_FILE

    def signature(self) -> Signature | None:
        """What changes when the file does, cheap enough to ask ten times a second; None without a file."""
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
            return Manifest.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return Manifest()
        except ValidationError as error:
            raise CorruptArtifactError(f"{self.path}: the manifest is unreadable ({error})") from error

    def update(self, change: Callable[[Manifest], Manifest]) -> Manifest:
        """Change the manifest, alone among its writers; return what is true afterwards."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._locked():
            before = self.read()
            after = change(before)
            if after is not before:
                write_whole(self.path, after.model_dump_json(indent=1))
            return after

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self.root / LOCK_FILE, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: a reader sees the old one or the new one, also after a crash."""
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(scratch, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)

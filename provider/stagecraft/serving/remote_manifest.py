"""The manifest on an object store, which several instances of a service follow."""

from __future__ import annotations

from pathlib import Path

from stagecraft.artifacts.store import Store
from stagecraft.errors import UnreachableError
from stagecraft.serving.manifest_file import ManifestFile, Signature
from stagecraft.serving.settings import Settings

MARKS = (
    *(
        "ETag",
        "etag",
        "md5Hash",
        "md5",
        "content_md5",
        "generation",
        "mtime",
        "LastModified",
        "last_modified",
    ),
    *("updated", "created", "size", "ino"),
)
"""What file systems of fsspec call that which changes with a file."""


class RemoteManifest(ManifestFile):
    """A manifest at a URI; each write replaces it in one step, as object stores do.

    The lock is a file below ``root``: writers in one instance take turns, those in several do not. So deploy
    through one instance at a time.

    :param uri: the manifest's, of a file system that fsspec knows
    :param store: the store that holds it; its options are used
    :param poll_seconds: how often to ask whether it has changed
    """

    is_remote = True

    def __init__(self, uri: str, store: Store, root: str | Path, poll_seconds: float = 1.0) -> None:
        super().__init__(root)
        self.uri, self.store, self.poll_seconds = uri, store, poll_seconds

    def __str__(self) -> str:
        return self.uri

    def signature(self) -> Signature | None:
        """What changes when the file does: its ETag, or its time and size; None without a file.

        :raises UnreachableError: the store does not answer
        """
        try:
            self.store.filesystem.invalidate_cache()
            found = self.store.filesystem.info(self.store.strip(self.uri))
        except FileNotFoundError:
            return None
        except Exception as error:  # Each file system has errors of its own.
            raise self._unreachable(error) from error
        return tuple((mark, str(found[mark])) for mark in MARKS if mark in found)

    def _read(self) -> bytes:
        try:
            return self.store.read(self.uri)
        except FileNotFoundError:
            raise
        except Exception as error:
            raise self._unreachable(error) from error

    def _write(self, text: str) -> None:
        try:
            self.store.write(self.uri, text.encode())
        except Exception as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(f"the manifest {self.uri} is out of reach ({type(error).__name__}: {error})")


def manifest_of(settings: Settings) -> ManifestFile:
    """Return the manifest that a service follows."""
    store = shared_folder(settings)
    if settings.manifest is None or store is None:
        return ManifestFile(settings.root)
    return RemoteManifest(settings.manifest, store, settings.root)


def shared_folder(settings: Settings) -> Store | None:
    """Return the folder of a manifest that several instances follow; None where there is one instance."""
    if settings.manifest is None:
        return None
    return Store(settings.manifest.rpartition("/")[0], settings.store().storage_options)

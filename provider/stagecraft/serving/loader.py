"""Loads models for a worker: each artifact once, checked, and within the memory that the worker may take."""

from __future__ import annotations

import threading
from weakref import WeakValueDictionary

from stagecraft.artifacts.artifact import Artifact
from stagecraft.artifacts.model import Model
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError, StagecraftError
from stagecraft.serving.manifest import Version
from stagecraft.serving.predictor import Predictor


class TooLargeError(StagecraftError):
    """A model for which the worker has no memory."""


class Loader:
    """Loads from one store alone. Whoever holds a predictor of an artifact shares it; none is held here.

    :param store: the store
    :param max_memory: bytes that the process may take with the model loaded; None: no limit
    """

    def __init__(self, store: Store, max_memory: int | None = None) -> None:
        self.store, self.max_memory = store, max_memory
        self._loaded: WeakValueDictionary[str, Predictor] = WeakValueDictionary()
        self._sizes: dict[str, int] = {}
        self._turn = threading.Lock()

    def artifact(self, uri: str) -> Version:
        """Return the artifact that a URI names in the store.

        :raises InvalidInputError: the URI is outside it
        """
        fingerprint = uri.rstrip("/").rpartition("/")[2]
        own = self.store.artifact_uri(fingerprint)
        if not fingerprint.isalnum() or self.store.strip(uri) != self.store.strip(own):
            raise InvalidInputError(
                "deploy.uri",
                f"{uri!r} is outside of this service's store",
                f"a model in {self.store.artifact_uri('…')}",
            )
        return Version(uri=own, fingerprint=fingerprint)

    def load(self, artifact: Version) -> Predictor:
        """Load a model: its files checked against their checksums, its golden rows scored here.

        :raises StagecraftError: the model is refused
        """
        with self._turn:
            if found := self._loaded.get(artifact.fingerprint):
                return found
            model = self.store.open(artifact.fingerprint)
            if not isinstance(model, Model):
                raise InvalidInputError("deploy.uri", f"{artifact.uri} is a {model.kind}", "a model")
            before = resident()
            self._check(model, before, max(_bytes(model), self.size(artifact.fingerprint)))
            predictor = Predictor(model)
            predictor.check()
            after = resident()
            self._sizes[artifact.fingerprint] = max(_bytes(model), after - before)
            self._check(model, after, 0)
            self._loaded[artifact.fingerprint] = predictor
            return predictor

    def size(self, fingerprint: str) -> int:
        """Return the bytes by which the process grew as it loaded an artifact, its files' at least; or 0."""
        return self._sizes.get(fingerprint, 0)

    def _check(self, model: Model, held: int, more: int) -> None:
        if self.max_memory is not None and held + more > self.max_memory:
            raise TooLargeError(
                f"{model.uri}: the worker would take {held + more:,} bytes with it, more than the "
                f"{self.max_memory:,} that it may; what would do: versions deleted, or a larger max_memory"
            )


def resident() -> int:
    """Return the bytes of memory that this process takes."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def release() -> None:
    """Give memory that was freed back to the system: allocators keep it otherwise."""
    import ctypes

    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # Of the GNU C library alone.
        trim(0)


def _bytes(model: Artifact) -> int:
    return sum(entry.bytes for entry in model.manifest.files.values())

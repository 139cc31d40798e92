"""Checkpoints: the shards' state and the ledger, committed together."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from stagecraft.errors import CorruptArtifactError
from stagecraft.parameter_server.ledger import Ledger

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.artifacts.store import Store

MANIFEST = "checkpoint.json"


class Part(BaseModel):
    """One shard's file of a checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str


class Checkpoint(BaseModel):
    """The manifest of a checkpoint: what is named here belongs together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger: Ledger
    parts: list[Part]


class Checkpoints:
    """The checkpoint of one run, below ``checkpoints/<fingerprint>/`` of the store.

    Parts are written first, each under a name of its own; replacing the manifest, in one step, commits them
    and the ledger. A crash at any moment leaves the checkpoint before or the one after.
    """

    def __init__(self, store: Store, fingerprint: str) -> None:
        self._store = store
        self._folder = store.uri("checkpoints", fingerprint)

    def write_part(self, shard: int, step: int, state: np.ndarray) -> Part:
        """Write a shard's state: the keys that are not zero.

        :param state: float32, keys × (z, n)
        """
        import numpy as np

        keys = np.flatnonzero(state.any(axis=1)).astype(np.int32)
        sink = io.BytesIO()
        np.savez(sink, keys=keys, state=state[keys])
        data = sink.getvalue()
        part = Part(name=f"{step:012d}-{shard}.npz", sha256=hashlib.sha256(data).hexdigest())
        self._store.write(f"{self._folder}/{part.name}", data)
        return part

    def read_part(self, part: Part, state: np.ndarray) -> None:
        """Fill ``state``, which holds zeros, from a part.

        :raises CorruptArtifactError: the part is missing, or its checksum differs
        """
        import numpy as np

        try:
            data = self._store.read(f"{self._folder}/{part.name}")
        except FileNotFoundError as error:
            raise self._corrupt(f"{part.name} is missing") from error
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise self._corrupt(f"the checksum of {part.name} differs")
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            state[stored["keys"]] = stored["state"]

    def commit(self, checkpoint: Checkpoint) -> None:
        """Make ``checkpoint`` the latest, and remove the parts of earlier ones."""
        self._store.write(f"{self._folder}/{MANIFEST}", checkpoint.model_dump_json().encode())
        kept = {MANIFEST, *(part.name for part in checkpoint.parts)}
        files = self._store.filesystem
        for path in files.find(self._store.strip(self._folder)):
            if path.rpartition("/")[2] not in kept:
                files.rm_file(path)

    def latest(self) -> Checkpoint | None:
        """Return the committed checkpoint, or None where there is none.

        :raises CorruptArtifactError: its manifest is unreadable
        """
        try:
            return Checkpoint.model_validate_json(self._store.read(f"{self._folder}/{MANIFEST}"))
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise self._corrupt(f"{MANIFEST} is unreadable ({error})") from error

    def remove(self) -> None:
        """Remove the checkpoint: the run is done."""
        files, path = self._store.filesystem, self._store.strip(self._folder)
        if files.exists(f"{path}/{MANIFEST}"):
            files.rm_file(f"{path}/{MANIFEST}")  # first, so that it never names parts that are gone
        if files.exists(path):
            files.rm(path, recursive=True)

    def _corrupt(self, found: str) -> CorruptArtifactError:
        return CorruptArtifactError(
            f"checkpoint {self._folder}: {found}; delete the folder, and the training starts anew"
        )

"""Checkpoints: the shards' state and the ledger, committed together."""

from __future__ import annotations

import hashlib
import logging
import os
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from stagecraft.errors import CorruptArtifactError
from stagecraft.parameter_server.ledger import Ledger

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.artifacts.store import Store

log = logging.getLogger(__name__)

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
    and the ledger. A crash at any moment leaves the checkpoint before or the one after. Where two runs do the
    same work at a time, each removes its own parts and those that it went on from, never what the other one
    is writing.
    """

    def __init__(self, store: Store, fingerprint: str) -> None:
        self._store = store
        self._folder = store.uri("checkpoints", fingerprint)
        self._writer = uuid.uuid4().hex[:12]
        self._taken: set[str] = set()

    def write_part(self, shard: int, step: int, numbers: np.ndarray, state: np.ndarray) -> Part:
        """Write the state of a share's keys, as Parquet.

        :param numbers: int64, ascending, the keys' numbers within the share
        :param state: float32[numbers, width, 2]
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        kind = pa.binary(state[0].nbytes if len(state) else 8)
        pairs = pa.FixedSizeBinaryArray.from_buffers(kind, len(numbers), [None, pa.py_buffer(state)])
        sink = pa.BufferOutputStream()
        pq.write_table(
            pa.table({"number": numbers, "state": pairs}),
            sink,
            compression="zstd",
            compression_level=1,
            use_dictionary=False,
            write_statistics=False,
            column_encoding={"number": "DELTA_BINARY_PACKED", "state": "BYTE_STREAM_SPLIT"},
        )
        data = sink.getvalue().to_pybytes()
        name = f"{self._writer}-{step:012d}-{shard}.parquet"
        self._store.write(f"{self._folder}/{name}", data)
        return Part(name=name, sha256=hashlib.sha256(data).hexdigest())

    def read_part(self, part: Part, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of a part, int64, and their states, float32[numbers, width, 2].

        :raises CorruptArtifactError: the part is missing, or its checksum differs
        """
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            data = self._store.read(f"{self._folder}/{part.name}")
        except FileNotFoundError as error:
            raise self._corrupt(f"{part.name} is missing") from error
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise self._corrupt(f"the checksum of {part.name} differs")
        table = pq.read_table(pa.BufferReader(data)).combine_chunks()
        numbers: np.ndarray = table["number"].to_numpy()
        if not len(numbers):
            return numbers, np.empty((0, width, 2), np.float32)
        pairs = table["state"].chunk(0)
        state = np.frombuffer(pairs.buffers()[1], np.float32)[pairs.offset * width * 2 :]
        return numbers, state[: len(numbers) * width * 2].reshape(-1, width, 2)

    def commit(self, checkpoint: Checkpoint) -> None:
        """Make ``checkpoint`` the latest, and remove the parts of those before it."""
        self._store.write(f"{self._folder}/{MANIFEST}", checkpoint.model_dump_json().encode())
        self._sweep(kept={part.name for part in checkpoint.parts})

    def latest(self) -> Checkpoint | None:
        """Return the committed checkpoint; None where there is none, or a damaged one, which is warned of."""
        try:
            checkpoint = self._read()
            if checkpoint is None:
                return None
            self._taken = {part.name for part in checkpoint.parts}
            for part in checkpoint.parts:
                found = self._store.checksum(f"{self._folder}/{part.name}")
                if found is None or found[1] != part.sha256:
                    raise self._corrupt(f"{part.name} is missing, or its checksum differs")
        except CorruptArtifactError as error:
            log.warning("%s; the training starts anew", error)
            return None
        return checkpoint

    def remove(self) -> None:
        """Remove the checkpoint: the run is done."""
        try:
            checkpoint = self._read()
        except CorruptArtifactError:
            checkpoint = None
        parts = {part.name for part in checkpoint.parts} if checkpoint else set()
        if all(name in self._taken or name.startswith(self._writer) for name in parts):
            self._store.remove(f"{self._folder}/{MANIFEST}")  # first: it never names parts that are gone
        self._sweep(kept=set())
        if self._store.is_local:
            with suppress(OSError):  # Another run of the same work is under way, or nothing was ever written.
                os.rmdir(self._store.strip(self._folder))

    def _sweep(self, kept: set[str]) -> None:
        """Remove the parts of this writer and of the checkpoint that it went on from."""
        paths = self._store.filesystem.find(self._store.strip(self._folder))
        names = (path.rpartition("/")[2] for path in paths)
        own = {name for name in names if name.startswith(self._writer)}
        for name in (own | self._taken) - kept:
            self._store.remove(f"{self._folder}/{name}")
        self._taken = set()

    def _read(self) -> Checkpoint | None:
        """Return what the manifest says.

        :raises CorruptArtifactError: it is unreadable
        """
        try:
            return Checkpoint.model_validate_json(self._store.read(f"{self._folder}/{MANIFEST}"))
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise self._corrupt(f"{MANIFEST} is unreadable ({error})") from error

    def _corrupt(self, found: str) -> CorruptArtifactError:
        return CorruptArtifactError(f"checkpoint {self._folder}: {found}")

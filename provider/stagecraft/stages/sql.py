"""The SQL component: named inputs, one query, a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from stagecraft.artifacts.store import Draft


class SQL(Stage):
    """One SELECT in DuckDB's dialect over datasets and files, the same on every engine.

    :param query: the query; its tables are the names of the inputs and of ``files``
    :param files: table name → URI of Parquet or CSV files that no stage made
    """

    name = "sql"
    inputs = {"*": Kind.DATASET}
    outputs = {"dataset": Kind.DATASET}

    query: str = Field(min_length=1)
    files: dict[str, str] = Field(default_factory=dict)

    def fingerprint(self, inputs: Mapping[str, str]) -> str:
        """As ever, but with the content of the files in place of where they lie."""
        contents = {table: _content(table, uri) for table, uri in self.files.items()}
        return super().fingerprint({**inputs, **contents})

    def parameters(self) -> dict[str, Any]:
        return {"query": self.query}

    def source_bytes(self) -> int:
        return sum(
            filesystem.size(path)
            for table, uri in self.files.items()
            for filesystem, path in _files(table, uri)
        )

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.engines.dialect import Query

        engine = bench.engine
        tables = {name: engine.scan(dataset) for name, dataset in inputs.items()}
        tables |= {name: engine.read_files(uri) for name, uri in self.files.items()}
        draft = drafts["dataset"]
        engine.write(engine.sql(Query(self.query), **tables), draft)
        if draft.meta["rows"] == 0:
            raise InvalidInputError("sql.query", "the query gives no rows", "check its joins and filters")
        fingerprints = {name: dataset.fingerprint for name, dataset in inputs.items()}
        if self.addresses(fingerprints)["dataset"] != draft.fingerprint:
            raise InvalidInputError("sql.files", "a file changed while it was read", "run again")
        bench.tracker.log(0, rows=draft.meta["rows"])


def _content(table: str, uri: str) -> str:
    """Return what changes when a file does: a digest of its bytes where it is local, else the store's own."""
    import hashlib

    digest = hashlib.sha256()
    for filesystem, path in _files(table, uri):
        if "file" in filesystem.protocol:
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        else:
            digest.update(str(filesystem.checksum(path)).encode())
    return digest.hexdigest()


def _files(table: str, uri: str) -> list[tuple[AbstractFileSystem, str]]:
    """Return the files that a source names, each with its file system.

    :raises InvalidInputError: there is none
    """
    import fsspec

    filesystem, path = fsspec.core.url_to_fs(uri)
    found = sorted(filesystem.glob(path)) if "*" in path else [path]
    if not found or not all(filesystem.exists(name) for name in found):
        raise InvalidInputError(
            f"sql.files.{table}", f"there is no file {uri!r}", "a file that this machine can read"
        )
    return [(filesystem, name) for name in found]

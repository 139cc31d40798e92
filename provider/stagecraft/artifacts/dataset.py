"""Datasets: rows as Parquet files."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stagecraft.artifacts.artifact import Artifact, Kind, Reference
from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa


PART = re.compile(r"part-\d+\.parquet")
"""The names of the files that hold rows."""


class Dataset(Artifact):
    """Rows in Parquet files, with their schema, row count, and the transforms that made their columns.

    ``meta`` holds ``columns`` (name → Arrow type as text), ``rows``, and, where the rows are encoded,
    ``model``: the reference of the Model whose transforms turn raw rows into these; ``sparse`` where their
    features are lists.
    """

    kind = Kind.DATASET

    @property
    def rows(self) -> int:
        return int(self.meta["rows"])

    @property
    def columns(self) -> dict[str, str]:
        """Name → Arrow type, in the order of the columns."""
        return dict(self.meta["columns"])

    @property
    def model(self) -> Reference | None:
        """The Model whose transforms made these columns from raw ones, or None for raw rows."""
        found = self.meta.get("model")
        return Reference.model_validate(found) if found else None

    @property
    def is_sparse(self) -> bool:
        """Whether the encoded columns are lists of features' numbers and values."""
        return bool(self.meta.get("sparse"))

    @property
    def encoding(self) -> dict[str, Any]:
        """What a part of the rows must know of how they are encoded: for the ``meta`` of its draft."""
        return {name: self.meta[name] for name in ("model", "sparse") if name in self.meta}

    @cached_property
    def files(self) -> list[str]:
        """URIs of the Parquet files, in their order."""
        return [self.file_uri(name) for name in sorted(self.manifest.files) if PART.fullmatch(name)]

    def require(self, where: str, *columns: str) -> None:
        """Refuse columns that the dataset lacks.

        :param where: the stage and field that ask, for the message
        :raises InvalidInputError: a column is unknown
        """
        for column in columns:
            if column not in self.columns:
                raise InvalidInputError(
                    where,
                    f"the dataset has no column {column!r}",
                    f"one of {', '.join(map(repr, self.columns))}",
                )

    def table(self, columns: list[str] | None = None) -> pa.Table:
        """Read the rows into memory.

        :param columns: the columns wanted; all where None
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        tables = [
            pq.read_table(self.store.strip(uri), columns=columns, filesystem=self.store.arrow_filesystem)
            for uri in self.files
        ]
        return pa.concat_tables(tables)

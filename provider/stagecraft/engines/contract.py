"""What a stage may ask of an engine. Stages are written once, against this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.dialect import Query

WHERE = "sql.query"
"""What an error of a query names."""

Relation = Any
"""Rows that an engine holds or can compute; opaque to stages."""


class BatchMap(Protocol):
    """A row-wise map over Arrow batches: a transform, or a chain of them.

    One that has a true attribute ``takes_dictionaries`` is given texts as Arrow's dictionaries where they are
    stored so.
    """

    def output_schema(self, schema: pa.Schema) -> pa.Schema: ...

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch: ...


class Engine(ABC):
    """Runs the relational part of stages: the same rows and the same numbers, whichever engine.

    SQL is written in DuckDB's dialect and translated. ``hash_long(hash, number)`` and
    ``hash_text(hash, text)`` are there as well: XXH64 in chains that start with 42 (BIGINT). Use as a context
    manager.
    """

    name: ClassVar[str]

    @abstractmethod
    def scan(self, dataset: Dataset) -> Relation:
        """The rows of a dataset, its files checked against their checksums."""

    @abstractmethod
    def read_files(self, uri: str) -> Relation:
        """The rows of Parquet or CSV files (a header, types inferred by Arrow) that no stage made.

        :param uri: a file, or a pattern with ``*``
        """

    @abstractmethod
    def sql(self, query: str | Query, /, **relations: Relation) -> Relation:
        """A query, one SELECT in DuckDB's dialect, over the relations named.

        :param query: a stage's own text; what a user wrote comes as a :class:`Query`, parsed and checked
        :raises InvalidInputError: the query does not parse, names another table, or uses a construct that
            the engine does not have
        """

    @abstractmethod
    def select(self, relation: Relation, columns: Sequence[str]) -> Relation:
        """Some columns of rows, so that a map reads no others."""

    @abstractmethod
    def table(self, rows: pa.Table) -> Relation:
        """Rows of this process as a relation; they are few."""

    @abstractmethod
    def materialize(self, relation: Relation) -> Relation:
        """Compute the rows once and hold them for the session: for what several queries read."""

    @abstractmethod
    def sample(self, relation: Relation, share: float) -> Relation:
        """About this share of the rows, others each time: to decide where to look, never what is found."""

    @abstractmethod
    def release(self, relation: Relation) -> None:
        """Give up rows that :meth:`materialize` holds; what is to be computed of them can no longer be."""

    @abstractmethod
    def map_batches(self, relation: Relation, function: BatchMap) -> Relation:
        """The rows that ``function`` makes of each batch."""

    @abstractmethod
    def schema(self, relation: Relation) -> pa.Schema:
        """The columns of a relation."""

    @abstractmethod
    def collect(self, relation: Relation) -> pa.Table:
        """The rows in memory: for aggregates, and for what is known to be small."""

    @abstractmethod
    def write(self, relation: Relation, draft: Draft) -> None:
        """Write the rows as Parquet (zstd) into ``draft``; set its ``columns`` and ``rows``."""

    @abstractmethod
    def tidy(self) -> None:
        """Give up all that queries hold, between two stages; relations made before can no longer be read."""

    @abstractmethod
    def close(self) -> None:
        """End the engine's session."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

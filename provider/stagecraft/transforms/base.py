"""What a transform is: a fitted, row-wise map over Arrow batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.transforms.layout import Feature


class Transform(BaseModel):
    """A fitted, row-wise map: the same object encodes a billion rows and one request.

    A row's result depends on that row alone, so any batching gives the same bits. What is small is a field
    and travels as JSON; what is large travels as a file (:meth:`files`, :meth:`restore`). No pickle.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    version: ClassVar[int] = 1
    takes_dictionaries: ClassVar[bool] = False
    """Whether texts may come as Arrow's dictionaries."""
    scores: ClassVar[bool] = False
    """Whether it predicts: it adds a column of scores, and ends a chain."""

    def input_columns(self) -> list[str]:
        """The columns that the transform reads."""
        raise NotImplementedError

    def output_columns(self) -> list[str]:
        """The columns that the transform adds or replaces."""
        return [feature.column for feature in self.features()]

    def features(self) -> list[Feature]:
        """Those of the output columns that a model learns from."""
        return []

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """The schema of :meth:`apply`'s result for rows of ``schema``."""
        raise NotImplementedError

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Map the rows. Columns that the transform does not concern pass through."""
        raise NotImplementedError

    def files(self) -> dict[str, bytes]:
        """File name → content of what is too large for JSON."""
        return {}

    @classmethod
    def restore(cls, fields: dict[str, object], read: Callable[[str], bytes]) -> Self:
        """Build the transform from its JSON fields and its files.

        :param read: returns the content of one of :meth:`files`
        """
        return cls.model_validate(fields)

"""How encoded columns become one sparse vector a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

LARGEST = 2**31 - 1
"""The most features that there can be: their numbers are int32."""


class CSR(NamedTuple):
    """Sparse rows. Row ``i`` holds ``indices[indptr[i]:indptr[i + 1]]``, ascending, and their values.

    :param indptr: int64, rows + 1
    :param indices: int32, feature numbers below the layout's dimension
    :param values: float32, as many as indices
    """

    indptr: np.ndarray
    indices: np.ndarray
    values: np.ndarray


class Feature(NamedTuple):
    """A column of encoded rows, and the features that it holds.

    :param kind: ``numeric`` (one feature with the column's value), ``slot`` (one of ``size`` features is 1)
        or ``leaves`` (a list column; each entry is one of ``size`` features)
    :param width: features that a row has of this column: 1, or the length of the list
    """

    column: str
    kind: Literal["numeric", "slot", "leaves"] = "numeric"
    size: int = 1
    width: int = 1


class Block(BaseModel):
    """The features of one column, as :class:`Feature` says: numbers ``offset`` … ``offset + size - 1``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    kind: Literal["numeric", "slot", "leaves"]
    offset: int
    size: int
    width: int = 1


class Layout(BaseModel):
    """The feature space: feature 0 is the bias, then a block a column.

    >>> Layout.of([Feature("wind"), Feature("origin", "slot", 5)]).dimension
    7
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    blocks: list[Block]

    @classmethod
    def of(cls, features: Iterable[Feature]) -> Layout:
        """Lay columns out one after another.

        :raises InvalidInputError: there are more features than int32 can number
        """
        blocks, offset = [], 1
        for feature in features:
            blocks.append(Block(offset=offset, **feature._asdict()))
            offset += feature.size
        if offset > LARGEST:
            largest = max(blocks, key=lambda block: block.size)
            raise InvalidInputError(
                f"encode.columns.{largest.column}",
                f"{largest.size} of {offset} features are its, and int32 numbers {LARGEST}",
                "fewer bits",
            )
        return cls(blocks=blocks)

    @property
    def dimension(self) -> int:
        """The number of features, the bias among them."""
        return 1 + sum(block.size for block in self.blocks)

    @property
    def width(self) -> int:
        """Features a row, the bias among them."""
        return 1 + sum(block.width for block in self.blocks)

    @property
    def columns(self) -> list[str]:
        return [block.column for block in self.blocks]

    def csr(self, batch: pa.RecordBatch | pa.Table) -> CSR:
        """Return the rows of ``batch`` (encoded columns) as sparse rows; a missing number becomes 0."""
        import numpy as np

        rows = batch.num_rows
        indices = np.empty((rows, self.width), dtype=np.int32)
        values = np.ones((rows, self.width), dtype=np.float32)
        indices[:, 0] = 0
        at = 1
        for block in self.blocks:
            column = batch.column(block.column)
            if block.kind == "numeric":
                indices[:, at] = block.offset
                values[:, at] = np.nan_to_num(column.to_numpy(zero_copy_only=False), nan=0)
            elif block.kind == "slot":
                slots = np.asarray(column.to_numpy(zero_copy_only=False))
                np.add(slots, block.offset, out=indices[:, at], dtype=np.int32)
            else:
                leaves = _list_matrix(column, block.width)
                np.add(leaves, block.offset, out=indices[:, at : at + block.width], dtype=np.int32)
            at += block.width
        indptr = np.arange(0, (rows + 1) * self.width, self.width, dtype=np.int64)
        return CSR(indptr, indices.reshape(-1), values.reshape(-1))


def _list_matrix(column: pa.Array | pa.ChunkedArray, width: int) -> np.ndarray:
    """Return a list column whose lists all hold ``width`` integers as a matrix."""
    import numpy as np
    import pyarrow as pa

    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    parts = [chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, width) for chunk in chunks]
    return np.concatenate(parts) if parts else np.empty((0, width), dtype=np.int32)

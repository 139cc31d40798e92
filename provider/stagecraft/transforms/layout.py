"""How encoded columns become one sparse vector a row."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

LARGEST = 2**63 - 1
"""The most features that there can be: their numbers are int64."""
LARGEST_INT32 = 2**31 - 1
"""The most features whose numbers are int32, and of which an array of all can be held."""

TILE = 2048
"""Rows that are laid out at a time: their features stay in the processor's cache from column to column."""


class CSR(NamedTuple):
    """Sparse rows. Row ``i`` holds ``indices[indptr[i]:indptr[i + 1]]``, ascending, and their values.

    :param indptr: int64, rows + 1
    :param indices: feature numbers below the layout's dimension, int32, or int64 where it is larger
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

        :raises InvalidInputError: there are more features than int64 can number
        """
        blocks, offset = [], 1
        for feature in features:
            blocks.append(Block(offset=offset, **feature._asdict()))
            offset += feature.size
        if offset > LARGEST:
            largest = max(blocks, key=lambda block: block.size)
            raise InvalidInputError(
                f"encode.columns.{largest.column}",
                f"{largest.size} of {offset} features are its, and int64 numbers {LARGEST}",
                "fewer bits",
            )
        return cls(blocks=blocks)

    @property
    def dimension(self) -> int:
        """The number of features, the bias among them."""
        return 1 + sum(block.size for block in self.blocks)

    @property
    def index_type(self) -> Literal["int32", "int64"]:
        """The type of the features' numbers."""
        return "int32" if self.dimension <= LARGEST_INT32 else "int64"

    def check_held(self, where: str, remedy: str) -> None:
        """Refuse so many features that an array of all of them cannot be held.

        :param remedy: what would do
        :raises InvalidInputError: names their number
        """
        if self.dimension > LARGEST_INT32:
            found = f"{self.dimension} features, and an array of all of them is needed"
            raise InvalidInputError(where, found, remedy)

    @property
    def width(self) -> int:
        """Features a row, the bias among them."""
        return 1 + sum(block.width for block in self.blocks)

    @property
    def columns(self) -> list[str]:
        return [block.column for block in self.blocks]

    @property
    def is_binary(self) -> bool:
        """Whether every value of a feature is 1: no column holds numbers. Then all rows have as many."""
        return all(block.kind != "numeric" for block in self.blocks)

    def csr(self, batch: pa.RecordBatch | pa.Table) -> CSR:
        """Return the rows of ``batch`` (encoded columns) as sparse rows; a missing number becomes 0."""
        import numpy as np

        rows, width = batch.num_rows, self.width
        columns = [_numbers(batch.column(block.column), block) for block in self.blocks]
        indices = np.empty((rows, width), dtype=self.index_type)
        values = ones(rows * width) if self.is_binary else np.ones(rows * width, dtype=np.float32)
        matrix = values.reshape(rows, width)
        indices[:, 0] = 0
        for start in range(0, rows, TILE):
            tile = slice(start, start + TILE)
            at = 1
            for block, numbers in zip(self.blocks, columns, strict=True):
                end = at + block.width
                if block.kind == "numeric":
                    indices[tile, at] = block.offset
                    matrix[tile, at:end] = numbers[tile]
                else:
                    np.add(numbers[tile], block.offset, out=indices[tile, at:end], dtype=indices.dtype)
                at = end
        indptr = np.arange(0, (rows + 1) * width, width, dtype=np.int64)
        return CSR(indptr, indices.reshape(-1), values)


def ones(count: int) -> np.ndarray:
    """Return ``count`` float32 ones, which callers share and cannot change.

    >>> ones(3)
    array([1., 1., 1.], dtype=float32)
    """
    return _ones(1 << max(count - 1, 1).bit_length())[:count]


@cache
def _ones(count: int) -> np.ndarray:
    import numpy as np

    made = np.ones(count, dtype=np.float32)
    made.flags.writeable = False
    return made


def _numbers(column: pa.Array | pa.ChunkedArray, block: Block) -> np.ndarray:
    """Return a column of a block as rows × width numbers."""
    import numpy as np
    import pyarrow as pa

    from stagecraft.transforms.arrays import to_numpy

    if block.kind != "leaves":
        numbers = to_numpy(column)
        return (np.nan_to_num(numbers, nan=0) if block.kind == "numeric" else numbers).reshape(-1, 1)
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return to_numpy(column.flatten()).reshape(-1, block.width)

"""What a search for exact quantiles takes from each batch of rows: columns of DOUBLE, NaN is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

FEW = 4
"""Values are compared with so few brackets; for more, they are sorted."""


@dataclass(frozen=True)
class SortedSample:
    """Every so-manieth value of each column in ascending order, missing ones last.

    :param stride: one of so many
    """

    stride: int

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        return schema

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        first = np.random.default_rng().integers(0, self.stride)
        columns = [pa.array(np.sort(doubles(column))[first :: self.stride]) for column in batch.columns]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


@dataclass(frozen=True)
class Brackets:
    """The values within brackets, as rows ``(bracket, value, count)``; equal ones are one row.

    A row whose value is NaN says how many values are smaller than the bracket's. After all brackets, in the
    columns' order, comes one more for each column, which says how many values it has.

    :param brackets: column → its brackets (both ends belong to them), ascending, none overlapping
    """

    brackets: dict[str, list[tuple[float, float]]]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        return pa.schema([("bracket", pa.int32()), ("value", pa.float64()), ("count", pa.int64())])

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        below: list[int] = []
        within: list[np.ndarray] = []
        counts: list[np.ndarray] = []
        sizes: list[int] = []
        for name, brackets in self.brackets.items():
            values = doubles(batch.column(name))
            sizes.append(int(np.count_nonzero(values == values)))
            for smaller, inside in _cut(values, brackets):
                found, count = np.unique(inside, return_counts=True)
                below.append(smaller)
                within.append(found)
                counts.append(count)
        lengths = [len(each) for each in within]
        numbers = np.repeat(np.arange(len(lengths)), lengths)
        heads = np.arange(len(below) + len(sizes))
        columns = [
            np.concatenate([heads, numbers]).astype(np.int32),
            np.concatenate([np.full(len(heads), np.nan), *within]),
            np.concatenate([np.array(below + sizes, dtype=np.int64), *counts]),
        ]
        return pa.RecordBatch.from_arrays(
            [pa.array(column) for column in columns], schema=self.output_schema(batch.schema)
        )


def _cut(values: np.ndarray, brackets: list[tuple[float, float]]) -> list[tuple[int, np.ndarray]]:
    """For each bracket, the number of smaller values, and the values within."""
    import numpy as np

    if len(brackets) <= FEW:
        return [
            (int(np.count_nonzero(values < low)), values[(values >= low) & (values <= high)])
            for low, high in brackets
        ]
    ordered = np.sort(values)
    ends = np.array(brackets)
    starts = np.searchsorted(ordered, ends[:, 0], side="left").tolist()
    stops = np.searchsorted(ordered, ends[:, 1], side="right").tolist()
    return [(start, ordered[start:stop]) for start, stop in zip(starts, stops, strict=True)]


def doubles(column: pa.Array) -> np.ndarray:
    """A column of DOUBLE, NaN where a value is missing."""
    import numpy as np

    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)

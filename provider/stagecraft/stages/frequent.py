"""What a batch of counted values tells of them: the frequent ones, and sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Rank = Literal["a", "b", "n"]
MISSING, UNSEEN, SEEN = range(3)
"""Parts that are sums: of rows without a value, of values in ``a`` alone, of all other ones."""
TOP = (3, 4)
"""Parts whose rows are values: the frequent ones, the frequent ones of those in ``a`` alone."""


@dataclass(frozen=True)
class Frequent:
    """Map rows ``(place, value, n, a)`` to ``(place, part, value, a, b, weight)``; no value comes twice.

    Of a part that is a sum there is one row a column; ``weight`` is its number of values. Of the others
    there are the first values by ``weight``, ties by bytes: those of all batches have the first of all.

    :param places: how many columns there are; ``place`` is a column's number
    :param rank: what the frequent values' weight is
    :param least: the least weight of a frequent value
    :param keep: how many frequent values
    :param unseen: how many of those in ``a`` alone; they weigh ``a``
    """

    places: int
    rank: Rank
    least: int
    keep: int
    unseen: int

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        kinds = {"place": pa.int32(), "part": pa.int32(), "value": schema.field("value").type}
        return pa.schema({**kinds, "a": pa.int64(), "b": pa.int64(), "weight": pa.int64()})

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        place, n, a = (batch.column(name).to_numpy() for name in ("place", "n", "a"))
        counts = {"n": n, "a": a, "b": n - a}
        value = batch.column("value")
        missing = value.is_null().to_numpy(zero_copy_only=False)
        part = np.where(counts["b"] == 0, UNSEEN, SEEN)
        part[missing] = MISSING
        group = place * 3 + part
        size = self.places * 3
        sums = [_summed(group, counts[key], size) for key in ("a", "b")]
        made = [
            [np.arange(size) // 3, np.arange(size) % 3, *sums, np.bincount(group, minlength=size)],
        ]
        values = [pa.nulls(size, value.type)]
        ranks = (
            (TOP[0], counts[self.rank], (part != MISSING) & (counts[self.rank] >= self.least), self.keep),
            (TOP[1], counts["a"], part == UNSEEN, self.unseen),
        )
        present = np.flatnonzero(np.bincount(place))
        for number, weight, chosen, keep in ranks:
            for column in present if keep else ():
                rows = first(np.flatnonzero(chosen & (place == column)), weight, value, keep)
                numbers = np.full(len(rows), column), np.full(len(rows), number)
                made.append([*numbers, counts["a"][rows], counts["b"][rows], weight[rows]])
                values.append(value.take(pa.array(rows)))
        where, which, of_a, of_b, weights = (np.concatenate(each) for each in zip(*made, strict=True))
        columns = [where.astype(np.int32), which.astype(np.int32), pa.concat_arrays(values)]
        return pa.RecordBatch.from_arrays(
            [*map(pa.array, columns), pa.array(of_a), pa.array(of_b), pa.array(weights)],
            schema=self.output_schema(batch.schema),
        )


def _summed(group: np.ndarray, counts: np.ndarray, size: int) -> np.ndarray:
    """Sums of counts a group. As floats they are exact below 2^53 rows."""
    import numpy as np

    return np.bincount(group, counts, minlength=size).astype(np.int64)


def first(rows: np.ndarray, weight: np.ndarray, value: pa.Array, keep: int) -> np.ndarray:
    """Return those of ``rows`` that come first by weight descending and value ascending, in any order."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(rows) <= keep:
        return rows
    weights = weight[rows]
    bound = np.partition(weights, len(rows) - keep)[len(rows) - keep]
    sure, tied = rows[weights > bound], rows[weights == bound]
    if len(sure) + len(tied) > keep:
        order = [("value", "ascending")]
        tied = tied[pc.select_k_unstable(value.take(pa.array(tied)), keep - len(sure), order).to_numpy()]
    return np.concatenate([sure, tied])

"""How often the rows hold each category, and the sums of the label over them: one query for all columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stagecraft.errors import InvalidInputError
from stagecraft.stages.cross import Column, text_of

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.engines.contract import Engine, Relation

MOST_FREQUENT = "most_frequent"


class Counted(NamedTuple):
    """What to count.

    :param fold: SQL of a row's fold, 0 … ``folds`` - 1, where folds are counted apart
    :param total: SQL of a BIGINT to sum, where there is one: ``scale`` times what is meant
    """

    column: Column
    fold: str = "CAST(0 AS INTEGER)"
    folds: int = 1
    total: str = "CAST(0 AS BIGINT)"
    scale: float = 1.0


@dataclass(frozen=True)
class Counts:
    """The categories of a column or a cross, by count descending, then bytes ascending.

    :param values: strings, without a missing one
    :param by_fold: int64, folds × (values + 1): rows; the last column is of the missing value
    :param totals: int64, of the same shape: sums
    :param scale: what the sums were multiplied by, to be whole
    :param fill: the text that stands for a missing value, counted among the values
    """

    values: pa.Array
    by_fold: np.ndarray
    totals: np.ndarray
    scale: float = 1.0
    fill: str | None = None

    @classmethod
    def of(cls, groups: pa.Table, folds: int = 1, scale: float = 1.0) -> Counts:
        """Build from groups: ``value``, ``fold``, ``count``, ``total``."""
        encoded = groups["value"].combine_chunks().dictionary_encode()
        missing = len(encoded.dictionary)
        places = encoded.indices.fill_null(missing).to_numpy(zero_copy_only=False)
        by_fold, totals = np.zeros((2, folds, missing + 1), dtype=np.int64)
        fold = groups["fold"].to_numpy()
        by_fold[fold, places] = groups["count"].to_numpy()
        totals[fold, places] = groups["total"].to_numpy()
        return cls._ordered(encoded.dictionary, by_fold, totals, scale)

    @classmethod
    def none(cls, fill: str | None) -> Counts:
        """Nothing is counted."""
        import pyarrow as pa

        nothing = np.zeros((1, 1), dtype=np.int64)
        return cls(pa.array([], pa.string()), nothing, nothing, fill=fill)

    @classmethod
    def _ordered(
        cls, values: pa.Array, by_fold: np.ndarray, totals: np.ndarray, scale: float, fill: str | None = None
    ) -> Counts:
        import pyarrow as pa
        import pyarrow.compute as pc

        table = pa.table({"value": values, "count": by_fold.sum(axis=0)[:-1]})
        order = pc.sort_indices(table, [("count", "descending"), ("value", "ascending")])
        kept = np.append(order.to_numpy().astype(np.int64), len(values))
        return cls(values.take(order), by_fold[:, kept], totals[:, kept], scale, fill)

    @property
    def counts(self) -> np.ndarray:
        """Rows of each value, int64."""
        counts: np.ndarray = self.by_fold.sum(axis=0)[:-1]
        return counts

    @property
    def missing(self) -> int:
        return int(self.by_fold[:, -1].sum())

    @property
    def rows(self) -> int:
        return int(self.by_fold.sum())

    def frequent(self, min_count: int = 1, top: int | None = None) -> list[str]:
        """The values that occur so often, at most so many."""
        wanted = int((self.counts >= min_count).sum())
        return list(self.values.slice(0, wanted if top is None else min(wanted, top)).to_pylist())

    def filled(self, where: str, fill: str | None) -> Counts:
        """The counts after missing values became ``fill``, or the most frequent value.

        :raises InvalidInputError: no value is the most frequent, as all are missing
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if fill is None:
            return self
        if fill == MOST_FREQUENT:
            if not len(self.values):
                raise InvalidInputError(where, "every value is missing", 'a value to fill with, as Fill("?")')
            fill = self.values[0].as_py()
        if not self.missing:
            return replace(self, fill=fill)
        values, by_fold, totals = self.values, self.by_fold.copy(), self.totals.copy()
        place = pc.index(values, fill).as_py()
        if place < 0:
            place = len(values)
            values = pa.concat_arrays([values, pa.array([fill], pa.string())])
            by_fold, totals = (np.insert(each, place, 0, axis=1) for each in (by_fold, totals))
        for each in (by_fold, totals):
            each[:, place] += each[:, -1]
            each[:, -1] = 0
        return Counts._ordered(values, by_fold, totals, self.scale, fill)


def count_categories(engine: Engine, rows: Relation, wanted: Sequence[Counted]) -> list[Counts]:
    """Count the categories of columns and crosses, in one query."""
    import pyarrow.compute as pc

    if not wanted:
        return []
    queries = [
        f"SELECT {place} AS place, value, fold, count(*) AS count, CAST(sum(total) AS BIGINT) AS total FROM "
        f"(SELECT {text_of(each.column)} AS value, {each.fold} AS fold, {each.total} AS total FROM rows) "
        "AS counted GROUP BY value, fold"
        for place, each in enumerate(wanted)
    ]
    found = engine.collect(engine.sql(" UNION ALL ".join(queries), rows=rows))
    return [
        Counts.of(found.filter(pc.field("place") == place), each.folds, each.scale)
        for place, each in enumerate(wanted)
    ]

"""The raw rows that a model keeps: a few to check it with, more to see later requests drift from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.model import Model

GOLDEN_ROWS = 64
GOLDEN_FROM = 4096
REFERENCE_ROWS = 2048
PLACES, READ_ROWS = 16, 1 << 17
"""Row groups that the reference is taken from, and the rows that are read from the starts of all of them."""


@dataclass(frozen=True)
class RawRows:
    """Raw rows of a dataset, the same on every engine.

    :param golden: evenly spaced over the first :data:`GOLDEN_FROM`
    :param reference: from row groups that are evenly spaced over the dataset
    """

    golden: pa.Table
    reference: pa.Table

    @classmethod
    def of(cls, dataset: Dataset, columns: list[str]) -> Self:
        """Read a dataset's."""
        return cls(golden_rows(dataset, columns), reference_rows(dataset, columns))

    @classmethod
    def kept_by(cls, model: Model) -> Self:
        """Return those that a model keeps."""
        return cls(model.golden(), model.training_rows())

    def beside(self, other: RawRows) -> RawRows:
        """Return rows of both's columns: what they are together does not matter, only that they are raw."""
        return RawRows(beside(self.golden, other.golden), beside(self.reference, other.reference))


def beside(rows: pa.Table, more: pa.Table) -> pa.Table:
    """Return as many rows as both have, of both's columns."""
    count = min(rows.num_rows, more.num_rows)
    made = rows.slice(0, count)
    for name in more.column_names:
        if name not in rows.column_names:
            made = made.append_column(name, more[name].slice(0, count))
    return made


def golden_rows(dataset: Dataset, columns: list[str]) -> pa.Table:
    """A few raw rows, evenly spaced over the first :data:`GOLDEN_FROM`; the same on every engine."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from stagecraft.engines.types import canonical

    for uri in dataset.files:
        with dataset.store.arrow_filesystem.open_input_file(dataset.store.strip(uri)) as source:
            file = pq.ParquetFile(source)
            first = next(file.iter_batches(GOLDEN_FROM, columns=columns), None)
            rows = file.schema_arrow.empty_table() if first is None else pa.Table.from_batches([first])
        if rows.num_rows:
            break
    places = np.linspace(0, rows.num_rows - 1, min(GOLDEN_ROWS, rows.num_rows)).astype(np.int64)
    rows = rows.select(columns).take(places)
    return rows.cast(canonical(rows.schema, "encode.dataset"))


def reference_rows(dataset: Dataset, columns: list[str]) -> pa.Table:
    """Up to :data:`REFERENCE_ROWS` raw rows from all over a dataset, of which :data:`READ_ROWS` are read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from stagecraft.engines.types import canonical

    parts, files = [], _spaced(len(dataset.files), PLACES)
    for at in files:
        uri = dataset.files[at]
        with dataset.store.arrow_filesystem.open_input_file(dataset.store.strip(uri)) as source:
            file = pq.ParquetFile(source)
            groups = _spaced(file.num_row_groups, PLACES // len(files))
            share = len(files) * max(len(groups), 1)
            parts.append(file.schema_arrow.empty_table().select(columns))
            for group in groups:
                batches = file.iter_batches(READ_ROWS // share, row_groups=[group], columns=columns)
                if (batch := next(batches, None)) is not None:
                    chosen = _spaced(batch.num_rows, REFERENCE_ROWS // share)
                    parts.append(pa.Table.from_batches([batch]).select(columns).take(chosen))
    rows = pa.concat_tables(parts)
    return rows.cast(canonical(rows.schema, "encode.dataset"))


def _spaced(count: int, most: int) -> list[int]:
    """Return up to so many of the numbers below ``count``, evenly spaced."""
    chosen = min(count, max(most, 1))
    return [number * count // chosen for number in range(chosen)]
